"""Read the results of a journey: who entered, messages by step, the effect beside the holdout, and its costs.

A customer counts by their first entry (intention to treat, X2): for `window_days` days from the moment at which the
entry let them in or held them out. Revenue is after discounts and points, net of refunds (A2).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import ExperimentEffect, effect_of
from campaigns.experiments.selectors.holdouts import (
    GLOBALLY_HELD_OUT,
    HoldoutGroup,
    empty_group,
    global_holdout_params,
    group_of,
)
from campaigns.experiments.selectors.results import GOAL, LEFT, SHARES
from campaigns.experiments.selectors.sums import columns_of
from campaigns.journeys import rules
from campaigns.journeys.models import EndReason, Journey, JourneyStepCount, JourneyVersion, RunState
from campaigns.journeys.selectors.runs import Counts
from core.base import clock
from core.base.zones import shop_day
from core.db.statements import statement
from crm.customers.selectors import shop_currency
from crm.orders.selectors.bought import order_counts
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Program

CHART_DAYS = 90
ERROR = 0.05
ORDER = "crm.order_paid"
METRICS: tuple[str, ...] = (GOAL, ExperimentMetric.ORDERED, ExperimentMetric.ORDERS, ExperimentMetric.REVENUE, LEFT)
_VALUES: dict[str, str] = {
    GOAL: "(g.id IS NOT NULL)::int",
    ExperimentMetric.ORDERED: "least(coalesce(b.orders, 0), 1)",
    ExperimentMetric.ORDERS: "coalesce(b.orders, 0)",
    ExperimentMetric.REVENUE: "coalesce(b.revenue, 0)",
    LEFT: "(l.id IS NOT NULL)::int",
}
JOINED = (
    "FROM member m LEFT JOIN bought b ON b.id = m.id LEFT JOIN goal g ON g.id = m.id LEFT JOIN left_us l ON l.id = m.id"
)
# A goal counts in the way that ends a run early (`campaigns_happened`), here until the end of the window.
_WITHIN = "AND {at} > m.since AND {at} < m.until AND m.over AND campaigns_where({properties}, %(where)s::jsonb)"
# Orders are read once, for the goal too.
_ORDER_GOAL = "SELECT id FROM bought WHERE goal"
_IS_ORDER_GOAL = """campaigns_where(
    jsonb_build_object('amount', o.total, 'channel', o.channel), %(where)s::jsonb) AND o.paid_at > m.since"""
_ACTIVITY_GOAL = f"""
    SELECT DISTINCT m.id FROM member m JOIN crm_activityevent a ON a.customer_id = m.customer_id
    WHERE a.kind = substr(%(goal)s, 10) {_WITHIN.format(at="a.occurred_at", properties="a.properties")}"""  # noqa: S608 - fragments of the code; values are parameters
_EVENT_GOAL = f"""
    SELECT DISTINCT m.id FROM member m JOIN core_domainevent e ON e.subject_id = m.customer_id
    WHERE e.kind = %(goal)s {_WITHIN.format(at="e.occurred_at", properties="e.payload")}"""  # noqa: S608 - fragments of the code; values are parameters
_NO_GOAL = "SELECT NULL::bigint AS id WHERE false"


@dataclass(frozen=True)
class DayCounts:
    """Hold the entries and the runs that reached the goal on one day of the shop."""

    day: date
    entered: int = 0
    goal: int = 0


@dataclass
class StepMessages:
    """Count the messages of one step.

    `sent`: handed over. `delivered`: confirmed by the provider. `held`: waiting or not sent, by the gate's reason.
    """

    made: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class JourneyEffect:
    """Hold the two groups and their differences with a 95 % interval; `effects` are None while too few are counted.

    `held_out` is None when no customer was ever held out.
    """

    entered: HoldoutGroup
    held_out: HoldoutGroup | None
    effects: dict[str, ExperimentEffect | None]
    currency: str
    days: int

    @property
    def counted(self) -> int:
        return self.entered.counted + (self.held_out.counted if self.held_out else 0)

    @property
    def waiting(self) -> int:
        return self.entered.waiting + (self.held_out.waiting if self.held_out else 0)

    @property
    def metrics(self) -> list[str]:
        return list(self.entered.outcomes)


@dataclass(frozen=True)
class JourneyCost:
    """Hold the gifts of a journey: codes given and used with their discount, and points with their worth.

    Amounts are in minor units of `currency`; `worth` is at the rate at which members spend points now, and None when
    the program has another currency.
    """

    codes: int
    used: int
    discount: int
    points: int
    worth: int | None
    currency: str

    @property
    def total(self) -> int:
        return self.discount + (self.worth or 0)


def funnel(journey: Journey) -> Counts:
    """Return the counts over all versions, from kept counts: one statement for any number of runs."""
    counts = Counts()
    rows = JourneyStepCount.objects.filter(version__journey=journey).order_by()
    for step, outcome, count in rows.values_list("step", "outcome").annotate(total=Sum("count")):
        counts.add(step, outcome, count)
    return counts


def days_of(journey: Journey) -> list[DayCounts]:
    """Return the last 90 days, or the days since the first entry if that is less, from kept counts."""
    today = shop_day(clock.now())
    rows = JourneyStepCount.objects.filter(
        version__journey=journey, step__in=[rules.ENTRY, rules.END], day__gt=today - timedelta(days=CHART_DAYS)
    )
    sums: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    wanted = {(rules.ENTRY, RunState.ACTIVE): "entered", (rules.END, EndReason.GOAL): "goal"}
    for step, outcome, day, count in rows.values_list("step", "outcome", "day").annotate(total=Sum("count")).order_by():
        if name := wanted.get((step, outcome)):
            sums[day][name] += count
    if not sums:
        return []
    first = min(sums)
    span = (first + timedelta(days=offset) for offset in range((today - first).days + 1))
    return [DayCounts(day, **sums.get(day, {})) for day in span]


def messages_by_step(journey: Journey) -> dict[str, StepMessages]:
    """Return the messages of each step over all versions. A step keeps its id, so its messages add up."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT step, state, reason, count(*), count(delivered_at), count(opened_at), count(clicked_at)
               FROM campaigns_message WHERE origin = %s GROUP BY 1, 2, 3""",
            [f"journey:{journey.pk}"],
        )
        rows = cursor.fetchall()
    steps: dict[str, StepMessages] = defaultdict(StepMessages)
    for step, state, reason, count, delivered, opened, clicked in rows:
        figures = steps[step]
        figures.made += count
        if state == "sent":
            figures.sent += count
            figures.delivered += delivered
            figures.opened += opened
            figures.clicked += clicked
        elif reason:
            figures.held[reason] += count
    return dict(steps)


def effect_of_journey(
    journey: Journey, *, now: datetime | None = None, ended_since: datetime | None = None
) -> JourneyEffect:
    """Compare the customers who entered with those held out, by their first entry. One statement.

    `ended_since` leaves out the customers whose window ended before.
    """
    definition = journey.definition
    metrics = [metric for metric in METRICS if metric != GOAL or definition.get("goal")]
    sums = columns_of((_VALUES[metric] for metric in metrics), "m.over")
    sql, params = effect_statement(
        journey, f"SELECT m.held_out, count(*) FILTER (WHERE m.over), {sums}, count(*) FILTER (WHERE NOT m.over)"
        f" {JOINED} WHERE m.until >= coalesce(%(ended_since)s, m.until) GROUP BY m.held_out", now or clock.now(),
    )  # fmt: skip
    params["ended_since"] = ended_since
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        groups = {held_out: group_of(metrics, figures) for held_out, *figures in cursor.fetchall()}
    empty = empty_group(metrics)
    entered, held_out = groups.get(False, empty), groups.get(True)
    effects = {
        metric: effect_of(entered.outcomes[metric], held_out.outcomes[metric], error=ERROR, share=metric in SHARES)
        if held_out
        else None
        for metric in metrics
    }
    return JourneyEffect(entered, held_out, effects, params["currency"], params["days"])


def effect_statement(journey: Journey, answer: str, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return the statement that compares the groups, with this answer, and its parameters."""
    definition = journey.definition
    goal = definition.get("goal") or {}
    holdouts = global_holdout_params()
    globally = GLOBALLY_HELD_OUT.format(at="f.since", customer="f.customer_id")
    sql = statement(
        __package__,
        "effect",
        globally_held_out=globally if holdouts["everything"] else "false",
        order_counts=order_counts("o"),
        order_goal=_order_goal(goal),
        goal=_goal_sql(str(goal.get("event") or "")),
        answer=answer,
    )
    return sql, {
        "journey": journey.pk,
        "days": window_days(definition),
        "now": now,
        "goes_on": bool(definition.get("holdout")),
        "currency": shop_currency(),
        "goal": goal.get("event"),
        "where": json.dumps(goal.get("where") or []),
        **holdouts,
    }


def _order_goal(goal: Mapping[str, Any]) -> str:
    """Return the condition under which an order reaches the goal; without conditions every order does."""
    if goal.get("event") != ORDER:
        return "false"
    return _IS_ORDER_GOAL if goal.get("where") else "o.paid_at > m.since"


def _goal_sql(event: str) -> str:
    if not event:
        return _NO_GOAL
    if event == ORDER:
        return _ORDER_GOAL
    return _ACTIVITY_GOAL if event.startswith("activity:") else _EVENT_GOAL


def window_days(definition: Mapping[str, Any]) -> int:
    """Return for how many days after the entry goals and orders count."""
    return int(definition.get("window_days") or rules.WINDOW_DAYS)


def cost_of(journey: Journey) -> JourneyCost:
    """Return the gifts: points and codes from kept counts and the versions, uses of the codes from one statement."""
    gifts = gifts_of([journey.pk])[journey.pk]
    points, codes, coupons = gifts.points, gifts.codes, gifts.coupons
    currency = shop_currency()
    used = discount = 0
    if coupons:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT count(*), coalesce(sum(u.discount), 0)::bigint
                   FROM campaigns_couponuse u JOIN campaigns_couponcode k ON k.id = u.code_id
                   JOIN campaigns_coupon c ON c.id = u.coupon_id AND c.currency = %s
                   WHERE u.coupon_id = ANY(%s) AND u.state = 'redeemed' AND starts_with(k.issued_for, %s)""",
                [currency, sorted(coupons), f"journey:{journey.pk}:run:"],
            )
            used, discount = cursor.fetchone()
    program = Program.objects.default() if points else None
    worth = points_worth(program, points) if program and program.currency == currency else None if points else 0
    return JourneyCost(codes, used, discount, points, worth, currency)


@dataclass
class Gifts:
    """Count what a journey gave: points, coupon codes, and the coupons that these belong to."""

    points: int = 0
    codes: int = 0
    coupons: set[int] = field(default_factory=set)


def gifts_of(journeys: Collection[int]) -> dict[int, Gifts]:
    """Return {journey id: gifts} from kept counts: the runs that did each giving step, times its points."""
    gifts = {journey: Gifts() for journey in journeys}
    versions = {version.pk: version for version in JourneyVersion.objects.filter(journey__in=gifts)}
    steps = {pk: rules.by_id(version.definition["steps"]) for pk, version in versions.items()}
    # Outcome "": given. Others say why nothing was given.
    rows = JourneyStepCount.objects.filter(version__in=steps, outcome="").order_by()
    for version, own, count in rows.values_list("version_id", "step").annotate(total=Sum("count")):
        given = gifts[versions[version].journey_id]
        values: rules.StepValues = steps[version].get(own, {})
        if values.get("kind") == "points":
            given.points += count * int(values["points"])
        elif values.get("kind") == "coupon":
            given.codes += count
            given.coupons.add(int(values["coupon"]))
    return gifts
