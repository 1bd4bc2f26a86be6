"""Evaluation of tiers by spend, orders or growth value in the program's period, never by the balance (T1).

One statement evaluates all members.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.db import connection, transaction

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.db.functions import is_interruption
from core.db.locks import lock_name
from core.db.shards import bounds_of, run_shards
from core.db.statements import statement
from core.events.bus import Effect, allowed, emit_from_select
from core.jobs.sweeping import Sweep
from loyalty.program.models import Member, Program, TierDowngrade, TierPolicy
from loyalty.tiers import events
from loyalty.tiers.models import Tier, TierRun, TierRunPart
from loyalty.tiers.rules import limits
from loyalty.tiers.selectors.metrics import METRICS, NO_REFUNDS

LAST_ID = 2**63 - 1
FEW = 100
# One SELECT per policy computes loyalty.tiers.rules.windows, for a row `l` of loyalty_member.
_TODAY = "(%(at)s::timestamptz AT TIME ZONE %(zone)s)::date"
_ANNIVERSARIES = f"""
    SELECT {{up_from}} AS up_from,
           ((b.base + make_interval(years => y.years - 1)) AT TIME ZONE %(zone)s) AS keep_from,
           ((b.base + make_interval(years => y.years, days => %(grace)s)) AT TIME ZONE %(zone)s) AS keep_to,
           CASE WHEN y.years >= 1
                THEN (b.base + make_interval(years => y.years, days => %(grace)s)) AT TIME ZONE %(zone)s END AS due_at
    FROM (SELECT ({{base}} AT TIME ZONE %(zone)s)::date AS base) AS b,
         LATERAL (SELECT extract(year FROM {_TODAY})::int - extract(year FROM b.base)::int AS years) AS whole,
         LATERAL (SELECT whole.years - ((b.base + make_interval(years => whole.years))::date > {_TODAY})::int AS years)
             AS y"""  # noqa: S608 - constant fragments; values are parameters
WINDOWS: dict[str, str] = {
    TierPolicy.ROLLING: """
        SELECT %(at)s::timestamptz - make_interval(days => %(window)s) AS up_from,
               %(at)s::timestamptz - make_interval(days => %(window)s + %(grace)s) AS keep_from,
               'infinity'::timestamptz AS keep_to, %(at)s::timestamptz AS due_at""",
    TierPolicy.CALENDAR_YEAR: f"""
        SELECT y.first AT TIME ZONE %(zone)s AS up_from,
               (y.first - interval '1 year') AT TIME ZONE %(zone)s AS keep_from,
               (y.first + make_interval(days => %(grace)s)) AT TIME ZONE %(zone)s AS keep_to,
               (y.first + make_interval(days => %(grace)s)) AT TIME ZONE %(zone)s AS due_at
        FROM (SELECT date_trunc('year', {_TODAY}::timestamp) AS first) AS y""",  # noqa: S608 - constant fragments; values are parameters
    TierPolicy.MEMBERSHIP_ANNIVERSARY: _ANNIVERSARIES.format(
        base="l.enrolled_at", up_from="((b.base + make_interval(years => y.years)) AT TIME ZONE %(zone)s)"
    ),
    TierPolicy.TIER_ANNIVERSARY: _ANNIVERSARIES.format(
        base="coalesce(l.tier_since, l.enrolled_at)",
        up_from=f"(({_TODAY} - interval '1 year') AT TIME ZONE %(zone)s)",
    ),
}
# The moment of each given customer.
_MOMENTS = """JOIN unnest(%(customers)s::bigint[], %(moments)s::timestamptz[]) AS g(customer_id, at)
              ON g.customer_id = m.customer_id"""
_REFUNDS = "SELECT f.order_id, sum(f.amount) AS amount FROM crm_refund f WHERE f.recorded_at > %(last_run)s GROUP BY 1"


class MemberRange(NamedTuple):
    """A range of members by id, both ends included. `since` is their last evaluation at the end of a day, if any."""

    first: int
    last: int
    since: datetime | None


def evaluate_tiers(
    *,
    program: Program,
    customer_ids: Sequence[int] | None = None,
    downgrade: bool = False,
    at: datetime | None = None,
    actor: Actor = SYSTEM,
) -> tuple[int, int]:
    """Move up every member who qualifies, at once (T2). `downgrade`, at the end of a day, also moves members down.

    Members go down by policy when their period has ended, when a return undid their upgrade (T4), or when their given
    tier has ended (T3). With `downgrade` over all members the run is stored, and the next one starts from it. Outside a
    transaction, several connections then evaluate many members in parallel, each one part. Returns (members up, members
    down).
    """
    at = at or clock.now()
    if customer_ids is None and downgrade:
        return _evaluate_everyone(program, at, actor)
    # Use the last run before `at`, so that an evaluation for a past moment sees only what was known then.
    everyone = MemberRange(0, LAST_ID, _last_run_before(program, at) if downgrade else None)
    with transaction.atomic():
        return _evaluate(program, everyone, customer_ids, downgrade, at, actor)


def evaluate_history(*, program: Program, moments: Mapping[int, datetime]) -> tuple[int, int]:
    """Move up each of these customers who qualified at the customer's own moment, which begins the new tier period.

    For orders that are recorded together and were paid at different times. Only facts up to the moment count. Returns
    (members up, members down).
    """
    if not moments:
        return 0, 0
    with transaction.atomic():
        return _evaluate(
            program, MemberRange(0, LAST_ID, None), sorted(moments), False, max(moments.values()), SYSTEM, moments
        )


def preview_moves(
    *, program: Program, tiers: Sequence[tuple[int, int]], at: datetime, first: int = 0, last: int = LAST_ID
) -> tuple[int, int]:
    """Count the members from `first` to `last` that the evaluation at the end of a day would move up and down.

    `program` may have values that are not saved; `tiers` are (id, threshold) by rank, where a tier that is not saved
    has any other id. Nothing is written or locked.
    """
    part = MemberRange(first, last, _last_run_before(program, at))
    with transaction.atomic(), connection.cursor() as cursor:
        _decide(cursor, program, part, None, True, at, tiers, locks="")
        counts = _counts(cursor)
        cursor.execute("DROP TABLE loyalty_tier_moves, loyalty_tier_changes")
    return counts


def evaluate_customers(program: Program, customer_ids: Collection[int]) -> None:
    """Evaluate the tiers of these customers, if there are any."""
    if customer_ids:
        evaluate_tiers(program=program, customer_ids=sorted(set(customer_ids)))


def _evaluate_everyone(program: Program, at: datetime, actor: Actor) -> tuple[int, int]:
    alone = connection.in_atomic_block
    with transaction.atomic():
        lock_name("loyalty.tier_run", program.pk)
        parts = _ranges(program, at, alone)

        def evaluate(part: MemberRange) -> tuple[int, int]:
            up, down = _evaluate_around(program, part, at, actor)
            TierRunPart.objects.update_or_create(
                program=program,
                first=part.first,
                defaults={"last": part.last, "ran_at": at, "up_count": up, "down_count": down},
            )
            return up, down

        # In separate transactions, because orders that are being paid lock members of any part.
        counts_by_part = [evaluate(part) for part in parts] if alone else run_shards(parts, evaluate, together=False)
        up, down = (sum(counts) for counts in zip(*counts_by_part, strict=True))
        TierRun.objects.create(program=program, ran_at=at, up_count=up, down_count=down)
        TierRunPart.objects.filter(program=program).delete()
    return up, down


def _evaluate_around(program: Program, part: MemberRange, at: datetime, actor: Actor) -> tuple[int, int]:
    """Evaluate a part. If it fails, evaluate its halves, and so on, until each failing member is alone and left out.

    The failing members are tried again with the next run and are shown on the jobs page.
    """
    try:
        with transaction.atomic():
            return _evaluate(program, part, None, True, at, actor)
    except ConnectionError:
        # The part was not reached, which says nothing about its members: the next run continues with it.
        raise
    except Exception as error:
        if is_interruption(error) or not connection.is_usable():
            raise
        members = Member.objects.filter(program=program, pk__gte=part.first, pk__lte=part.last).order_by("pk")
        count = members.count()
        if count <= 1:
            Sweep("loyalty.end_tier_periods.member").failed(members.values_list("pk", flat=True).first(), error)
            return 0, 0
    middle = members.values_list("pk", flat=True)[count // 2 - 1]
    halves = MemberRange(part.first, middle, part.since), MemberRange(middle + 1, part.last, part.since)
    up, down = (
        sum(counts) for counts in zip(*(_evaluate_around(program, half, at, actor) for half in halves), strict=True)
    )
    return up, down


def _ranges(program: Program, at: datetime, alone: bool) -> list[MemberRange]:
    """Return the parts of all members: one for each connection.

    After a broken run, return its finished parts and the gaps between them instead.
    """
    since = _last_run_before(program, at)
    done = [
        MemberRange(part.first, part.last, part.ran_at)
        for part in TierRunPart.objects.filter(program=program).order_by("first")
    ]
    firsts = [0, *(part.last + 1 for part in done)]
    lasts = [*(part.first - 1 for part in done), LAST_ID]
    between = [MemberRange(first, last, since) for first, last in zip(firsts, lasts, strict=True) if first <= last]
    if done or alone:
        return sorted([*done, *between])
    bounds = bounds_of("loyalty_member", where="program_id = %s", params=[program.pk])
    return [MemberRange(low + 1, high, since) for low, high in pairwise([-1, *bounds, LAST_ID])]


def _evaluate(
    program: Program,
    part: MemberRange,
    customer_ids: Sequence[int] | None,
    downgrade: bool,
    at: datetime,
    actor: Actor,
    moments: Mapping[int, datetime] | None = None,
) -> tuple[int, int]:
    with connection.cursor() as cursor:
        _decide(
            cursor,
            program,
            part,
            customer_ids,
            downgrade,
            at,
            saved_tiers(program),
            locks="FOR NO KEY UPDATE OF m",
            moments=moments,
        )
        up, down = _write(cursor, actor)
        cursor.execute("DROP TABLE loyalty_tier_moves, loyalty_tier_changes")
    return up, down


def saved_tiers(program: Program) -> list[tuple[int, int]]:
    """Return (id, threshold) of the tiers by rank."""
    return list(Tier.objects.filter(program=program).order_by("rank").values_list("pk", "threshold"))


def _decide(
    cursor: Any,
    program: Program,
    part: MemberRange,
    customer_ids: Sequence[int] | None,
    downgrade: bool,
    at: datetime,
    tiers: Sequence[tuple[int, int]],
    *,
    locks: str,
    moments: Mapping[int, datetime] | None = None,
) -> None:
    """Fill two temporary tables: the figures of the members, and the members who change.

    `at` is the moment of everyone, or the last one of `moments`, which are those of the given customers.
    """
    values = _values(program, part, customer_ids, downgrade, at, tiers)
    windows = WINDOWS[program.tier_period]
    if moments is not None:
        values["moments"] = [moments[pk] for pk in values["customers"]]
        values["earliest"] -= at - min(moments.values())
        windows = windows.replace("%(at)s", "l.at")
    cursor.execute("SET LOCAL work_mem = '128MB'")
    who = "true" if customer_ids is None else "o.customer_id = ANY(%(customers)s)"
    metric = METRICS[program.tier_metric].format(
        refunds=_REFUNDS if downgrade and values["last_run"] != "infinity" else NO_REFUNDS, who=who
    )
    moves = statement(
        __package__,
        "moves",
        windows=windows,
        metric=metric,
        locks=locks,
        at="%(at)s::timestamptz" if moments is None else "g.at",
        moments="" if moments is None else _MOMENTS,
    )
    cursor.execute(moves, values)
    # Autovacuum never analyses temporary tables. Without ANALYZE, a million members would be joined row by row. The few
    # members of an order are joined faster than their tables are analysed.
    many = customer_ids is None or len(customer_ids) > FEW
    if many:
        cursor.execute("ANALYZE loyalty_tier_moves")
    cursor.execute(statement(__package__, "changes"), values)
    if many:
        cursor.execute("ANALYZE loyalty_tier_changes")


def last_run(program: Program) -> TierRun | None:
    """Return the last evaluation of a program, or None."""
    return TierRun.objects.filter(program=program).order_by("-ran_at").first()


def _last_run_before(program: Program, at: datetime) -> datetime | None:
    runs = TierRun.objects.filter(program=program, ran_at__lt=at)
    return runs.order_by("-ran_at").values_list("ran_at", flat=True).first()


def _values(
    program: Program,
    part: MemberRange,
    customer_ids: Sequence[int] | None,
    downgrade: bool,
    at: datetime,
    tiers: Sequence[tuple[int, int]],
) -> dict[str, Any]:
    rolling = program.tier_period == TierPolicy.ROLLING
    earliest = at - timedelta(days=program.tier_window_days + program.tier_grace_days)
    return {
        "program": program.pk,
        "all": customer_ids is None,
        "customers": list(customer_ids or []),
        "first": part.first,
        "last": part.last,
        "at": at,
        "zone": program.time_zone,
        "window": program.tier_window_days,
        "grace": program.tier_grace_days,
        "rolling": rolling,
        # Every other period begins less than two years and two days before. The exact start differs for each member.
        "earliest": earliest if rolling else at - timedelta(days=2 * 366 + 2),
        "currency": program.currency,
        "last_run": part.since or "infinity",
        "last_period": part.since or "-infinity",
        "downgrade": downgrade,
        "one_step": program.tier_downgrade == TierDowngrade.ONE_STEP,
        "tiers": [pk for pk, _threshold in tiers],
        "least": limits([threshold for _pk, threshold in tiers]),
    }


def _write(cursor: Any, actor: Actor) -> tuple[int, int]:
    """Close and open the intervals. A new one never begins before the last one ended, whatever clock `at` came from.

    The members are updated first, because the guard of the intervals needs the locks on them.
    """
    cursor.execute(
        """UPDATE loyalty_member m
           SET qualifying = moves.qualifying, tier_id = CASE WHEN c.moved THEN c.after_id ELSE m.tier_id END,
               tier_since = CASE WHEN c.moved THEN c.at ELSE m.tier_since END
           FROM loyalty_tier_moves moves LEFT JOIN loyalty_tier_changes c ON c.member_id = moves.member_id
           WHERE m.id = moves.member_id AND (c.moved OR moves.qualifying <> moves.qualifying_before)"""
    )
    cursor.execute(
        """UPDATE loyalty_tierperiod p SET ended_at = greatest(c.at, p.started_at) FROM loyalty_tier_changes c
           WHERE p.member_id = c.member_id AND p.ended_at IS NULL"""
    )
    cursor.execute(
        """INSERT INTO loyalty_tierperiod (member_id, tier_id, reason, started_at, actor)
           SELECT c.member_id, c.after_id, CASE WHEN c.up AND %s THEN 'imported' ELSE c.reason END,
                  greatest(c.at, p.ended_at), %s FROM loyalty_tier_changes c
           LEFT JOIN (SELECT member_id, max(e.ended_at) AS ended_at FROM loyalty_tierperiod e
                      JOIN loyalty_tier_changes USING (member_id) GROUP BY member_id) AS p ON p.member_id = c.member_id
           WHERE c.after_id IS NOT NULL""",
        # Imported history gives a tier, but none of the effects of reaching it (I3).
        [allowed() < Effect.OUTSIDE, str(actor)],
    )
    up, down = _counts(cursor)
    if up or down:
        emit_from_select(
            events.TIER_CHANGED,
            """SELECT c.customer_id, jsonb_build_object('from', b.name, 'to', a.name, 'up', c.up, 'tier', c.after_id,
                                                        'reason', c.reason), c.at
               FROM loyalty_tier_changes c LEFT JOIN loyalty_tier b ON b.id = c.before_id
               LEFT JOIN loyalty_tier a ON a.id = c.after_id WHERE c.moved""",
            [],
            actor=actor,
        )
    return up, down


def _counts(cursor: Any) -> tuple[int, int]:
    """Return how many members move up and down."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE up), count(*) FILTER (WHERE moved AND NOT up) FROM loyalty_tier_changes"
    )
    return cursor.fetchone()
