"""Nightly snapshots: the liability in points, the part that will never be spent, and the past months."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from core.base import clock
from core.db.statements import statement
from loyalty.ledger.models import PointsSnapshot
from loyalty.ledger.rules.breakage import Cohort, Outstanding, expected_breakage
from loyalty.program.models import Program

MONTHS = 12
OLDEST = 36
# Months between two moments in the program's calendar.
_AGE = (
    "((extract(year FROM {b}) - extract(year FROM {a})) * 12 + extract(month FROM {b}) - extract(month FROM {a}))::int"
)
_LOTS = """
    SELECT l.id, l.points, l.remaining, l.held, l.expired, l.expires_at, l.available_from AT TIME ZONE %(zone)s AS began
    FROM loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
    JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable AND t.program_id = %(program)s
    WHERE l.confirmed_at IS NOT NULL"""
_OUTSTANDING = f"""
SELECT sum(lot.remaining + lot.held)::bigint,
       {_AGE.format(a="lot.began", b="%(now)s::timestamptz AT TIME ZONE %(zone)s")} AS age,
       {_AGE.format(a="%(now)s::timestamptz AT TIME ZONE %(zone)s", b="lot.expires_at AT TIME ZONE %(zone)s")}
           AS months_left
FROM ({_LOTS} AND l.remaining + l.held > 0) AS lot GROUP BY 2, 3"""  # noqa: S608 - constant fragments; values are parameters
_FLOW = """
SELECT to_char(e.occurred_at AT TIME ZONE %(zone)s, 'YYYY-MM'),
       coalesce(sum(e.available + e.pending) FILTER (WHERE e.kind = 'earn'), 0)::bigint,
       coalesce(-sum(e.available + e.held) FILTER (WHERE e.kind IN ('redeem', 'capture')), 0)::bigint,
       coalesce(-sum(e.available + e.pending) FILTER (WHERE e.kind = 'expire'), 0)::bigint
FROM loyalty_entry e JOIN loyalty_account a ON a.id = e.account_id
JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable AND t.program_id = %(program)s
WHERE e.occurred_at >= %(since)s AND e.occurred_at <= %(now)s GROUP BY 1"""
# A period without a following one ended below the first tier.
_MOVES = """
WITH period AS (
    SELECT p.started_at, p.ended_at, coalesce(t.rank, 0) AS rank, coalesce(lag(t.rank) OVER member, 0) AS before,
           lead(p.started_at) OVER member AS following
    FROM loyalty_tierperiod p JOIN loyalty_member m ON m.id = p.member_id AND m.program_id = %(program)s
    LEFT JOIN loyalty_tier t ON t.id = p.tier_id
    WINDOW member AS (PARTITION BY p.member_id ORDER BY p.started_at, p.id)),
moves AS (
    SELECT started_at AS at, rank - before AS step FROM period
    UNION ALL SELECT ended_at, -rank FROM period WHERE ended_at IS NOT NULL AND following IS NULL)
SELECT to_char(at AT TIME ZONE %(zone)s, 'YYYY-MM'), count(*) FILTER (WHERE step > 0), count(*) FILTER (WHERE step < 0)
FROM moves WHERE at >= %(since)s AND at <= %(now)s GROUP BY 1"""


def take_snapshot(*, program: Program, at: datetime | None = None) -> PointsSnapshot:
    """Store today's figures of a program, in its own zone. A second snapshot on the same day replaces the first."""
    now = at or clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s AT TIME ZONE %s", [now, program.time_zone])
        local = cursor.fetchone()[0]
        months = _months(local)
        cursor.execute(
            "SELECT make_timestamptz(%s, %s, 1, 0, 0, 0, %s)",
            [*(int(n) for n in months[0].split("-")), program.time_zone],
        )
        params = {"program": program.pk, "zone": program.time_zone, "now": now, "since": cursor.fetchone()[0]}
        cursor.execute(_FLOW, params)
        flow = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_MOVES, params)
        moves = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(
            statement(
                __package__,
                "triangle",
                lots=_LOTS,
                oldest=str(OLDEST),
                moved_age=_AGE.format(a="lot.began", b="e.occurred_at AT TIME ZONE %(zone)s"),
                expired_age=_AGE.format(a="began", b="expires_at AT TIME ZONE %(zone)s"),
                cohort_age=_AGE.format(a="issued.cohort", b="%(now)s::timestamptz AT TIME ZONE %(zone)s"),
            ),
            params,
        )
        cohorts = _cohorts(cursor.fetchall())
        cursor.execute(_OUTSTANDING, params)
        outstanding = [Outstanding(points, age, left) for points, age, left in cursor.fetchall()]
    rows: list[dict[str, Any]] = []
    for month in months:
        earned, spent, expired = flow.get(month, (0, 0, 0))
        up, down = moves.get(month, (0, 0))
        rows.append({"month": month, "earned": earned, "spent": spent, "expired": expired, "up": up, "down": down})
    snapshot, _made = PointsSnapshot.objects.update_or_create(
        program=program,
        day=local.date(),
        defaults={
            "points": sum(part.points for part in outstanding),
            "breakage": expected_breakage(cohorts, outstanding),
            "months": rows,
        },
    )
    return snapshot


def _months(local: datetime) -> list[str]:
    last = local.year * 12 + local.month - 1
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(last - MONTHS + 1, last + 1)]


def _cohorts(rows: list[tuple]) -> list[Cohort]:
    """Return each month's cohort with its complete months.

    The running month is left out, because it has too little data.
    """
    cohorts: dict[Any, tuple[int, list[int], list[int]]] = {}
    for cohort, issued, passed, age, spent, lost in rows:
        if passed < 1:
            continue
        _issued, spent_by_age, lost_by_age = cohorts.setdefault(cohort, (issued, [0] * passed, [0] * passed))
        if age < passed:
            spent_by_age[age] += spent
            lost_by_age[age] += lost
    return [Cohort(*sums) for sums in cohorts.values()]
