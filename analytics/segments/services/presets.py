"""Templates for segments that most shops need: a rule to start with, which is edited like any other.

TEMPLATES.register("one_time", SegmentTemplate(_("One-time buyers"), _("Ordered exactly once."), group(leaf(...))))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.conditions.rules.trees import Group, Leaf, Node, leaf_of
from core.base.registry import Registry


@dataclass(frozen=True)
class SegmentTemplate:
    """A template of a segment. `rule` is in canonical form."""

    label: str | Promise
    about: str | Promise
    rule: Node


TEMPLATES: Registry[SegmentTemplate] = Registry("segment template")


def leaf(condition: str, operator: str, **values: Any) -> Leaf:
    """Return a rule of one condition."""
    return leaf_of(condition, operator, values)


def every(*children: Node) -> Group:
    """Return a rule that holds when all children hold."""
    return {"op": "and", "children": list(children)}


def none_of(*children: Node) -> Group:
    """Return a rule that holds when no child holds."""
    inner: Node = children[0] if len(children) == 1 else {"op": "or", "children": list(children)}
    return {"op": "not", "children": [inner]}


def register_all() -> None:
    """Register the segments that a shop can add with one click."""
    for code, label, about, rule in (
        (
            "new",
            _("New customers"),
            _("First ordered in the last 30 days."),
            every(leaf("stage", "in", values=["new"])),
        ),
        (
            "active",
            _("Active customers"),
            _("Ordered in the last 90 days, including won-back customers."),
            every(leaf("stage", "in", values=["active", "won_back"])),
        ),
        (
            "at_risk",
            _("At risk"),
            _("Last ordered 90 to 180 days ago."),
            every(leaf("stage", "in", values=["at_risk"])),
        ),
        (
            "lapsed",
            _("Lapsed"),
            _("Last ordered 180 to 365 days ago."),
            every(leaf("stage", "in", values=["lapsed"])),
        ),
        (
            "vip",
            _("VIP"),
            _("The top 20% by spend who also order often."),
            every(leaf("rfm_m", "gte", value=5), leaf("rfm_f", "gte", value=4)),
        ),
        (
            "birthdays",
            _("Birthdays this month"),
            _("Birthday in the current month."),
            every(leaf("birthday", "this_month")),
        ),
        (
            "high_value_at_risk",
            _("High value at risk"),
            _("High spend, but the last order was 90 to 365 days ago."),
            every(leaf("rfm_m", "gte", value=4), leaf("stage", "in", values=["at_risk", "lapsed"])),
        ),
        (
            "one_time",
            _("One-time buyers"),
            _("Ordered exactly once."),
            every(leaf("order_count", "eq", value=1)),
        ),
        (
            "discount_seekers",
            _("Discount seekers"),
            _("At least two orders, with a discount share of 20% or more."),
            every(leaf("order_count", "gte", value=2), leaf("discount_share", "gte", value=20)),
        ),
        (
            "silent_members",
            _("Silent members"),
            _("Members without an order or activity in the last 90 days."),
            every(
                leaf("is_member", "yes"),
                none_of(leaf("last_order", "within", days=90), leaf("last_activity", "within", days=90)),
            ),
        ),
    ):
        TEMPLATES.register(code, SegmentTemplate(label, about, rule))
