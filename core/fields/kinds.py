"""The common kinds of fields. Kinds that need the data of one subject are registered by that subject."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.fields.schema import FIELD_KINDS, Field, FieldKind
from core.http import outgoing
from core.text.currencies import exponent, to_major, to_minor

LARGEST = 2**53
LONGEST_PERIOD = 36500
MOST_ENTRIES = 200


class TextKind(FieldKind):
    """A text without spaces around it. `most` is its longest length."""

    empty = ""
    most = 200

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        if strict and not isinstance(raw, str):
            raise Invalid
        text = self.normal(str(raw))
        if "\x00" in text:
            raise Invalid
        longest = self.longest(field)
        if len(text) > longest:
            raise Invalid(_("Use at most %(most)s characters."), code="too_long", most=longest)
        return text

    def normal(self, text: str) -> str:
        return text.strip()

    def longest(self, field: Field) -> int:
        return self.most if field.most is None else field.most

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return forms.CharField(max_length=self.longest(field), **options)


class LongKind(TextKind):
    """A text of several lines."""

    most = 4000

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return super().form_field(field, currency, {"widget": forms.Textarea({"rows": 4}), **options})


class LineKind(TextKind):
    """A text in which every run of white space is one space."""

    most = 500

    def normal(self, text: str) -> str:
        return " ".join(text.split())


class VerbatimKind(TextKind):
    """A text that is taken as it was sent, spaces included."""

    def normal(self, text: str) -> str:
        return text

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return super().form_field(field, currency, {"strip": False, **options})


class UrlKind(LineKind):
    """An address that the product may send requests to: no address of our own network."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        url = super().clean(field, raw, strict=strict)
        try:
            if url:
                outgoing.check_url(url)
        except Invalid as error:
            # The check names its own field; the path of this one is added later.
            raise Invalid(error.message, code=error.code) from None
        return url


class NumberKind(FieldKind):
    """A whole number. With `choices` it must be one of them."""

    most = LARGEST

    def clean(self, field: Field, raw: Any, *, strict: bool) -> int:
        number = _whole(raw, strict=strict)
        low, high = self.limits(field)
        if not low <= number <= high:
            raise Invalid(_("This number is out of range."), code="out_of_range", low=low, high=high)
        if field.choices and number not in field.codes():
            raise _not_a_choice()
        return number

    def limits(self, field: Field) -> tuple[int, int]:
        return field.least or 0, self.most if field.most is None else field.most

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        if field.choices:
            return _select(field, options)
        low, high = self.limits(field)
        return forms.IntegerField(min_value=low, max_value=high, **options)

    def read(self, field: Field, value: Any, currency: str) -> Any:
        return _code_of(field, value) if field.choices else value


class DaysKind(NumberKind):
    """A number of days, at most a hundred years."""

    most = LONGEST_PERIOD


class MoneyKind(NumberKind):
    """An amount in minor units. It is typed in major units, with as many decimals as the currency has."""

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        label = f"{options.pop('label')} ({currency})"
        return forms.DecimalField(
            label=label, min_value=0, max_digits=15, decimal_places=exponent(currency), **options
        )  # fmt: skip

    def shown(self, field: Field, value: Any, currency: str) -> Any:
        return "" if value is None else f"{to_major(value, currency):f}"

    def read(self, field: Field, value: Any, currency: str) -> Any:
        return None if value is None else to_minor(value, currency)


class DateKind(FieldKind):
    """A date, stored as 2026-01-31."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        try:
            return date.fromisoformat(str(raw)).isoformat()
        except ValueError:
            raise Invalid(_("Use a date such as 2026-01-31."), code="invalid_date") from None

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)

    def read(self, field: Field, value: Any, currency: str) -> Any:
        return value.isoformat() if value else None


class TimeKind(FieldKind):
    """A time of day, stored as 10:00."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        try:
            return f"{time.fromisoformat(str(raw)):%H:%M}"
        except ValueError:
            raise Invalid(_("Use a time such as 10:00.")) from None

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return forms.TimeField(widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"), **options)

    def read(self, field: Field, value: Any, currency: str) -> Any:
        return f"{value:%H:%M}" if value else None


class FlagKind(FieldKind):
    """A yes or no."""

    empty = False

    def clean(self, field: Field, raw: Any, *, strict: bool) -> bool:
        if strict and not isinstance(raw, bool):
            raise Invalid
        return bool(raw)

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return forms.BooleanField(**{**options, "required": False})


class ChoiceKind(FieldKind):
    """The code of one choice, as text."""

    empty = ""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        return _chosen(field, raw)[0]

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return _select(field, options)


class ChoicesKind(FieldKind):
    """The codes of several choices, as sorted texts."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[str]:
        return sorted(set(_chosen(field, raw)))

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return _checkboxes(field, options)


class WordsKind(FieldKind):
    """Several different texts in the order in which they were entered; with `choices`, the codes of some of them.

    `most` is the longest length of each.
    """

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[str]:
        longest = 200 if field.most is None else field.most
        if not isinstance(raw, list) or len(raw) > MOST_ENTRIES:
            raise Invalid
        if any(not isinstance(one, str) or not one.strip() or len(one) > longest for one in raw):
            raise Invalid
        texts = list(dict.fromkeys(one.strip() for one in raw))
        if field.choices and set(texts) - set(field.codes()):
            raise _not_a_choice()
        return texts

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        if field.choices:
            return _checkboxes(field, options)
        return forms.CharField(widget=forms.Textarea({"rows": 2}), max_length=8000, **options)

    def shown(self, field: Field, value: Any, currency: str) -> Any:
        return value if field.choices else "\n".join(value or [])

    def read(self, field: Field, value: Any, currency: str) -> Any:
        return _codes_of(field, value) if field.choices else [line for line in value.splitlines() if line.strip()]


class NumbersKind(FieldKind):
    """Several different whole numbers from `least` to `most`, sorted; with `choices`, some of them."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[int]:
        if not isinstance(raw, list):
            raise Invalid
        low, high = field.least or 0, LARGEST if field.most is None else field.most
        numbers = {_whole(one, strict=strict) for one in raw}
        if any(not low <= number <= high for number in numbers):
            raise Invalid(_("This number is out of range."), code="out_of_range", low=low, high=high)
        if field.choices and numbers - set(field.codes()):
            raise _not_a_choice()
        return sorted(numbers)

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        return _checkboxes(field, options) if field.choices else forms.CharField(max_length=200, **options)

    def shown(self, field: Field, value: Any, currency: str) -> Any:
        texts = [str(number) for number in value or []]
        return texts if field.choices else ", ".join(texts)

    def read(self, field: Field, value: Any, currency: str) -> Any:
        if field.choices:
            return _codes_of(field, value)
        words = re.split(r"[\s,，、;；]+", value.strip()) if value else []
        return [int(word) if word.isdecimal() else word for word in words if word]


def _whole(raw: Any, *, strict: bool) -> int:
    if isinstance(raw, bool) or (strict and not isinstance(raw, int)):
        raise Invalid(_("Use a whole number."))
    try:
        return int(str(raw))
    except ValueError:
        raise Invalid(_("Use a whole number.")) from None


def _chosen(field: Field, raw: Any) -> list[str]:
    codes = [str(code) for code in (raw if isinstance(raw, list) else [raw])]
    if field.choices and not set(codes) <= {str(code) for code in field.codes()}:
        raise _not_a_choice()
    return codes


def _not_a_choice() -> Invalid:
    return Invalid(_("Not one of the choices."), code="invalid_choice")


def _labelled(field: Field) -> list[tuple[str, Any]]:
    return [(str(code), label) for code, label in field.choices()] if field.choices else []


def _select(field: Field, options: dict[str, Any]) -> forms.Field:
    return forms.ChoiceField(choices=[("", "—"), *_labelled(field)], **options)


def _checkboxes(field: Field, options: dict[str, Any]) -> forms.Field:
    return forms.MultipleChoiceField(choices=_labelled(field), widget=forms.CheckboxSelectMultiple, **options)


def _code_of(field: Field, text: str) -> Any:
    return {str(code): code for code in field.codes()}.get(text)


def _codes_of(field: Field, texts: list[str]) -> list[Any]:
    codes = {str(code): code for code in field.codes()}
    return [codes[text] for text in texts if text in codes]


_KINDS: dict[str, Callable[[], FieldKind]] = {
    "text": TextKind,
    "long": LongKind,
    "line": LineKind,
    "verbatim": VerbatimKind,
    "url": UrlKind,
    "number": NumberKind,
    "days": DaysKind,
    "money": MoneyKind,
    "date": DateKind,
    "time": TimeKind,
    "flag": FlagKind,
    "choice": ChoiceKind,
    "choices": ChoicesKind,
    "words": WordsKind,
    "numbers": NumbersKind,
}
for _name, _kind in _KINDS.items():
    FIELD_KINDS.register(_name, _kind())
