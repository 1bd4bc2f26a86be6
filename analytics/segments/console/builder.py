"""View model of the segment builder: the form tree with labels, choices and errors, ready for its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from analytics.conditions.registry import CONDITIONS, FILTER_SIGNS, MAX_FILTERS
from analytics.conditions.rules.trees import Leaf, Node, values_of
from analytics.segments.console import forms
from core.fields import Choices, Field, FieldView, picker_context, view_of
from core.fields.views import LONG_LIST

EMPTY_FILTER = {"property": "", "sign": "eq", "value": ""}


@dataclass
class LeafShown:
    path: str
    id: str
    condition: str
    label: str
    operator: str
    operators: list[tuple[str, str]]
    inputs: list[FieldView]
    error: str = ""
    known: bool = True
    is_leaf: bool = True


@dataclass
class GroupShown:
    path: str
    id: str
    op: str
    children: list[LeafShown | GroupShown]
    error: str = ""
    is_root: bool = False
    is_leaf: bool = False


def offered() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return every registered condition by group, in the order of registration."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for condition in CONDITIONS:
        groups.setdefault(str(condition.group), []).append((condition.name, str(condition.label)))
    return list(groups.items())


def operations() -> list[tuple[str, str]]:
    return [("and", _t("All of these")), ("or", _t("Any of these")), ("not", _t("None of these"))]


class Builder:
    """Builds the form tree. Each list of choices is read only once, even when many conditions use it."""

    def __init__(self, currency: str, errors: Mapping[str, str]) -> None:
        self.currency = currency
        self.errors = errors
        self._choices: dict[Any, list[tuple[str, str]]] = {}

    def show(self, node: Node, path: str = "rule") -> LeafShown | GroupShown:
        if "condition" in node:
            return self._leaf(node, path)
        children = [self.show(child, f"{path}.children.{index}") for index, child in enumerate(node["children"])]
        error = self.errors.get(path, "") or self.errors.get(f"{path}.op", "")
        return GroupShown(path, _id(path), node["op"], children, error, is_root=path == "rule")

    def _leaf(self, leaf: Leaf, path: str) -> LeafShown:
        condition = CONDITIONS.get(leaf["condition"])
        operators = [(code, str(label)) for code, label in condition.operators.items()] if condition else []
        values = values_of(leaf)
        inputs = [self._input(item, values.get(item.name), path) for item in forms.inputs_of(leaf)]
        own = [self.errors.get(f"{path}{end}", "") for end in ("", ".condition", ".operator")]
        return LeafShown(
            path,
            _id(path),
            leaf["condition"],
            str(condition.label) if condition else leaf["condition"],
            leaf["operator"],
            operators,
            inputs,
            error=next(filter(None, own), ""),
            known=condition is not None or not leaf["condition"],
        )

    def _input(self, item: Field, value: Any, path: str) -> FieldView:
        name = f"{path}.{item.name}"
        texts = forms.typed(item, value, self.currency)
        shown = view_of(item, texts[0] if texts else "", name=name, error=self.errors.get(name, ""))
        if item.kind == "where":
            shown.value = [*(value or []), EMPTY_FILTER][:MAX_FILTERS]
            shown.choices = [(code, str(label)) for code, label in FILTER_SIGNS.items()]
        elif item.kind == "choices":
            shown.value, shown.chosen = "", set(texts)
        if item.kind in {"choice", "choices"} and item.choices and not item.picker:
            shown.choices = self._offered(item, texts)
        if item.picker:
            shown.picker = picker_context(
                item.picker, field=name, id=shown.id, values=texts, several=item.kind == "choices"
            )["picker"]
        if item.kind == "money":
            shown.unit = self.currency
        elif item.kind == "days":
            shown.unit = pgettext("unit", "days")
        return shown

    def _offered(self, item: Field, chosen: Sequence[str]) -> list[tuple[str, str]]:
        """Return the choices. In a long list the chosen ones come first.

        A chosen value that no longer exists stays in the list until the user removes it.
        """
        key = item.choices
        if key not in self._choices:
            choices: Choices = item.choices() if item.choices else []
            self._choices[key] = [(str(code), str(label) or _t("(empty)")) for code, label in choices]
        known = self._choices[key]
        missing = [(value, value) for value in chosen if value and value not in dict(known)]
        if len(known) <= LONG_LIST or item.kind == "choice":
            return known + missing
        picked = set(chosen)
        return missing + sorted(known, key=lambda choice: choice[0] not in picked)


def _id(path: str) -> str:
    return path.replace(".", "-")
