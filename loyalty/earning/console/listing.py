"""The list of earning rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.console.list_columns import Cell
from core.lists.columns import current, over, owner_column
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register
from core.text.formatting import day
from loyalty.earning.labels import condition_words, terms_words, trigger_words
from loyalty.earning.models import EarningRule, EarningRuleVersion, Stacking
from loyalty.earning.services import rules as services
from loyalty.program.models import Program


@dataclass(frozen=True)
class EarningRuleRow:
    """A rule with its newest version in words."""

    item: EarningRule
    trigger: str
    terms: str
    conditions: list[str]
    stacking: str
    state: tuple[str, str]
    version: int


def standing(rule: EarningRule, now: datetime) -> tuple[str, str]:
    """Return (label, tone) of a rule at that time."""
    if not rule.active:
        return _t("Switched off"), "off"
    if rule.ends_at and rule.ends_at <= now:
        return _t("Ended"), "off"
    if rule.starts_at and rule.starts_at > now:
        return _t("Not started"), "info"
    return _t("Running"), "good"


def _newest(rules: Sequence[EarningRule]) -> dict[int, EarningRuleVersion]:
    rows = EarningRuleVersion.objects.filter(rule__in=rules).order_by("rule_id", "-version").distinct("rule_id")
    return {row.rule_id: row for row in rows}


def _rows(_request: HttpRequest, rules: Sequence[EarningRule]) -> list[EarningRuleRow]:
    newest, now = _newest(rules), clock.now()
    return [
        EarningRuleRow(
            rule,
            trigger_words(rule),
            terms_words(version, rule.program),
            condition_words(version, rule.program),
            str(Stacking(version.stacking).label),
            standing(rule, now),
            version.version,
        )
        for rule in rules
        if (version := newest.get(rule.pk))
    ]


EARNING_RULES = register(
    ObjectList(
        name="earning",
        title=_("Earning rules"),
        route="earning",
        model=EarningRule,
        permission="loyalty.view_earningrule",
        change="loyalty.change_earningrule",
        add="loyalty.add_earningrule",
        select=lambda _request: EarningRule.objects.select_related("program", "point_type", "owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda rule: reverse("earning_rule", args=[rule.pk]),
        edit=lambda rule: reverse("earning_edit", args=[rule.pk]),
        order=("position", "id"),
        columns=[
            Column("name", _("Rule"), lambda row: Cell(row.item.name, row.item.point_type.name), sort="name"),
            Column("state", _("State"), lambda row: Cell(row.state[0], badge=row.state[1]), on_cards=False),
            Column("trigger", _("Earned by"), lambda row: row.trigger, sort="trigger"),
            Column("terms", _("What it gives"), lambda row: Cell(row.terms, " · ".join(row.conditions))),
            Column("stacking", _("With others"), lambda row: row.stacking),
            Column("version", _("Version"), lambda row: str(row.version), lambda row: row.version, number=True),
            owner_column(),
            Column("position", _("Position"), lambda row: str(row.item.position), sort="position", shown=False),
            Column("ends", _("Ends"), lambda row: day(row.item.ends_at), shown=False),
        ],
        states=[
            State("", _("All")),
            State("current", _("Current"), current),
            State("over", _("Over"), over),
        ],
        search=("name", "code"),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda rule, actor: services.duplicate_rule(rule=rule, actor=actor),
        top_actions=[
            TopAction(
                _("New rule"),
                "plus",
                lambda: reverse("earning_new"),
                "loyalty.add_earningrule",
                allowed=lambda: Program.objects.default() is not None,
            )
        ],
        template="loyalty/earning/earning.html",
        empty=Empty(
            "coins",
            _("No earning rules yet"),
            _("Rules say what earns points: orders, reviews, check-ins, a friend's first order."),
        ),
    )
)
