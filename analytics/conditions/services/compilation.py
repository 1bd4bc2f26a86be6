"""A segment's rule: validate it, bring it to canonical form, compile it to SQL."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CONDITIONS, Sql, clean
from analytics.conditions.rules.trees import Leaf, Node, WrongTree, check_shape, fold, leaf_of, leaves, values_of
from analytics.features.services.people import EVERYONE, People
from core.base.errors import Invalid
from crm.orders.selectors.skus import unknown_skus

IN_SEGMENT = "in_segment"
SHAPE_MESSAGES = {
    "not_a_group": _("A rule is a group with an operation and its conditions."),
    "not_a_condition": _("A condition needs its name and its comparison."),
    "unknown_operation": _("Use and, or or not."),
    "not_takes_one": _("“Not” holds exactly one condition or group."),
    "too_deep": _("Groups may be nested up to 8 levels deep."),
    "too_many": _("A rule may have at most 100 conditions."),
}


def clean_rule(rule: Any) -> Node:
    """Return the rule in canonical form.

    Raises Invalid whose field is the path of the error, such as rule.children.0.value.
    """
    try:
        check_shape(rule)
    except WrongTree as error:
        raise Invalid(SHAPE_MESSAGES[error.code], code=error.code, field=error.where) from None
    return _clean_node(rule, "rule")


def _clean_node(node: Node, where: str) -> Node:
    if "condition" not in node:
        return {
            "op": node["op"],
            "children": [_clean_node(child, f"{where}.children.{i}") for i, child in enumerate(node["children"])],
        }
    condition = CONDITIONS.get(node["condition"])
    if condition is None:
        raise Invalid(_("There is no such condition."), code="unknown_condition", field=f"{where}.condition")
    cleaned = clean(condition, node["operator"], values_of(node), where)
    return leaf_of(condition.name, node["operator"], cleaned)


def unknown_skus_of(rule: Node) -> list[str]:
    """Return the SKUs of the rule that no product has: such a condition holds for no customer, or for all."""
    return unknown_skus(sku for _path, leaf in leaves(rule) if (sku := values_of(leaf).get("sku")))


def compile_rule(rule: Node, *, people: People = EVERYONE) -> Sql:
    """Compile a rule to a boolean expression over f, c and k that reads facts of these people only."""

    def leaf(node: Leaf) -> Sql:
        sql = CONDITIONS[node["condition"]].sql(node["operator"], values_of(node))
        return Sql(people.asked(sql.text), sql.params)

    def combine(op: str, parts: list[Sql]) -> Sql:
        if op == "not":
            return Sql(f"(NOT {parts[0].text})", parts[0].params)
        if not parts:
            return Sql("true" if op == "and" else "false")
        return Sql(
            f"({(' AND ' if op == 'and' else ' OR ').join(part.text for part in parts)})",
            tuple(param for part in parts for param in part.params),
        )

    return fold(rule, leaf, combine)


def is_time_based(rule: Node) -> bool:
    """Return whether the result of a rule can change only because time passes."""
    return any(CONDITIONS[leaf["condition"]].time_based for _path, leaf in leaves(rule))


def feature_rows(condition: str) -> str:
    """Return the FROM clause of the feature rows, which only active customers have.

    It joins the customers when the condition reads `c`, and their segments when it reads `k`.
    """
    rows = "analytics_customerfeature f"
    if re.search(r"\bc\.", condition):
        rows += " JOIN crm_customer c ON c.id = f.customer_id"
    if re.search(r"\bk\.", condition):
        rows += " LEFT JOIN analytics_customersegments k ON k.customer_id = f.customer_id"
    return rows


def used_segments(rule: Node) -> set[int]:
    """Return the segments that a rule names."""
    named = (values_of(leaf) for _path, leaf in leaves(rule) if leaf["condition"] == IN_SEGMENT)
    return {int(pk) for values in named for pk in values.get("values", [])}
