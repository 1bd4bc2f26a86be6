"""Conversion of a segment's rule to form fields and back. A field's name is the path of its value in the tree.

    rule.op=and  rule.children.0.condition=net_spend  rule.children.0.operator=gte  rule.children.0.value=500.00

The shown tree differs from the rule in one point: "none of these" is `not` over one or more children, while a rule's
`not` holds exactly one. Money is entered in major units. Unreadable input is kept as typed, to be shown again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from django.utils.translation import gettext as _t

from analytics.conditions.registry import CONDITIONS, clean
from analytics.conditions.rules.trees import (
    MAX_DEPTH,
    MAX_LEAVES,
    OPERATIONS,
    Group,
    Leaf,
    Node,
    WrongTree,
    check_shape,
    leaf_of,
    values_of,
)
from core.base.errors import Invalid
from core.fields import Field
from core.fields.pickers import lines_of
from core.text.currencies import exponent
from crm.orders.rules.money import to_major

NAME = re.compile(r"rule((?:\.children\.[0-9]{1,4}){0,12})\.([a-z_]+)")
WHOLE = re.compile(r"-?[0-9]{1,18}")
AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
NUMBERS = ("number", "days", "money")
FILTER_PARTS = ("property", "sign", "value")
EVERYONE: Group = {"op": "and", "children": []}
EMPTY_LEAF: Leaf = {"condition": "", "operator": ""}


def shown_of(rule: Node) -> Node:
    """Return the shown tree of a rule: not(or(a, b)) becomes "none of a, b"; a lone condition gets a group."""
    shown = _shown_node(rule)
    return {"op": "and", "children": [shown]} if "condition" in shown else shown


def _shown_node(node: Node) -> Node:
    if "condition" in node:
        return node
    children = node["children"]
    if node["op"] == "not":
        inner = children[0]
        if "condition" not in inner and inner["op"] == "or" and len(inner["children"]) > 1:
            children = inner["children"]
    return {"op": node["op"], "children": [_shown_node(child) for child in children]}


def rule_of(shown: Node) -> Node:
    """Return the rule of a shown tree."""
    if "condition" in shown:
        return shown
    children = [rule_of(child) for child in shown["children"]]
    if shown["op"] == "not" and len(children) > 1:
        children = [{"op": "or", "children": children}]
    return {"op": shown["op"], "children": children}


def fields_of(shown: Node, currency: str, path: str = "rule") -> Iterator[tuple[str, str]]:
    """Yield (name, value) of every field, in the order of the form."""
    if "condition" not in shown:
        yield f"{path}.op", shown["op"]
        for index, child in enumerate(shown["children"]):
            yield from fields_of(child, currency, f"{path}.children.{index}")
        return
    yield f"{path}.condition", shown["condition"]
    yield f"{path}.was", shown["condition"]
    yield f"{path}.operator", shown["operator"]
    values = values_of(shown)
    for item in inputs_of(shown):
        if item.kind == "where":
            for part in values.get(item.name) or []:
                yield from ((f"{path}.{item.name}_{name}", part[name]) for name in FILTER_PARTS)
            continue
        for text in typed(item, values.get(item.name), currency):
            yield f"{path}.{item.name}", text


def inputs_of(leaf: Leaf) -> Sequence[Field]:
    condition = CONDITIONS.get(leaf["condition"])
    return condition.inputs(leaf["operator"]) if condition and leaf["operator"] in condition.operators else []


def typed(item: Field, value: Any, currency: str) -> list[str]:
    """Return a value as it stands in its field: several texts for a list, none without a value."""
    if value is None or item.kind == "where":
        return []
    if isinstance(value, list):
        return [str(part) for part in value]
    if item.kind == "money" and isinstance(value, int):
        return [f"{to_major(value, currency):f}"]
    return [str(value)]


@dataclass
class _Raw:
    values: dict[str, Sequence[str]] = field(default_factory=dict)
    children: dict[int, _Raw] = field(default_factory=dict)

    def last(self, name: str) -> str:
        values = self.values.get(name)
        return values[-1] if values else ""


def tree_of(fields: Mapping[str, Sequence[str]], currency: str) -> Node:
    """Return the shown tree of a submitted form. Children keep their order; gaps in their numbers are ignored."""
    root = _Raw()
    for name, values in fields.items():
        match = NAME.fullmatch(name)
        if match:
            place = root
            for index in match[1].split(".children.")[1:]:
                place = place.children.setdefault(int(index), _Raw())
            place.values[match[2]] = list(values)
    return _node(root, currency)


def _node(raw: _Raw, currency: str) -> Node:
    if "condition" in raw.values:
        return _leaf(raw, currency)
    children = [_node(raw.children[index], currency) for index in sorted(raw.children)]
    return cast(Group, {"op": raw.last("op") or "and", "children": children})


def _leaf(raw: _Raw, currency: str) -> Leaf:
    """Return a leaf of the form. When its condition was changed, old values are dropped: their meaning would differ."""
    name, operator = raw.last("condition"), raw.last("operator")
    condition = CONDITIONS.get(name)
    if condition is None:
        return {"condition": name, "operator": operator}
    same = raw.last("was") in {"", name}
    if not operator or (not same and operator not in condition.operators):
        operator = next(iter(condition.operators))
    values: dict[str, Any] = {}
    for item in condition.inputs(operator) if operator in condition.operators else []:
        if item.kind == "where":
            filters = _filters(raw, item.name) if same else []
            if filters:
                values[item.name] = filters
        elif same and item.name in raw.values:
            values[item.name] = _read(item, raw.values[item.name], currency)
        elif item.default is not None and item.kind != "choices":
            values[item.name] = item.default
    return leaf_of(name, operator, values)


def _filters(raw: _Raw, name: str) -> list[dict[str, str]]:
    """Return the filters on properties, without empty rows."""
    rows = zip(*(raw.values.get(f"{name}_{part}", []) for part in FILTER_PARTS), strict=False)
    return [dict(zip(FILTER_PARTS, row, strict=True)) for row in rows if row[0].strip() or row[2].strip()]


def _read(item: Field, values: Sequence[str], currency: str) -> Any:
    if item.picker:
        # Beside the check boxes stands an empty field for browsers without scripts.
        values = lines_of(values)
    if item.kind == "choices":
        return sorted(set(values))
    text = values[-1] if values else ""
    if item.kind in {"number", "days"}:
        return int(text) if WHOLE.fullmatch(text.strip()) else text
    if item.kind == "money" and AMOUNT.fullmatch(text.strip()):
        minor = Decimal(text.strip()).scaleb(exponent(currency))
        return int(minor) if minor == minor.to_integral_value() else text
    return text


def problems(shown: Node, path: str = "rule") -> dict[str, str]:
    """Return the errors of a shown tree as {path: message}: the first error of each condition and of each group."""
    errors = dict(_problems(shown, path))
    if not errors:
        try:
            check_shape(rule_of(shown))
        except WrongTree as error:
            errors[path] = {
                "too_deep": _t("Groups may be nested up to %(count)s levels deep.") % {"count": MAX_DEPTH},
                "too_many": _t("A rule may have at most %(count)s conditions.") % {"count": MAX_LEAVES},
            }.get(error.code, _t("This value is not valid."))
    return errors


def _problems(node: Node, path: str) -> Iterator[tuple[str, str]]:
    if "condition" in node:
        yield from _leaf_problem(node, path)
        return
    if node["op"] not in OPERATIONS:
        yield f"{path}.op", _t("Not one of the choices.")
    if node["op"] == "not" and not node["children"]:
        yield path, _t("Add a condition to this group, or remove it.")
    for index, child in enumerate(node["children"]):
        yield from _problems(child, f"{path}.children.{index}")


def _leaf_problem(leaf: Leaf, path: str) -> Iterator[tuple[str, str]]:
    condition = CONDITIONS.get(leaf["condition"])
    if condition is None:
        text = _t("There is no such condition.") if leaf["condition"] else _t("Choose a condition.")
        yield f"{path}.condition", text
        return
    values = values_of(leaf)
    for item in inputs_of(leaf):
        value = values.get(item.name)
        # Unreadable numbers must not reach `clean`, because it would read the text as minor units.
        if item.kind in NUMBERS and isinstance(value, str) and value.strip():
            text = _t("Use an amount such as 12.50.") if item.kind == "money" else _t("Use a whole number.")
            yield f"{path}.{item.name}", text
            return
    try:
        clean(condition, leaf["operator"], values, path)
    except Invalid as error:
        yield error.field or path, str(error.message)


def change(shown: Node, command: str) -> Node:
    """Return the tree after `add:PATH` or `group:PATH` (into the group at PATH) or `remove:PATH`.

    Other commands change nothing.
    """
    verb, _colon, path = command.partition(":")
    if verb not in {"add", "group", "remove"} or not re.fullmatch(r"rule(\.children\.[0-9]{1,4})*", path):
        return shown
    return _changed(shown, verb, [int(index) for index in path.split(".children.")[1:]])


def _changed(node: Node, verb: str, steps: list[int]) -> Node:
    if "condition" in node or (verb == "remove" and not steps):
        return node
    children = list(node["children"])
    if not steps:
        empty = EMPTY_LEAF.copy()
        children.append(empty if verb == "add" else {"op": "or", "children": [empty]})
    elif steps[0] < len(children):
        if verb == "remove" and len(steps) == 1:
            del children[steps[0]]
        else:
            children[steps[0]] = _changed(children[steps[0]], verb, steps[1:])
    return {"op": node["op"], "children": children}
