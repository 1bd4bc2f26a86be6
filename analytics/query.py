"""Rules as text, in the words of the registered conditions: `rules/query.py` bound to what can be asked of a customer.

Amounts are in major units of the shop's currency. A choice is named by its code or by its label in any language; labels
are written where the code is a number that would tell nobody anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import translation

from analytics.conditions import CONDITIONS, PLAIN_NUMBER, Choices, Condition, Input, clean
from analytics.rules.query import (
    KEYWORDS,
    Form,
    Grammar,
    Hint,
    Match,
    Slot,
    elements_of,
    hints_at_end,
    parse,
    write,
    write_form,
)
from analytics.rules.query_tokens import Token, WrongQuery, near, quoted
from analytics.rules.trees import WrongTree, check_shape
from core.errors import Invalid
from crm.rules.money import exponent, to_major

TAKES = {
    "number": "number",
    "days": "number",
    "money": "number",
    "date": "date",
    "choices": "texts",
    "where": "filters",
}
SIGN_CODES = {"=": "eq", "!=": "ne", ">=": "gte", "<=": "lte"}
SIGNS = {code: sign for sign, code in SIGN_CODES.items()}
CODE = re.compile(r"[a-z_][a-z0-9_]*")
WHOLE = re.compile(r"-?[0-9]{1,18}")
OFFERED = 12
PARTIAL = re.compile(r'"(?:[^"\\]|\\.)*$|“[^”]*$|[\w.-]+$')


def patterns_of(condition: Condition, operator: str) -> list[str]:
    """How a comparison may be written, the printed way first."""
    given = (condition.query or {}).get(operator)
    if given:
        return [given] if isinstance(given, str) else list(given)
    inputs = condition.inputs(operator)
    words = [condition.name, operator]
    for item in inputs:
        value = f"{{{item.name}}}" if len(inputs) == 1 else f"{item.name} {{{item.name}}}"
        words.append(value if item.required and item.default is None else f"[{value}]")
    return [" ".join(words)]


def forms_of(condition: Condition) -> Iterator[Form]:
    for operator in condition.operators:
        takes = {item.name: TAKES.get(item.kind, "text") for item in condition.inputs(operator)}
        for pattern in patterns_of(condition, operator):
            for elements in elements_of(pattern, takes):
                yield Form(condition.name, operator, elements)


@cache
def grammar() -> Grammar:
    """Once: the conditions are registered at start-up and never change."""
    return Grammar(form for condition in CONDITIONS for form in forms_of(condition))


def parse_rule(text: str, currency: str) -> dict:
    """The rule in canonical form. Raises WrongQuery, whose place is in the text."""
    rule = parse(text, grammar(), _Reader(text, currency).leaf)
    try:
        check_shape(rule)
    except WrongTree as error:
        raise WrongQuery(text, 0, text[:1], error.code) from None
    return rule


def print_rule(rule: dict, currency: str) -> str:
    """The text of a rule. One whose conditions or comparisons are gone is written as it stands, and won't be read."""
    return Printer(currency).text(rule)


def _input(match: Match, name: str) -> Input:
    condition = CONDITIONS[match.form.condition]
    return next(item for item in condition.inputs(match.form.operator) if item.name == name)


class _Reader:
    """Makes leaves of what was written; what is wrong with a value is said at its token."""

    def __init__(self, text: str, currency: str) -> None:
        self.text = text
        self.currency = currency

    def leaf(self, match: Match) -> dict:
        condition, operator = CONDITIONS[match.form.condition], match.form.operator
        values: dict[str, Any] = {}
        places: dict[str, Token] = {}
        for name, tokens in match.values.items():
            item, places[name] = _input(match, name), tokens[0]
            read = [self.value(item, token) for token in tokens]
            values[name] = read if item.kind == "choices" else read[0]
        for name, filters in match.filters.items():
            places[name] = filters[0][0]
            values[name] = [
                {"property": prop.text, "sign": self.sign(sign), "value": value.text} for prop, sign, value in filters
            ]
        try:
            return {"condition": condition.name, "operator": operator, **clean(condition, operator, values, "rule")}
        except Invalid as error:
            name = (error.field or "").rpartition(".")[2]
            token = places.get(name, match.start)
            raise self.wrong(token, reason=str(error.message)) from None

    def value(self, item: Input, token: Token) -> Any:
        if item.kind in {"choice", "choices"} and item.choices:
            return self.choice(item, token)
        if item.kind == "money":
            return self.amount(token)
        return token.text

    def choice(self, item: Input, token: Token) -> str:
        known = _known(item)
        codes = [code for code, _label in known]
        if token.text in codes:
            return token.text
        found = _labelled(item, token.text)
        if len(found) == 1:
            return found[0]
        spelled = {label: code for code, label in known} | {code: code for code in codes if CODE.fullmatch(code)}
        meant = dict.fromkeys(_print_choice(known, spelled[name]) for name in near(token.text, list(spelled)))
        some = [_print_choice(known, code) for code in codes[:OFFERED]]
        raise self.wrong(token, expected=some, near=list(meant))

    def amount(self, token: Token) -> int | str:
        if not PLAIN_NUMBER.fullmatch(token.text):
            return token.text
        minor = Decimal(token.text).scaleb(exponent(self.currency))
        if minor != minor.to_integral_value():
            raise self.wrong(token, expected=["12.50" if exponent(self.currency) else "12"])
        return int(minor)

    def sign(self, token: Token) -> str:
        if token.text not in SIGN_CODES:
            raise self.wrong(token, expected=list(SIGN_CODES))
        return SIGN_CODES[token.text]

    def wrong(self, token: Token, **how: Any) -> WrongQuery:
        return WrongQuery(self.text, token.offset, token.raw, "wrong_value", **how)


def _known(item: Input) -> list[tuple[str, str]]:
    return [(str(code), str(label)) for code, label in item.choices()] if item.choices else []


def _labelled(item: Input, text: str) -> list[str]:
    """The codes that have this label: in the reader's language first, then in any that the product speaks."""
    wanted = text.strip().lower()
    for language in (None, *(code for code, _name in settings.LANGUAGES)):
        with translation.override(language or translation.get_language()):
            found = [code for code, label in _known(item) if label.lower() == wanted]
        if found:
            return found
    return []


class Printer:
    """Writes rules as text. Each list of choices is read once, however many rules name it."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._choices: dict[Callable[[], Choices], list[tuple[str, str]]] = {}

    def text(self, rule: dict) -> str:
        return write(rule, self._leaf)

    def _leaf(self, leaf: dict) -> str:
        condition = CONDITIONS.get(leaf["condition"])
        if condition is None or leaf["operator"] not in condition.operators:
            return " ".join(str(value) for value in leaf.values())
        texts = {
            item.name: self._value(item, leaf[item.name])
            for item in condition.inputs(leaf["operator"])
            if item.name in leaf
        }
        given = set(texts)
        for form in _printed_forms(condition.name, leaf["operator"]):
            slots = {element.name for element in form.elements if isinstance(element, Slot)}
            if slots <= given:
                return write_form(form, texts)
        return f"{condition.name} {leaf['operator']}"

    def _value(self, item: Input, value: Any) -> str:
        if item.kind == "money" and isinstance(value, int):
            return f"{to_major(value, self.currency):f}".removesuffix(f".{'0' * exponent(self.currency)}")
        if item.kind in {"number", "days", "date", "money"}:
            return str(value)
        if item.kind == "choices":
            known = self._known(item)
            return "(" + ", ".join(_print_choice(known, str(part)) for part in value) + ")"
        if item.kind == "choice":
            return _print_choice(self._known(item), str(value))
        if item.kind == "where":
            return ", ".join(
                f"{_bare(part['property'])} {SIGNS[part['sign']]} {_number_or_text(part['value'])}" for part in value
            )
        return quoted(str(value))

    def _known(self, item: Input) -> list[tuple[str, str]]:
        if item.choices is None:
            return []
        if item.choices not in self._choices:
            self._choices[item.choices] = _known(item)
        return self._choices[item.choices]


@cache
def _printed_forms(condition: str, operator: str) -> list[Form]:
    """The alternatives of the first pattern, those with most values first."""
    found = CONDITIONS[condition]
    takes = {item.name: TAKES.get(item.kind, "text") for item in found.inputs(operator)}
    forms = [Form(condition, operator, parts) for parts in elements_of(patterns_of(found, operator)[0], takes)]
    return sorted(forms, key=lambda form: -len(form.elements))


def _print_choice(known: Sequence[tuple[str, str]], code: str) -> str:
    """A number that stands for a name is written as the name, where it is the name of nothing else."""
    label = dict(known).get(code, "")
    if code.isdigit() and label:
        same = [other for other, name in known if name.lower() == label.lower() or other == label]
        if same == [code]:
            return quoted(label)
    return quoted(code) if label == code else _bare(code)


def _bare(word: str) -> str:
    """Without quotes where nothing else could be meant."""
    return word if CODE.fullmatch(word) and word not in grammar().reserved else quoted(word)


def _number_or_text(value: str) -> str:
    return value if PLAIN_NUMBER.fullmatch(value) else quoted(value)


@dataclass(frozen=True)
class Suggestion:
    """`text` goes in the place of what is typed there; `label` is what it means."""

    text: str
    label: str
    kind: str


@dataclass(frozen=True)
class Completion:
    """`start` is where what was begun at the caret begins."""

    start: int
    suggestions: list[Suggestion]


def complete(text: str, caret: int) -> Completion:
    """What could stand at the caret, by what stands before it: conditions, words of their forms, values."""
    before = text[:caret]
    begun = PARTIAL.search(before)
    start = begun.start() if begun else caret
    typed = begun[0].strip('"“').lower() if begun else ""
    found: dict[str, Suggestion] = {}
    for hint in hints_at_end(before[:start], grammar()):
        for suggestion in _suggestions(hint):
            fits = typed in suggestion.text.lower() or typed in suggestion.label.lower()
            if fits and suggestion.text.lower() != before[start:].lower():
                found.setdefault(suggestion.text, suggestion)
    ranked = sorted(found.values(), key=lambda one: not one.text.lstrip('"').lower().startswith(typed))
    return Completion(start, ranked[:OFFERED])


def _suggestions(hint: Hint) -> Iterator[Suggestion]:
    if hint.kind == "condition":
        for form in grammar().starts[hint.text]:
            yield Suggestion(hint.text, str(CONDITIONS[form.condition].label), "condition")
            return
    elif hint.kind == "word":
        kind = "word" if hint.text in KEYWORDS or hint.text in "()," else "comparison"
        yield Suggestion(hint.text, "", kind)
    elif hint.kind == "sign":
        for sign in SIGN_CODES:
            yield Suggestion(sign, "", "comparison")
    elif hint.kind == "value" and hint.form is not None:
        condition = CONDITIONS[hint.form.condition]
        for item in condition.inputs(hint.form.operator):
            if item.name == hint.text:
                known = _known(item)
                for code, label in known:
                    yield Suggestion(_print_choice(known, code), label, "value")


def pointed(text: str, error: WrongQuery) -> tuple[str, str, str]:
    """The line of a wrong place in three parts: before it, the token that is wrong, after it."""
    lines = text.split("\n")
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    start = error.column - 1
    end = start + max(len(error.token.split("\n")[0]), 0)
    return line[:start], line[start:end], line[end:]


__all__ = ["Completion", "Printer", "Suggestion", "WrongQuery", "complete", "parse_rule", "pointed", "print_rule"]
