"""Compare a campaign's intended customers with its holdout, by intention to treat (X2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns.experiments.models import Experiment, ExperimentMetric, ExperimentScope
from campaigns.experiments.rules import ExperimentEffect, GroupOutcome, effect_of, limits_of
from campaigns.experiments.selectors.results import LEFT, ORDERS, SHARES, VALUES, WITHDRAWALS
from campaigns.experiments.selectors.sums import WIDTH, columns_of, outcomes_of
from core.db.statements import statement
from crm.customers.selectors import shop_currency

METRICS: tuple[str, ...] = (ExperimentMetric.ORDERED, ExperimentMetric.REVENUE, LEFT)
ERROR = 0.05
_WINDOW = {"customer": "f.customer_id", "since": "f.since", "until": "f.since + make_interval(days => %(days)s)"}


@dataclass(frozen=True)
class HoldoutGroup:
    """Hold one group: `outcomes` by metric. `waiting` are customers whose window is not over."""

    outcomes: dict[str, GroupOutcome]
    waiting: int = 0

    @property
    def counted(self) -> int:
        return self.outcomes[LEFT].count

    def total(self, metric: str) -> int:
        """Return the sum of a metric, such as all orders or the whole net revenue."""
        return round(self.outcomes[metric].total)


@dataclass(frozen=True)
class Comparison:
    """Hold both groups and their effects.

    `assigned`: the customers that the campaign was meant for, whether a message reached them or not. Effects are None
    while too few customers are counted.
    """

    assigned: HoldoutGroup
    held_out: HoldoutGroup
    effects: dict[str, ExperimentEffect | None]
    currency: str
    days: int

    @property
    def counted(self) -> int:
        return self.assigned.counted + self.held_out.counted

    @property
    def waiting(self) -> int:
        return self.assigned.waiting + self.held_out.waiting


def compare(origin: str, *, days: int, now: datetime, goes_on: bool) -> Comparison | None:
    """Compare over the `days` that orders count for; None without any holdout.

    `goes_on`: customers are still held out.
    """
    currency = shop_currency()
    sums = columns_of((VALUES[metric] for metric in METRICS), "f.over")
    with connection.cursor() as cursor:
        cursor.execute(
            statement(
                __package__,
                "holdout_groups",
                sums=sums,
                orders=ORDERS.format(**_WINDOW),
                withdrawals=WITHDRAWALS.format(**_WINDOW),
            ),
            {"origin": origin, "days": days, "now": now, "goes_on": goes_on, "currency": currency},
        )
        groups = {held_out: group_of(METRICS, figures) for held_out, *figures in cursor.fetchall()}
    if True not in groups:
        return None
    assigned, held_out = groups.get(False, NOBODY), groups[True]
    return Comparison(
        assigned=assigned,
        held_out=held_out,
        effects={
            metric: effect_of(assigned.outcomes[metric], held_out.outcomes[metric], error=ERROR, share=metric in SHARES)
            for metric in METRICS
        },
        currency=currency,
        days=days,
    )


def group_of(metrics: Sequence[str], figures: Sequence[float]) -> HoldoutGroup:
    """Return a group from its count, the sums of `columns_of`, and the customers who wait."""
    count, *sums, waiting = figures
    return HoldoutGroup(outcomes_of(metrics, count, sums), int(waiting))


def empty_group(metrics: Sequence[str]) -> HoldoutGroup:
    return group_of(metrics, [0, *[0.0] * (WIDTH * len(metrics)), 0])


# Whether a customer belonged to a global holdout at a moment: by their stored arm, else by the arm that they would get.
# Without the latter only one of two compared groups would lose these customers: held-out customers are not drawn.
GLOBALLY_HELD_OUT = """
    EXISTS (SELECT FROM unnest(%(everything)s::bigint[], %(everything_salts)s::text[], %(everything_arms)s::bigint[],
                               %(everything_ends)s::int[], %(everything_from)s::timestamptz[],
                               %(everything_until)s::timestamptz[]) AS x(id, salt, arm, share, started_at, ended_at)
            WHERE x.started_at <= {at} AND (x.ended_at IS NULL OR x.ended_at > {at}) AND coalesce(
                (SELECT e.arm_id = x.arm FROM campaigns_exposure e
                 WHERE e.experiment_id = x.id AND e.customer_id = {customer}),
                campaigns_share(x.salt, {customer}) < x.share))"""


def global_holdout_params() -> dict[str, list]:
    """Return the parameters of `GLOBALLY_HELD_OUT`: every global holdout that ever ran."""
    rows = Experiment.objects.filter(scope=ExperimentScope.EVERYTHING, started_at__isnull=False)
    holdouts = [(row, list(row.arms.all())) for row in rows.prefetch_related("arms").order_by("pk")]
    return {
        "everything": [row.pk for row, _arms in holdouts],
        "everything_salts": [row.salt for row, _arms in holdouts],
        "everything_arms": [arms[0].pk for _row, arms in holdouts],
        "everything_ends": [limits_of([arm.weight for arm in arms])[0] for _row, arms in holdouts],
        "everything_from": [row.started_at for row, _arms in holdouts],
        "everything_until": [row.ended_at for row, _arms in holdouts],
    }


NOBODY = empty_group(METRICS)
