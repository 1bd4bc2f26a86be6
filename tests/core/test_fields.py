"""One schema of fields cleans the values of conditions, steps, providers and benefits, and draws their forms."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django import forms

from core.base.errors import Invalid
from core.fields import FIELD_KINDS, Field, FieldKind, clean, clean_value, form_fields, read_values, shown_values

COLOURS = [("red", "Red"), ("blue", "Blue")]
SIZES = [(1, "Small"), (2, "Large")]


def field(kind: str, **options) -> Field:
    return Field("value", kind, "Value", **options)


def refusal(one: Field, raw, **options) -> tuple[str, str, str | None]:
    with pytest.raises(Invalid) as error:
        clean_value(one, raw, **options)
    return error.value.code, str(error.value.message), error.value.field


@pytest.mark.parametrize(
    ("one", "raw", "value"),
    [
        (field("text"), "  a  b ", "a  b"),
        (field("text"), 5, "5"),
        (field("long"), " a\nb ", "a\nb"),
        (field("line"), " a \n b ", "a b"),
        (field("verbatim"), " a ", " a "),
        (field("number"), "7", 7),
        (field("number"), 0, 0),
        (field("number", choices=lambda: SIZES), 2, 2),
        (field("days"), 36500, 36500),
        (field("money"), 1250, 1250),
        (field("date"), "2026-01-31", "2026-01-31"),
        (field("time"), "09:05:30", "09:05"),
        (field("flag"), False, False),
        (field("flag"), 1, True),
        (field("choice", choices=lambda: COLOURS), "red", "red"),
        (field("choice", choices=lambda: SIZES), 2, "2"),
        (field("choices", choices=lambda: COLOURS), ["red", "blue", "red"], ["blue", "red"]),
        (field("choices", choices=lambda: COLOURS), "red", ["red"]),
        (field("words"), [" b", "a", "b"], ["b", "a"]),
        (field("words", choices=lambda: COLOURS), ["red"], ["red"]),
        (field("numbers", least=1, most=31), [18, 8, 18], [8, 18]),
    ],
)
def test_each_kind_returns_its_canonical_form(one, raw, value):
    assert clean_value(one, raw) == value


@pytest.mark.parametrize(
    ("one", "raw", "code", "message"),
    [
        (field("text"), None, "required", "Fill this in."),
        (field("text"), "  ", "required", "Fill this in."),
        (field("choices"), [], "required", "Fill this in."),
        (field("text", most=3), "abcd", "too_long", "Use at most 3 characters."),
        (field("verbatim"), "a\x00", "invalid", "This value is not valid."),
        (field("number"), "1.5", "invalid", "Use a whole number."),
        (field("number"), True, "invalid", "Use a whole number."),
        (field("number"), -1, "out_of_range", "This number is out of range."),
        (field("number", least=2, most=4), 5, "out_of_range", "This number is out of range."),
        (field("number", choices=lambda: SIZES), 3, "invalid_choice", "Not one of the choices."),
        (field("days"), 36501, "out_of_range", "This number is out of range."),
        (field("money"), 2**53 + 1, "out_of_range", "This number is out of range."),
        (field("date"), "31.1.2026", "invalid_date", "Use a date such as 2026-01-31."),
        (field("time"), "25:00", "invalid", "Use a time such as 10:00."),
        (field("choice", choices=lambda: COLOURS), "green", "invalid_choice", "Not one of the choices."),
        (field("choices", choices=lambda: COLOURS), ["red", "green"], "invalid_choice", "Not one of the choices."),
        (field("words"), "red", "invalid", "This value is not valid."),
        (field("words"), ["a", " "], "invalid", "This value is not valid."),
        (field("words", most=2), ["abc"], "invalid", "This value is not valid."),
        (field("words"), ["a"] * 201, "invalid", "This value is not valid."),
        (field("words", choices=lambda: COLOURS), ["green"], "invalid_choice", "Not one of the choices."),
        (field("numbers"), 5, "invalid", "This value is not valid."),
        (field("numbers", least=1, most=7), [0], "out_of_range", "This number is out of range."),
        (field("numbers", choices=lambda: SIZES), [1, 3], "invalid_choice", "Not one of the choices."),
    ],
)
def test_each_kind_refuses_wrong_values_with_its_code(one, raw, code, message):
    assert refusal(one, raw) == (code, message, "value")


def test_an_address_must_be_public(settings):
    # Given
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    # When, then
    assert refusal(field("url"), "http://example.com")[0] == "https_required"
    assert refusal(Field("api", "url", "Address"), "https://127.0.0.1/x")[0::2] == ("private_address", "api")
    assert refusal(field("url"), "https://[bad")[0] == "invalid"


@pytest.mark.parametrize("one", [field("number"), field("money"), field("days")])
def test_strict_numbers_must_come_as_numbers(one):
    assert clean_value(one, 5, strict=True) == 5
    assert refusal(one, "5", strict=True)[0] == "invalid"


def test_strict_texts_and_flags_must_come_as_such():
    assert refusal(field("text"), 5, strict=True)[0] == "invalid"
    assert refusal(field("flag"), 1, strict=True)[0] == "invalid"


def test_a_missing_value_is_the_stored_secret_the_default_or_empty():
    secret = Field("key", "line", "Key", secret=True)
    assert clean_value(secret, "", stored="old") == "old"
    assert clean_value(secret, "new", stored="old") == "new"
    assert refusal(secret, " ")[0] == "required"
    assert clean_value(field("number", default=3), None) == 3
    assert clean_value(field("text", required=False), " ") == ""
    assert clean_value(field("number", required=False), None) is None


def test_the_owner_replaces_codes_and_messages():
    errors = {
        "out_of_range": ("too_big", "From %(low)s to %(high)s."),
        "number.required": ("missing", "A number is missing."),
    }
    assert refusal(field("number", least=1, most=9), 10, errors=errors) == ("too_big", "From 1 to 9.", "value")
    assert refusal(field("number"), None, errors=errors) == ("missing", "A number is missing.", "value")
    assert refusal(field("text"), None, errors=errors) == ("required", "Fill this in.", "value")


def test_clean_reads_all_fields_and_names_the_path_of_a_wrong_one():
    # Given
    fields = [Field("size", "number", "Size"), Field("note", "text", "Note", required=False)]
    # When, then
    assert clean(fields, {"size": "2", "other": 1}) == {"size": 2, "note": ""}
    with pytest.raises(Invalid) as error:
        clean(fields, {"size": "x"}, path="rule.children.0")
    assert (error.value.code, error.value.field) == ("invalid", "rule.children.0.size")


def test_form_fields_ask_for_what_clean_takes():
    # Given
    fields = [
        Field("name", "text", "Name", "Its help.", most=40),
        Field("amount", "money", "Amount"),
        Field("days", "numbers", "Days", required=False),
        Field("sizes", "numbers", "Sizes", choices=lambda: SIZES),
        Field("size", "number", "Size", choices=lambda: SIZES),
        Field("skus", "words", "SKUs"),
        Field("on", "date", "On"),
        Field("at", "time", "At"),
        Field("colours", "choices", "Colours", choices=lambda: COLOURS),
    ]
    stored = {
        "name": "A", "amount": 1250, "days": [8, 18], "sizes": [1, 2], "size": 2, "skus": ["B", "C"],
        "on": "2026-01-31", "at": "10:00", "colours": ["blue"],
    }  # fmt: skip
    # When
    drawn = form_fields(fields, prefix="x_", currency="CNY")
    form = type("F", (forms.Form,), dict(drawn))
    shown = shown_values(fields, stored, prefix="x_", currency="CNY")
    sent = form(shown)
    # Then
    assert list(drawn) == [f"x_{one.name}" for one in fields]
    assert (drawn["x_name"].label, drawn["x_name"].help_text, drawn["x_name"].max_length) == ("Name", "Its help.", 40)
    assert (drawn["x_amount"].label, drawn["x_amount"].decimal_places) == ("Amount (CNY)", 2)
    assert drawn["x_size"].choices == [("", "—"), ("1", "Small"), ("2", "Large")]
    assert shown["x_amount"] == "12.50"
    assert sent.is_valid(), sent.errors
    assert sent.cleaned_data["x_amount"] == Decimal("12.50")
    read = read_values(fields, sent.cleaned_data, prefix="x_", currency="CNY")
    assert read == stored
    assert clean(fields, read, strict=True) == stored


def test_a_stored_secret_is_neither_shown_nor_asked_for_again():
    # Given
    fields = [Field("key", "line", "Key", "From the provider.", secret=True), Field("url", "line", "URL", default="u")]
    # When
    new, stored = form_fields(fields), form_fields(fields, stored=True)
    # Then
    assert (new["key"].required, stored["key"].required, new["url"].required) == (True, False, False)
    assert isinstance(new["key"].widget, forms.PasswordInput)
    assert stored["key"].help_text == "From the provider. A value is stored. Leave empty to keep it."
    assert shown_values(fields, {"key": "k"}) == {"url": "u"}


def test_optional_fields_need_not_be_filled_in():
    assert [one.required for one in form_fields([field("text"), Field("on", "date")], optional=True).values()] == [
        False,
        False,
    ]


def test_a_kind_without_a_form_field_says_so():
    with pytest.raises(NotImplementedError, match="drawn by its own page"):
        FieldKind().form_field(field("text"), "", {})
    assert "text" in FIELD_KINDS
