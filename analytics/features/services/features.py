"""Computation of the feature row per customer: one statement from the facts, for some customers or for all.

For any scope, a row is the same pure function of the facts, the RFM cut points and `as_of` (F19).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models.functions import Now

from analytics.features import events
from analytics.features.models import ChangedCustomer, ComputationState, RfmModel, ScoringVersion
from analytics.features.registry import FEATURE_SOURCES
from analytics.features.rules.lifecycle import LIMITS, StageLimits
from analytics.features.rules.rfm import GRID
from analytics.features.services.people import CHANGED, CHANGED_TABLE, LINES_TABLE, People, Share, shards
from analytics.features.services.reach import reach_query
from core.base import clock
from core.db.locks import require_transaction
from core.db.shards import run_shards
from core.db.statements import statement
from core.db.statistics import analyze_after
from core.events.bus import allowed, emit_from_select
from crm.orders.selectors.bought import line_amount, line_counts, order_counts

if TYPE_CHECKING:
    import numpy
_GRID_ROWS = ", ".join(
    f"({recency}, {value}, '{name}')" for recency, row in enumerate(GRID, 1) for value, name in enumerate(row, 1)
)
_COLUMNS = [
    "order_count",
    "item_count",
    "gross_spend",
    "refunded",
    "adjusted",
    "net_spend",
    "discounted",
    "refund_count",
    "first_order_at",
    "last_order_at",
    "previous_order_at",
    "mean_interval_days",
    "average_order",
    "orders_365",
    "spend_365",
    "orders_90",
    "spend_90",
    "categories",
    "top_category",
    "main_channel",
    "last_activity_at",
    "activity_30",
    "points_available",
    "tier_rank",
    "is_member",
    "messages_90",
    "opened_90",
    "reachable",
    "stage",
]
_LINE = "customer_id, order_id, product_id, bought_at, amount, refunded_amount, quantity, refunded_quantity"
_SCORES = ("rfm_r", "rfm_f", "rfm_m", "rfm_group", "rfm_as_of")
# `kept`: orders that were not fully returned (A2).
_PAID = f"""(SELECT customer_id, paid_at, total, refunded, discount, item_count, channel, {order_counts("o")} AS kept
              FROM crm_order o WHERE state = 'paid' AND {{scope}}) AS paid"""  # noqa: S608 - columns and fragments of the feature sources; values are parameters
# Alike for the computation and for the preview of other limits; {row} has the figures of the orders.
STAGE = """CASE WHEN coalesce({row}.order_count, 0) = 0 THEN 'prospect'
                WHEN {row}.last_order_at >= %(as_of)s - make_interval(days => %(active)s) THEN
                    CASE WHEN {row}.last_order_at - {row}.previous_order_at > make_interval(days => %(at_risk)s)
                              THEN 'won_back'
                         WHEN {row}.first_order_at >= %(as_of)s - make_interval(days => %(new)s) THEN 'new'
                         ELSE 'active' END
                WHEN {row}.last_order_at >= %(as_of)s - make_interval(days => %(at_risk)s) THEN 'at_risk'
                WHEN {row}.last_order_at >= %(as_of)s - make_interval(days => %(lapsed)s) THEN 'lapsed'
                ELSE 'lost' END"""
# Scores count the cut points below a value. width_bucket counts those at or below it, so both sides are negated: then a
# value equal to a cut stays below it. Without a model there are no scores.
SCORED = f"""(SELECT computed.*,
                 CASE WHEN order_count > 0 AND %(day)s::date IS NOT NULL THEN 1 + width_bucket(
                     -extract(epoch FROM (%(day)s::date + 1)::timestamptz - last_order_at)::float8 / 86400,
                     %(r)s::float8[])
                     END AS recency,
                 CASE WHEN order_count > 0 AND %(day)s::date IS NOT NULL THEN 5 - width_bucket(
                     -order_count::float8, %(f)s::float8[]) END AS frequency,
                 CASE WHEN order_count > 0 AND %(day)s::date IS NOT NULL THEN 5 - width_bucket(
                     -net_spend::float8, %(m)s::float8[]) END AS money
          FROM {{computed}} AS computed) AS scored
    LEFT JOIN (VALUES {_GRID_ROWS}) AS grid(r, v, name) ON grid.r = recency AND grid.v = (frequency + money + 1) / 2"""  # noqa: S608 - columns and fragments of the feature sources; values are parameters
_FRESH = f"""
    SELECT customer_id, {", ".join(_COLUMNS)}, recency::smallint AS rfm_r, frequency::smallint AS rfm_f,
           money::smallint AS rfm_m, coalesce(grid.name, '') AS rfm_group,
           CASE WHEN recency IS NOT NULL THEN %(day)s::date END AS rfm_as_of
    FROM {SCORED}"""  # noqa: S608 - columns and fragments of the feature sources; values are parameters
# The furthest effect wins: a customer changed by history and by today counts as changed by today.
_MARKED = """ON CONFLICT (customer_id) DO UPDATE SET effect = excluded.effect
             WHERE analytics_changedcustomer.effect < excluded.effect"""


def mark_changed(customer_ids: Iterable[int]) -> None:
    """Mark customers whose inputs changed; the refresh updates them within a minute (S2)."""
    ids = sorted(set(customer_ids))
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO analytics_changedcustomer (customer_id, mark, effect) SELECT id, 1, %s
                FROM unnest(%s::bigint[]) AS id
                {_MARKED}""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
            [allowed(), ids],
        )


def mark_changed_by_query(select: str, params: list) -> int:
    """Mark the customers that `select` yields, with one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO analytics_changedcustomer (customer_id, mark, effect)
                SELECT DISTINCT id, 1, %s::smallint FROM ({select}) AS given(id) WHERE id IS NOT NULL
                ORDER BY id {_MARKED}""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
            [allowed(), *params],
        )
        return cursor.rowcount


def claim_changed(limit: int, share: Share) -> int:
    """Move changed customers of this share, with their order lines, into this transaction's scope. Returns how many.

    A failed computation restores the rows, and a customer who changes during the run is marked again.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {CHANGED_TABLE}")
        cursor.execute(
            f"CREATE TEMP TABLE {CHANGED_TABLE} (customer_id bigint PRIMARY KEY, active bool, effect smallint) "
            "ON COMMIT DROP"
        )
        cursor.execute(
            f"""WITH taken AS (
                    DELETE FROM analytics_changedcustomer WHERE customer_id IN (
                        SELECT customer_id FROM analytics_changedcustomer WHERE mod(customer_id, %s) = %s
                        ORDER BY marked_at LIMIT %s FOR UPDATE SKIP LOCKED)
                    RETURNING customer_id, effect)
                INSERT INTO {CHANGED_TABLE}
                SELECT taken.customer_id, c.state = 'active', taken.effect FROM taken
                JOIN crm_customer c ON c.id = taken.customer_id""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
            [share.of, share.place, limit],
        )
        count = cursor.rowcount
        cursor.execute(f"ANALYZE {CHANGED_TABLE}")
        cursor.execute(f"DROP TABLE IF EXISTS {LINES_TABLE}")
        cursor.execute(
            f"""CREATE TEMP TABLE {LINES_TABLE} ON COMMIT DROP AS
                SELECT * FROM {CHANGED.rows("crm_orderline", _LINE)} AS own"""  # noqa: S608 - columns and fragments of the feature sources; values are parameters
        )
        cursor.execute(f"ANALYZE {LINES_TABLE}")
    return count


def compute_features(
    *, as_of: datetime, people: People, cuts: RfmModel | None, limits: StageLimits | None = None
) -> int:
    """Compute the rows of these people, scored by these cut points, and write the rows that differ. Returns how many.

    Stages follow `limits`, by default those of the newest scoring version.

    A changed stage emits an event, which the timeline shows.
    """
    require_transaction()
    columns = (*_COLUMNS, *_SCORES)
    values = scoring_values(as_of, limits or stage_limits(newest_version()), cuts)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        if not people.few and _none_computed(people):
            cursor.execute(
                f"""INSERT INTO analytics_customerfeature (customer_id, {", ".join(columns)}, as_of, stage_since)
                    SELECT fresh.*, %(as_of)s::timestamptz, %(as_of)s::timestamptz
                    FROM ({_FRESH.format(computed=f"({_query(people)} OFFSET 0)")}) AS fresh""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
                values,
            )
            return cursor.rowcount
        cursor.execute(f"CREATE TEMP TABLE analytics_computed ON COMMIT DROP AS {_query(people)}", values)
        cursor.execute("ANALYZE analytics_computed (customer_id)")
        _write_stages(as_of, people)
        cursor.execute(
            f"""MERGE INTO analytics_customerfeature AS kept
                USING ({_FRESH.format(computed="analytics_computed")}) AS fresh
                ON kept.customer_id = fresh.customer_id
                WHEN MATCHED AND ({", ".join(f"kept.{name}" for name in columns)})
                                 IS DISTINCT FROM ({", ".join(f"fresh.{name}" for name in columns)}) THEN
                    UPDATE SET {", ".join(f"{name} = fresh.{name}" for name in columns)},
                        as_of = %(as_of)s::timestamptz,
                        stage_since = CASE WHEN kept.stage = fresh.stage THEN kept.stage_since
                                           ELSE %(as_of)s::timestamptz END
                WHEN NOT MATCHED THEN
                    INSERT (customer_id, {", ".join(columns)}, as_of, stage_since)
                    VALUES (fresh.customer_id, {", ".join(f"fresh.{name}" for name in columns)},
                            %(as_of)s::timestamptz, %(as_of)s::timestamptz)""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
            values,
        )
        written = cursor.rowcount
        # Only active customers have a row, so that readers need not check the state of a customer.
        cursor.execute(f"DELETE FROM analytics_customerfeature WHERE customer_id IN ({people.gone})")  # noqa: S608 - columns and fragments of the feature sources; values are parameters
        written += cursor.rowcount
        cursor.execute("DROP TABLE analytics_computed")
    return written


def scoring_values(as_of: datetime, limits: StageLimits, cuts: RfmModel | None) -> dict[str, Any]:
    """Return the parameters of STAGE and SCORED."""
    return {
        "as_of": as_of,
        "new": limits.new_days,
        "active": limits.active_days,
        "at_risk": limits.at_risk_days,
        "lapsed": limits.lapsed_days,
        "day": cuts.as_of if cuts else None,
        "r": _negated(cuts.recency_cuts) if cuts else None,
        "f": _negated(cuts.frequency_cuts) if cuts else None,
        "m": _negated(cuts.money_cuts) if cuts else None,
    }


def newest_version() -> ScoringVersion | None:
    """Return the newest scoring version, or None while the limits of the product apply."""
    return ScoringVersion.objects.order_by("-number").first()


def stage_limits(version: ScoringVersion | None) -> StageLimits:
    """Return the limits of a version."""
    if version is None:
        return LIMITS
    return StageLimits(version.new_days, version.active_days, version.at_risk_days, version.lapsed_days)


def _none_computed(people: People) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT NOT EXISTS (SELECT FROM analytics_customerfeature WHERE customer_id {people.test})")  # noqa: S608 - columns and fragments of the feature sources; values are parameters
        return cursor.fetchone()[0]


def _negated(cuts: list[float]) -> list[float]:
    return [-cut for cut in reversed(cuts)]


def newest_model() -> RfmModel | None:
    """Return the newest RFM model, or None before the first one."""
    return RfmModel.objects.order_by("-as_of").first()


def compute_rfm_model(*, as_of: datetime) -> RfmModel | None:
    """Store the cut points of all buyers as of a day. Returns None without buyers."""
    cuts = cut_points(as_of=as_of, version=newest_version())
    if cuts is None:
        return None
    model, _created = RfmModel.objects.update_or_create(
        as_of=cuts.as_of,
        defaults={
            "recency_cuts": cuts.recency_cuts,
            "frequency_cuts": cuts.frequency_cuts,
            "money_cuts": cuts.money_cuts,
            "customer_count": cuts.customer_count,
        },
    )
    return model


def cut_points(*, as_of: datetime, version: ScoringVersion | None) -> RfmModel | None:
    """Return an unsaved model: the cut points of the version, or quintiles where it has none. None without buyers."""
    import numpy  # noqa: PLC0415 - heavy: only the cut points need it

    bought = numpy.concatenate(run_shards(shards(), lambda people: _bought(people, as_of)), axis=1)
    count = bought.shape[1]
    if not count:
        return None
    # Same result as SQL's percentile_disc: the smallest value with at least the given share at or below it.
    places = [math.ceil(fifth / 5 * count) - 1 for fifth in range(1, 5)]
    recency, orders, money = (numpy.partition(values, places)[places].tolist() for values in bought)
    return RfmModel(
        as_of=as_of.date(),
        recency_cuts=(version and version.recency_cuts) or recency,
        frequency_cuts=(version and version.frequency_cuts) or orders,
        money_cuts=(version and version.money_cuts) or money,
        customer_count=count,
    )


def _bought(people: People, as_of: datetime) -> numpy.ndarray:
    """Return days since the last order, orders and money in minor units, with one column per buyer.

    The numbers are sent as bytes: sorting them here takes a fifth of the time of one SQL statement.
    """
    import numpy  # noqa: PLC0415 - heavy: only the cut points need it

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'; SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(
            f"""SELECT string_agg(float8send(extract(epoch FROM (%s::date + 1)::timestamptz - last_order_at)::float8
                                             / 86400), ''),
                       string_agg(float8send(order_count), ''), string_agg(float8send(net_spend), '')
                FROM (SELECT paid.customer_id, count(*) FILTER (WHERE kept)::float8 AS order_count,
                             max(paid_at) FILTER (WHERE kept) AS last_order_at,
                             sum(total::float8) - sum(refunded::float8) + coalesce(min(j.adjusted), 0) AS net_spend
                      FROM {_PAID.replace("{scope}", f"customer_id {people.test}")}
                      LEFT JOIN (SELECT customer_id, sum(amount::float8) AS adjusted FROM crm_spendadjustment
                                 WHERE customer_id {people.test} GROUP BY customer_id) AS j USING (customer_id)
                      GROUP BY paid.customer_id) AS bought
                WHERE order_count > 0 AND customer_id NOT IN ({people.gone})""",  # noqa: S608 - columns and fragments of the feature sources; values are parameters
            [as_of.date()],
        )
        return numpy.array([numpy.frombuffer(numbers or b"", ">f8") for numbers in cursor.fetchone()])


def refresh_everything(
    *, as_of: datetime | None = None, wait: bool = False, report: Callable[[int], None] | None = None
) -> int:
    """Compute all rows from the facts alone. Windows move with time, so this runs nightly. Returns how many changed.

    Returns 0 at once when another refresh runs, unless `wait` is set. `report` is called with 1 when the cut points are
    known, and with 2 when the rows are written.
    """
    started = time.monotonic()
    with transaction.atomic():
        if not try_lock(wait=wait):
            return 0
        at = as_of or clock.now()
        # Customers that change after this are marked again; those marked before are covered.
        ChangedCustomer.objects.filter(marked_at__lt=at).delete()
        cuts, limits = compute_rfm_model(as_of=at) or newest_model(), stage_limits(newest_version())
        if report:
            report(1)
        compute = partial(compute_features, as_of=at, cuts=cuts, limits=limits)
        written = sum(run_shards(shards(), lambda people: compute(people=people)))
        if report:
            report(2)
        analyze_after(written, "analytics_customerfeature")
        note("features", written, time.monotonic() - started)
    return written


def refresh_claimed(*, as_of: datetime) -> int:
    """Compute the rows of the claimed customers, by the newest cut points."""
    return compute_features(as_of=as_of, people=CHANGED, cuts=newest_model())


def try_lock(*, wait: bool = False) -> bool:
    """Allow one refresh at a time. Returns false when another one runs, or waits for its end when `wait` is set."""
    require_transaction()
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
        return cursor.fetchone()[0]


def note(name: str, rows: int, seconds: float, error: str = "") -> None:
    """Record the result of a computation; `finished_at` changes only when it succeeded."""
    values: dict = {"row_count": rows, "seconds": seconds, "error": error}
    if not error:
        values["finished_at"] = Now()
    ComputationState.objects.update_or_create(name=name, defaults=values)


def _write_stages(as_of: datetime, people: People) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMP TABLE analytics_stage_moves ON COMMIT DROP AS
               SELECT kept.customer_id, kept.stage AS before, computed.stage AS after
               FROM analytics_computed computed JOIN analytics_customerfeature kept USING (customer_id)
               WHERE kept.stage <> computed.stage"""
        )
        emit_from_select(
            events.STAGE_CHANGED,
            """SELECT customer_id, jsonb_build_object('from', before, 'to', after), %s::timestamptz
               FROM analytics_stage_moves""",
            [as_of],
            effect=people.effect,
        )
        cursor.execute("DROP TABLE analytics_stage_moves")


def _query(people: People) -> str:
    """Return the statement that computes the rows.

    Sums of minor units are float8, which is exact up to 2^53; sums of bigint are numeric and take twice as long.
    """
    scope = f"customer_id {people.test}"
    sources, joins, columns = [], [], {}
    for position, source in enumerate(FEATURE_SOURCES):
        alias = f"source_{position}"
        sources.append(f"{alias} AS ({source.query.replace('{scope}', scope)})")
        joins.append(f"LEFT JOIN {alias} USING (customer_id)")
        columns |= {name: f"coalesce({alias}.{name}, 0)" for name in source.columns}
    return statement(
        __package__,
        "features",
        people=people.active,
        paid=_PAID.replace("{scope}", scope),
        scope=scope,
        lines=people.lines,
        line_amount=line_amount("line"),
        line_counts=line_counts("line"),
        sources="".join(f", {source}" for source in sources),
        joins=" ".join(joins),
        reach=reach_query(people),
        stage=STAGE.replace("{row}", "o"),
        messages_90=columns.get("messages_90", "0"),
        opened_90=columns.get("opened_90", "0"),
    )
