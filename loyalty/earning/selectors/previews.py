"""Preview of a proposed rule version on one member's last activity: its points for each item, and why not.

Changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _t

from core.base import clock
from crm.orders.models import Order
from loyalty.earning.models import EarningRule, EarningRuleVersion, Stacking
from loyalty.earning.registry import Subject
from loyalty.earning.rules.caps import Counters
from loyalty.earning.selectors.evaluation import Evaluation, RuleJudgement, RuleOutcome
from loyalty.earning.selectors.rules import current_versions
from loyalty.earning.selectors.subjects import happening_subjects, subject_of_order
from loyalty.program.models import Member, Program
from loyalty.triggers.registry import READ_BACK, TRIGGERS

LAST = 10
# A rule that is not saved yet comes after all others, because the older of two equal rules goes first.
UNSAVED = 2**62


@dataclass(frozen=True)
class PreviewRow:
    """One order or happening. `refused` says in words why the rule gives nothing; `points` is what it gives.

    `base` is minor units, or the points that it multiplies. `all_points` is what all rules of the point type give
    together.
    """

    name: str
    at: datetime
    base: int
    points: int
    cut: int
    refused: list[str]
    all_points: int
    multiplies: bool


def trial_of(version: EarningRuleVersion) -> EarningRuleVersion:
    """Return the version as if its rule had always run. Otherwise its dates would hide what it would have given."""
    trial = copy.copy(version)
    rule = copy.copy(version.rule)
    rule.starts_at = rule.ends_at = None
    rule.pk = rule.pk or UNSAVED
    trial.rule = rule
    return trial


def rules_with(program: Program, trial: EarningRuleVersion) -> list[EarningRuleVersion]:
    """Return the rules that are stacked with a version. The version takes the place of its rule's present one."""
    others = [
        version
        for version in current_versions(program)
        if version.rule.pk != trial.rule.pk
        and version.rule.trigger == trial.rule.trigger
        and version.rule.event_kind == trial.rule.event_kind
        and version.rule.point_type_id == trial.rule.point_type_id
    ]
    return [*others, trial]


def preview_rule(*, member: Member, version: EarningRuleVersion, last: int = LAST) -> list[PreviewRow]:
    """Preview the member's last orders, newest first, with today's tier and empty counters.

    For rules about happenings, preview the last 35 days.
    """
    program, trial = member.program, trial_of(version)
    rule = trial.rule
    if rule.trigger == "order":
        names, subjects = _orders(program, member, last)
    else:
        since = clock.now() - READ_BACK
        subjects = happening_subjects(program, rule.trigger, rule.event_kind, {member.customer_id: member}, since=since)
        names = dict.fromkeys((subject.key for subject in subjects), _happening_label(rule))
    evaluation = Evaluation(program, rules_with(program, trial), subjects)
    plan = next(plan for plan in evaluation.plans if plan.version is trial)
    counters, rows = Counters(), []
    for subject in subjects:
        judged = evaluation.judge(plan, subject, explain=True)
        outcomes = evaluation.give(subject, counters)
        rows.append(_row(names[subject.key], subject, judged, outcomes))
    return rows[::-1]


def _orders(program: Program, member: Member, last: int) -> tuple[dict[int | str, str], Sequence[Subject]]:
    zone = ZoneInfo(program.time_zone)
    orders = Order.objects.paid().filter(customer_id=member.customer_id, currency=program.currency)
    orders_by_time = sorted(orders.order_by("-paid_at", "-pk")[:last], key=lambda order: (order.paid_at, order.pk))
    subjects = [subject_of_order(order, member, order.paid_at, zone) for order in orders_by_time if order.paid_at]
    return {order.pk: order.number for order in orders_by_time}, subjects


def _happening_label(rule: EarningRule) -> str:
    trigger = TRIGGERS[rule.trigger]
    kinds = dict(trigger.kinds()) if trigger.kinds else {}
    return str(kinds.get(rule.event_kind) or trigger.label)


def _row(name: str, subject: Subject, judged: RuleJudgement, outcomes: Sequence[RuleOutcome]) -> PreviewRow:
    own = next((one for one in outcomes if one.version is judged.plan.version), None)
    refused = [_words(reason) for reason in judged.refused]
    if own is None and not refused:
        refused.append(
            _t("no other rule gives anything to multiply")
            if judged.plan.version.stacking == Stacking.MULTIPLY
            else _t("another rule gives more")
        )
    return PreviewRow(
        name=name,
        at=subject.at,
        base=own.base if own else judged.base.amount,
        points=own.given.points if own else 0,
        cut=own.given.cut if own else 0,
        refused=refused,
        all_points=sum(one.given.points for one in outcomes),
        multiplies=bool(own and own.given.multiplied is not None),
    )


def _words(reason: str) -> str:
    if reason == "no_line":
        return _t("no line counts")
    if reason == "not_running":
        return _t("the rule is not running at that time")
    return reason
