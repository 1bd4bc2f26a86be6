"""Rules as text, in the words of the registered conditions: binds `rules/query.py` to the segment conditions.

Amounts are in major units of the shop's currency. A choice is given by its code or by its label in any language. Labels
are printed when the code is only a number.
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

from analytics.conditions.registry import CONDITIONS, PLAIN_NUMBER, SegmentCondition, clean
from analytics.conditions.rules.query import (
    KEYWORDS,
    Form,
    Grammar,
    Hint,
    Match,
    ValueSlot,
    elements_of,
    hints_at_end,
    parse,
    write,
    write_form,
)
from analytics.conditions.rules.query_tokens import Token, WrongQuery, near, quoted
from analytics.conditions.rules.trees import Leaf, Node, WrongTree, check_shape, leaf_of, values_of
from core.base.errors import Invalid
from core.fields import Choices, Field
from core.text.currencies import exponent
from crm.orders.rules.money import to_major

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


def patterns_of(condition: SegmentCondition, operator: str) -> list[str]:
    """Return the patterns of a comparison, the printed one first."""
    pattern = (condition.query or {}).get(operator)
    if pattern:
        return [pattern] if isinstance(pattern, str) else list(pattern)
    inputs = condition.inputs(operator)
    words = [condition.name, operator]
    for item in inputs:
        value = f"{{{item.name}}}" if len(inputs) == 1 else f"{item.name} {{{item.name}}}"
        words.append(value if item.required and item.default is None else f"[{value}]")
    return [" ".join(words)]


def forms_of(condition: SegmentCondition) -> Iterator[Form]:
    for operator in condition.operators:
        takes = {item.name: TAKES.get(item.kind, "text") for item in condition.inputs(operator)}
        for pattern in patterns_of(condition, operator):
            for elements in elements_of(pattern, takes):
                yield Form(condition.name, operator, elements)


@cache
def grammar() -> Grammar:
    """Return the grammar of all conditions. It is built once, because conditions are registered only at start-up."""
    return Grammar(form for condition in CONDITIONS for form in forms_of(condition))


def parse_rule(text: str, currency: str) -> Node:
    """Return the rule in canonical form. Raises WrongQuery with the place in the text."""
    rule = parse(text, grammar(), _Reader(text, currency).leaf)
    try:
        check_shape(rule)
    except WrongTree as error:
        raise WrongQuery(text, 0, text[:1], error.code) from None
    return rule


def print_rule(rule: Node, currency: str) -> str:
    """Return the text of a rule.

    Unknown conditions and comparisons are written as they are; that text can't be parsed.
    """
    return Printer(currency).text(rule)


def _input(match: Match, name: str) -> Field:
    condition = CONDITIONS[match.form.condition]
    return next(item for item in condition.inputs(match.form.operator) if item.name == name)


class _Reader:
    """Builds leaves from matched tokens; an error in a value is reported at its token."""

    def __init__(self, text: str, currency: str) -> None:
        self.text = text
        self.currency = currency

    def leaf(self, match: Match) -> Leaf:
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
            return leaf_of(condition.name, operator, clean(condition, operator, values, "rule"))
        except Invalid as error:
            name = (error.field or "").rpartition(".")[2]
            token = places.get(name, match.start)
            raise self.wrong(token, reason=str(error.message)) from None

    def value(self, item: Field, token: Token) -> Any:
        if item.kind in {"choice", "choices"} and item.choices:
            return self.choice(item, token)
        if item.kind == "money":
            return self.amount(token)
        return token.text

    def choice(self, item: Field, token: Token) -> str:
        known = _known(item)
        codes = [code for code, _label in known]
        if token.text in codes:
            return token.text
        codes_with_label = _labelled(item, token.text)
        if len(codes_with_label) == 1:
            return codes_with_label[0]
        spelled = {label: code for code, label in known} | {code: code for code in codes if CODE.fullmatch(code)}
        similar = dict.fromkeys(_print_choice(known, spelled[name]) for name in near(token.text, list(spelled)))
        some = [_print_choice(known, code) for code in codes[:OFFERED]]
        raise self.wrong(token, expected=some, near=list(similar))

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


def _known(item: Field) -> list[tuple[str, str]]:
    return [(str(code), str(label)) for code, label in item.choices()] if item.choices else []


def _labelled(item: Field, text: str) -> list[str]:
    """Return the codes with this label: in the reader's language first, then in any language of the product."""
    wanted = text.strip().lower()
    for language in (None, *(code for code, _name in settings.LANGUAGES)):
        with translation.override(language or translation.get_language()):
            codes = [code for code, label in _known(item) if label.lower() == wanted]
        if codes:
            return codes
    return []


class Printer:
    """Prints rules as text. Each list of choices is read only once, even when many rules use it."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._choices: dict[Callable[[], Choices], list[tuple[str, str]]] = {}

    def text(self, rule: Node) -> str:
        """Return the rule as text of the query language."""
        return write(rule, self._leaf)

    def _leaf(self, leaf: Leaf) -> str:
        condition = CONDITIONS.get(leaf["condition"])
        if condition is None or leaf["operator"] not in condition.operators:
            return " ".join(str(value) for value in leaf.values())
        values = values_of(leaf)
        texts = {
            item.name: self._value(item, values[item.name])
            for item in condition.inputs(leaf["operator"])
            if item.name in values
        }
        filled = set(texts)
        for form in _printed_forms(condition.name, leaf["operator"]):
            slots = {element.name for element in form.elements if isinstance(element, ValueSlot)}
            if slots <= filled:
                return write_form(form, texts)
        return f"{condition.name} {leaf['operator']}"

    def _value(self, item: Field, value: Any) -> str:
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

    def _known(self, item: Field) -> list[tuple[str, str]]:
        if item.choices is None:
            return []
        if item.choices not in self._choices:
            self._choices[item.choices] = _known(item)
        return self._choices[item.choices]


@cache
def _printed_forms(condition: str, operator: str) -> list[Form]:
    """Return the alternatives of the first pattern, those with most values first."""
    registered = CONDITIONS[condition]
    takes = {item.name: TAKES.get(item.kind, "text") for item in registered.inputs(operator)}
    forms = [Form(condition, operator, parts) for parts in elements_of(patterns_of(registered, operator)[0], takes)]
    return sorted(forms, key=lambda form: -len(form.elements))


def _print_choice(known: Sequence[tuple[str, str]], code: str) -> str:
    """Return the name instead of a numeric code when the name is unique; otherwise the code."""
    label = dict(known).get(code, "")
    if code.isdigit() and label:
        same = [other for other, name in known if name.lower() == label.lower() or other == label]
        if same == [code]:
            return quoted(label)
    return quoted(code) if label == code else _bare(code)


def _bare(word: str) -> str:
    """Return the word without quotes when it is unambiguous, otherwise with quotes."""
    return word if CODE.fullmatch(word) and word not in grammar().reserved else quoted(word)


def _number_or_text(value: str) -> str:
    return value if PLAIN_NUMBER.fullmatch(value) else quoted(value)


@dataclass(frozen=True)
class Suggestion:
    """A completion. `text` replaces the typed part; `label` explains it."""

    text: str
    label: str
    kind: str


@dataclass(frozen=True)
class Completion:
    """Completions at a caret. `start` is where the partial word at the caret begins."""

    start: int
    suggestions: list[Suggestion]


def complete(text: str, caret: int) -> Completion:
    """Return the completions at the caret, by the text before it: conditions, words of their forms, values."""
    before = text[:caret]
    begun = PARTIAL.search(before)
    start = begun.start() if begun else caret
    typed = begun[0].strip('"“').lower() if begun else ""
    suggestions: dict[str, Suggestion] = {}
    for hint in hints_at_end(before[:start], grammar()):
        for suggestion in _suggestions(hint):
            fits = typed in suggestion.text.lower() or typed in suggestion.label.lower()
            if fits and suggestion.text.lower() != before[start:].lower():
                suggestions.setdefault(suggestion.text, suggestion)
    ranked = sorted(suggestions.values(), key=lambda one: not one.text.lstrip('"').lower().startswith(typed))
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
    """Split the line of an error into three parts: before the wrong token, the token, after it."""
    lines = text.split("\n")
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    start = error.column - 1
    end = start + max(len(error.token.split("\n")[0]), 0)
    return line[:start], line[start:end], line[end:]


__all__ = ["Completion", "Printer", "Suggestion", "WrongQuery", "complete", "parse_rule", "pointed", "print_rule"]
