"""Read the results of an experiment, by intention to treat (X2): all drawn customers, over their own window of days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection

from campaigns.experiments import rules
from campaigns.experiments.models import (
    SHARE_METRICS,
    Experiment,
    ExperimentArm,
    ExperimentMetric,
    ExperimentScope,
    ExperimentState,
)
from campaigns.experiments.rules import AdjustedEffect, Covariate, ExperimentEffect, GroupOutcome
from campaigns.experiments.selectors.sums import WIDTH, columns_of, outcomes_of
from core.base.zones import shop_zone
from core.db.slow_results import cached_when_slow
from crm.orders.selectors.bought import order_counts

# Orders that count and their revenue: after discounts and points, which `total` already is, and less refunds.
ORDERS = f"""
    LEFT JOIN LATERAL (
        SELECT count(*) AS orders, coalesce(sum(o.total - o.refunded), 0) AS revenue FROM crm_order o
        WHERE o.customer_id = {{customer}} AND {order_counts("o")} AND o.currency = %(currency)s
              AND o.paid_at >= {{since}} AND o.paid_at < {{until}}) AS bought ON true"""  # noqa: S608 - fragments of the code; values are parameters
# Beside the metrics to choose from, the risk of every message: that a customer withdraws their consent.
LEFT = "left"
# A journey has a goal of its own.
GOAL = "goal"
WITHDRAWALS = """
    LEFT JOIN LATERAL (
        SELECT EXISTS (SELECT FROM crm_consent c WHERE c.customer_id = {customer} AND c.purpose = 'marketing'
                       AND c.decision = 'withdrawn' AND c.given_at >= {since} AND c.given_at < {until}) AS yes
        ) AS left_us ON true"""
# Any activity that the shop's storefront reports of a customer: views, searches, carts.
VISITS = """
    LEFT JOIN LATERAL (
        SELECT EXISTS (SELECT FROM crm_activityevent a WHERE a.customer_id = {customer}
                       AND a.occurred_at >= {since} AND a.occurred_at < {until}) AS yes) AS visited ON true"""
# {of}: which messages count, "true" for all.
OPENS = """
    LEFT JOIN LATERAL (
        SELECT EXISTS (SELECT FROM campaigns_message m WHERE m.customer_id = {customer} AND {of}
                       AND m.opened_at >= {since} AND m.opened_at < {until}) AS yes) AS opened ON true"""
CLICKS = """
    LEFT JOIN LATERAL (
        SELECT EXISTS (SELECT FROM campaigns_message m JOIN campaigns_linkclick l ON l.message_id = m.id
                       WHERE m.customer_id = {customer} AND {of}
                             AND l.clicked_at >= {since} AND l.clicked_at < {until}) AS yes) AS clicked ON true"""
# The covariate (CUPED): the amount of the orders paid before the exposure. Later refunds and cancellations are left in,
# because the treatment may have caused them.
BEFORE_DAYS = 180
SLOW_SECONDS = 0.5
KEPT_SECONDS = 300
_BEFORE = f"""
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(o.total), 0)::numeric AS spend FROM crm_order o
        WHERE o.customer_id = {{customer}} AND o.currency = %(currency)s
              AND o.paid_at >= {{since}} - make_interval(days => {BEFORE_DAYS}) AND o.paid_at < {{since}}
        ) AS before ON true"""  # noqa: S608 - fragments of the code; values are parameters
FACTS = ORDERS + WITHDRAWALS + VISITS + OPENS + CLICKS + _BEFORE
VALUES: dict[str, str] = {
    ExperimentMetric.ORDERED: "least(bought.orders, 1)",
    ExperimentMetric.ORDERS: "bought.orders",
    ExperimentMetric.REVENUE: "bought.revenue",
    ExperimentMetric.VISITED: "visited.yes::int",
    ExperimentMetric.OPENED: "opened.yes::int",
    ExperimentMetric.CLICKED: "clicked.yes::int",
    LEFT: "left_us.yes::int",
}
FIGURES = tuple(VALUES)
# Metrics that spend before the exposure explains in part.
ADJUSTED: tuple[str, ...] = (ExperimentMetric.ORDERED, ExperimentMetric.ORDERS, ExperimentMetric.REVENUE)
MOST_POINTS = 60
SHARES = SHARE_METRICS | {LEFT, GOAL}
# By the day on which the windows end, so that the same statement gives the results and their course.
_RESULTS = f"""
    SELECT e.arm_id, ((e.exposed_at + make_interval(days => %(days)s)) AT TIME ZONE %(zone)s)::date, count(*), {{sums}}
    FROM campaigns_exposure e
    {
    FACTS.format(
        customer="e.customer_id",
        since="e.exposed_at",
        until="e.exposed_at + make_interval(days => %(days)s)",
        of="(%(everywhere)s OR m.origin = e.origin)",
    )
}
    WHERE e.experiment_id = %(experiment)s AND e.exposed_at <= now() - make_interval(days => %(days)s)
    GROUP BY 1, 2 ORDER BY 2"""  # noqa: S608 - fragments of the code; values are parameters  # fmt: skip


@dataclass(frozen=True)
class Baseline:
    """Hold the metric of one customer over a past window."""

    customers: int
    mean: float
    variance: float


@dataclass(frozen=True)
class ArmResult:
    """Hold one arm's figures by metric, including withdrawn consents, with its effects against the control.

    `adjusted`: the effects with spend before exposure as covariate, for the metrics to which it applies.
    """

    arm: ExperimentArm
    drawn: int
    outcomes: dict[str, GroupOutcome]
    effects: dict[str, ExperimentEffect | None]
    adjusted: dict[str, AdjustedEffect | None]

    @property
    def counted(self) -> int:
        """Return the customers whose window is over: the same for every figure."""
        return self.outcomes[LEFT].count


@dataclass(frozen=True)
class CoursePoint:
    """Hold the main metric of each arm, in their order, over all customers counted by the end of a day of the shop."""

    day: date
    outcomes: list[GroupOutcome]


@dataclass(frozen=True)
class ExperimentResults:
    """Hold the results. `open_count`: customers drawn whose window is not over.

    `readable`: the effect on the chosen metric may be read now: at any time if the test allows it, else once the sample
    is complete. `course`: at most 60 days, the last one with the current figures.
    """

    arms: list[ArmResult]
    open_count: int
    mismatch: float
    readable: bool
    course: list[CoursePoint]

    @property
    def uneven(self) -> bool:
        return self.mismatch < rules.MISMATCH

    @property
    def counted(self) -> int:
        return sum(row.counted for row in self.arms)


def baseline(experiment: Experiment) -> Baseline:
    """Return the metric over the last window, for the planned segment, else for all customers who ever ordered."""
    of_segment = "SELECT m.customer_id FROM analytics_customersegments m WHERE %(segment)s = ANY(m.inside)"
    everyone = "SELECT f.customer_id FROM analytics_customerfeature f WHERE f.order_count > 0"
    # The campaign has no messages yet, so the past opens and clicks of all messages stand for its own.
    parts: dict[str, str] = {
        ExperimentMetric.VISITED: VISITS, ExperimentMetric.OPENED: OPENS, ExperimentMetric.CLICKED: CLICKS,
    }  # fmt: skip
    facts = parts.get(experiment.metric, ORDERS).format(
        customer="who.customer_id", since="now() - make_interval(days => %(days)s)", until="now()", of="true"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), coalesce(avg(value), 0)::float8, coalesce(var_samp(value), 0)::float8
                FROM (SELECT {VALUES[ExperimentMetric(experiment.metric)]} AS value
                      FROM ({of_segment if experiment.segment_id else everyone}) AS who {facts}) AS found""",  # noqa: S608 - fragments of the code; values are parameters
            {"segment": experiment.segment_id, "currency": experiment.currency, "days": experiment.window_days},
        )
        return Baseline(*cursor.fetchone())


def results_of(experiment: Experiment) -> ExperimentResults:
    """Return the results; slow figures are kept for five minutes."""
    arms = list(experiment.arms.select_related("template", "coupon"))
    by_day, counts = cached_when_slow(
        f"campaigns.experiment_results:{experiment.pk}:{experiment.state}:{experiment.metric}:{experiment.window_days}",
        lambda: (_figures(experiment), _drawn_counts(experiment)),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )
    outcomes = {arm.pk: _outcomes(_summed(by_day.get(arm.pk, {}).values())) for arm in arms}
    control = outcomes[arms[0].pk]
    thetas = {metric: rules.theta_of([outcomes[arm.pk][metric] for arm in arms]) for metric in ADJUSTED}
    results = []
    for arm in arms:
        effects: dict[str, ExperimentEffect | None] = {}
        adjusted: dict[str, AdjustedEffect | None] = {}
        if arm is not arms[0]:
            own = outcomes[arm.pk]
            effects = {
                metric: rules.effect_of(outcome, control[metric], **_test_of(experiment, metric, len(arms) - 1))
                for metric, outcome in own.items()
            }
            adjusted = {
                metric: rules.adjusted_effect_of(
                    own[metric], control[metric], theta=theta, **_test_of(experiment, metric, len(arms) - 1)
                )
                for metric, theta in thetas.items()
            }
        results.append(ArmResult(arm, counts.get(arm.pk, (0, 0))[0], outcomes[arm.pk], effects, adjusted))
    counted = sum(row.counted for row in results)
    total = sum(count for count, _since in counts.values())
    return ExperimentResults(
        arms=results,
        open_count=total - counted,
        mismatch=rules.mismatch([counts.get(arm.pk, (0, 0))[1] for arm in arms], [arm.weight for arm in arms]),
        readable=experiment.any_time
        or experiment.state == ExperimentState.ENDED
        or (experiment.planned_count is not None and counted >= experiment.planned_count),
        course=_course(experiment, arms, by_day),
    )


def _test_of(experiment: Experiment, metric: str, comparisons: int) -> dict[str, Any]:
    """Return the chosen metric's chosen test; the other metrics are shown beside it, each for one look."""
    is_main = metric == experiment.metric
    return {
        "error": experiment.error_percent / 100,
        "comparisons": comparisons,
        "mixture": float(experiment.effect) if is_main and experiment.any_time else None,
        "share": metric in SHARES,
    }


def _figures(experiment: Experiment) -> dict[int, dict[date, Sequence[float]]]:
    """Return by arm and day the count, the sums of each metric, and those of the covariate."""
    sums = [columns_of(VALUES.values())]
    sums.append("coalesce(sum(before.spend), 0)::float8, coalesce(sum(before.spend::float8 * before.spend), 0)::float8")
    sums += [f"coalesce(sum(before.spend::float8 * ({VALUES[metric]})), 0)::float8" for metric in ADJUSTED]
    with connection.cursor() as cursor:
        cursor.execute(
            _RESULTS.format(sums=", ".join(sums)),
            {
                "experiment": experiment.pk,
                "currency": experiment.currency,
                "days": experiment.window_days,
                "zone": shop_zone(),
                "everywhere": experiment.scope == ExperimentScope.EVERYTHING,
            },
        )
        result: dict[int, dict[date, Sequence[float]]] = defaultdict(dict)
        for arm, day, *figures in cursor.fetchall():
            result[arm][day] = figures
        return result


def _summed(rows: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _outcomes(row: Sequence[float]) -> dict[str, GroupOutcome]:
    width = WIDTH * len(VALUES)
    count, *sums = row or [0] * (1 + width + 2 + len(ADJUSTED))
    spend, squares, *products = sums[width:]
    covariates = {
        metric: Covariate(spend, squares, product) for metric, product in zip(ADJUSTED, products, strict=True)
    }
    return outcomes_of(VALUES, count, sums, covariates)


def _course(
    experiment: Experiment, arms: Sequence[ExperimentArm], by_day: Mapping[int, Mapping[date, Sequence[float]]]
) -> list[CoursePoint]:
    """Return the sums up to each day, thinned to 60 days of even distance that include the last one."""
    days = sorted({day for rows in by_day.values() for day in rows})
    step = -(-len(days) // MOST_POINTS) if days else 1
    shown = set(days[::-1][::step])
    so_far: dict[int, Sequence[float]] = {}
    points = []
    for day in days:
        for arm in arms:
            if (row := by_day.get(arm.pk, {}).get(day)) is not None:
                so_far[arm.pk] = _summed([so_far[arm.pk], row]) if arm.pk in so_far else row
        if day in shown:
            points.append(CoursePoint(day, [_outcomes(so_far.get(arm.pk, []))[experiment.metric] for arm in arms]))
    return points


def _drawn_counts(experiment: Experiment) -> dict[int, tuple[int, int]]:
    """Return {arm: (all drawn customers, those drawn since the last change of weights)}."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT arm_id, count(*), count(*) FILTER (WHERE exposed_at >= %s) FROM campaigns_exposure
               WHERE experiment_id = %s GROUP BY arm_id""",
            [experiment.weighed_at, experiment.pk],
        )
        return {arm: (count, since) for arm, count, since in cursor.fetchall()}
