"""Read the results of an experiment, by intention to treat (X2): all drawn customers, over their own window of days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from campaigns.experiments import rules
from campaigns.experiments.models import SHARE_METRICS, Experiment, ExperimentArm, ExperimentMetric, ExperimentState
from campaigns.experiments.rules import ExperimentEffect, GroupOutcome
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
CLICKS = """
    LEFT JOIN LATERAL (
        SELECT EXISTS (SELECT FROM campaigns_message m JOIN campaigns_linkclick l ON l.message_id = m.id
                       WHERE m.customer_id = {customer} AND l.clicked_at >= {since} AND l.clicked_at < {until}) AS yes
        ) AS clicked ON true"""
FACTS = ORDERS + WITHDRAWALS + VISITS + CLICKS
VALUES: dict[str, str] = {
    ExperimentMetric.ORDERED: "least(bought.orders, 1)",
    ExperimentMetric.ORDERS: "bought.orders",
    ExperimentMetric.REVENUE: "bought.revenue",
    ExperimentMetric.VISITED: "visited.yes::int",
    ExperimentMetric.CLICKED: "clicked.yes::int",
    LEFT: "left_us.yes::int",
}
FIGURES = tuple(VALUES)
SHARES = SHARE_METRICS | {LEFT, GOAL}
_RESULTS = f"""
    SELECT e.arm_id, count(*), {{sums}}
    FROM campaigns_exposure e
    {FACTS.format(customer="e.customer_id", since="e.exposed_at", until="e.exposed_at + make_interval(days => %(days)s)")}
    WHERE e.experiment_id = %(experiment)s AND e.exposed_at <= now() - make_interval(days => %(days)s)
    GROUP BY e.arm_id"""  # noqa: S608 - fragments of the code; values are parameters


@dataclass(frozen=True)
class Baseline:
    """Hold the metric of one customer over a past window."""

    customers: int
    mean: float
    variance: float


@dataclass(frozen=True)
class ArmResult:
    """Hold one arm's figures by metric, including withdrawn consents, with its effects against the control."""

    arm: ExperimentArm
    drawn: int
    outcomes: dict[str, GroupOutcome]
    effects: dict[str, ExperimentEffect | None]

    @property
    def counted(self) -> int:
        """Return the customers whose window is over: the same for every figure."""
        return self.outcomes[LEFT].count


@dataclass(frozen=True)
class ExperimentResults:
    """Hold the results. `open_count`: customers drawn whose window is not over.

    `readable`: the effect on the chosen metric may be read now: at any time if the test allows it, else once the sample
    is complete.
    """

    arms: list[ArmResult]
    open_count: int
    mismatch: float
    readable: bool

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
    facts = {ExperimentMetric.VISITED: VISITS, ExperimentMetric.CLICKED: CLICKS}.get(
        ExperimentMetric(experiment.metric), ORDERS
    ).format(customer="who.customer_id", since="now() - make_interval(days => %(days)s)", until="now()")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*), coalesce(avg(value), 0)::float8, coalesce(var_samp(value), 0)::float8
                FROM (SELECT {VALUES[ExperimentMetric(experiment.metric)]} AS value
                      FROM ({of_segment if experiment.segment_id else everyone}) AS who {facts}) AS found""",  # noqa: S608 - fragments of the code; values are parameters
            {"segment": experiment.segment_id, "currency": experiment.currency, "days": experiment.window_days},
        )
        return Baseline(*cursor.fetchone())


def results_of(experiment: Experiment) -> ExperimentResults:
    arms = list(experiment.arms.select_related("template", "coupon"))
    rows = _figures(experiment)
    counts = _drawn_counts(experiment)
    outcomes = {arm.pk: _outcomes(rows.get(arm.pk)) for arm in arms}
    control = outcomes[arms[0].pk]
    results = []
    for arm in arms:
        effects: dict[str, ExperimentEffect | None] = {}
        if arm is not arms[0]:
            effects = {
                metric: _effect(experiment, metric, outcome, control[metric], comparisons=len(arms) - 1)
                for metric, outcome in outcomes[arm.pk].items()
            }
        results.append(ArmResult(arm, counts.get(arm.pk, (0, 0))[0], outcomes[arm.pk], effects))
    counted = sum(row.counted for row in results)
    total = sum(count for count, _since in counts.values())
    return ExperimentResults(
        arms=results,
        open_count=total - counted,
        mismatch=rules.mismatch([counts.get(arm.pk, (0, 0))[1] for arm in arms], [arm.weight for arm in arms]),
        readable=experiment.any_time
        or experiment.state == ExperimentState.ENDED
        or (experiment.planned_count is not None and counted >= experiment.planned_count),
    )


def _effect(
    experiment: Experiment, metric: str, outcome: GroupOutcome, control: GroupOutcome, *, comparisons: int
) -> ExperimentEffect | None:
    """Return the chosen metric by the chosen test; the other metrics are shown beside it, each for one look."""
    is_main = metric == experiment.metric
    return rules.effect_of(
        outcome,
        control,
        error=experiment.error_percent / 100,
        comparisons=comparisons,
        mixture=float(experiment.effect) if is_main and experiment.any_time else None,
        share=metric in SHARES,
    )


def _figures(experiment: Experiment) -> dict[int, Sequence]:
    sums = ", ".join(
        f"coalesce(sum({value}), 0)::float8, coalesce(sum(({value})::numeric ^ 2), 0)::float8, count(*) FILTER (WHERE {value} <> 0)"
        for value in VALUES.values()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            _RESULTS.format(sums=sums),
            {"experiment": experiment.pk, "currency": experiment.currency, "days": experiment.window_days},
        )
        return {row[0]: row[1:] for row in cursor.fetchall()}


def _outcomes(row: Sequence | None) -> dict[str, GroupOutcome]:
    count, *sums = row or (0, *[0, 0, 0] * len(VALUES))
    return {metric: GroupOutcome(count, *sums[3 * place : 3 * place + 3]) for place, metric in enumerate(VALUES)}


def _drawn_counts(experiment: Experiment) -> dict[int, tuple[int, int]]:
    """Return {arm: (all drawn customers, those drawn since the last change of weights)}."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT arm_id, count(*), count(*) FILTER (WHERE exposed_at >= %s) FROM campaigns_exposure
               WHERE experiment_id = %s GROUP BY arm_id""",
            [experiment.weighed_at, experiment.pk],
        )
        return {arm: (count, since) for arm, count, since in cursor.fetchall()}
