"""Counters behind the limits and budgets of earning rules. They are locked before the accounts, always in one order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection

from core.db.locks import require_transaction
from loyalty.earning.rules.caps import Counters, Key, lock_order
from loyalty.program.models import Program
from loyalty.program.rules.periods import PERIODS, midnight, period_end, period_start


def lock_uses(keys: Collection[Key], program: Program) -> Counters:
    """Lock the counters and return their values. A missing one is created with what was given in its period before.

    All members' own counters come after the rules' shared ones. The locks are held until the transaction ends.
    """
    require_transaction()
    used: dict[Key, int] = {}
    for shared in (True, False):
        part = sorted((key for key in keys if (key[1] is None) == shared), key=lock_order)
        if part:
            used |= _lock(part, program)
    return Counters(used)


def _lock(keys: list[Key], program: Program) -> dict[Key, int]:
    same = "u.member_id IS NULL" if keys[0][1] is None else "u.member_id = g.member"
    member_filter = "true" if keys[0][1] is None else "e.member_id = g.member"
    arrays = _columns(keys)
    # Shared counters of earlier periods have counted every member. Only the first shared counter has to read older
    # earnings.
    counted = "false"
    if keys[0][1] is None:
        counted = """EXISTS (SELECT FROM loyalty_earninguse u WHERE u.rule_id = g.rule AND u.member_id IS NULL
                             AND u.period = g.period)"""
    key_arrays = "unnest(%s::bigint[], %s::bigint[], %s::text[], %s::date[]"
    zone = program.time_zone
    ends = [period_end(key[2], key[3]) for key in keys]
    bounds: list[Any] = [
        [midnight(key[3], zone) for key in keys],
        [midnight(end, zone) if end else None for end in ends],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO loyalty_earninguse (rule_id, member_id, period, starts_on, points)
                SELECT g.rule, g.member, g.period, g.starts_on, CASE WHEN {counted} THEN 0 ELSE
                       coalesce((SELECT sum(e.points - e.taken_back) FROM loyalty_earning e
                                 WHERE {member_filter} AND e.rule_id = g.rule
                                       AND (g.period = 'ever'
                                            OR (coalesce(e.occurred_at, e.created_at) >= g.since
                                                AND coalesce(e.occurred_at, e.created_at) < g.until))), 0) END
                FROM {key_arrays}, %s::timestamptz[], %s::timestamptz[])
                     WITH ORDINALITY AS g(rule, member, period, starts_on, since, until, place)
                WHERE NOT EXISTS (SELECT FROM loyalty_earninguse u WHERE u.rule_id = g.rule AND {same}
                                  AND u.period = g.period AND u.starts_on = g.starts_on)
                ORDER BY g.place ON CONFLICT DO NOTHING""",  # noqa: S608 - constant fragments; values are parameters
            [*arrays, *bounds],
        )
        cursor.execute(
            f"""SELECT u.rule_id, u.member_id, u.period, u.starts_on, u.points
                FROM {key_arrays}) WITH ORDINALITY AS g(rule, member, period, starts_on, place)
                JOIN loyalty_earninguse u ON u.rule_id = g.rule AND {same} AND u.period = g.period
                                             AND u.starts_on = g.starts_on
                ORDER BY g.place FOR NO KEY UPDATE OF u""",  # noqa: S608 - constant fragments; values are parameters
            arrays,
        )
        return {
            (rule, member, period, starts_on): points for rule, member, period, starts_on, points in cursor.fetchall()
        }


def save_uses(taken: Mapping[Key, int]) -> None:
    """Add points to the counters, which the caller has locked. A sum below zero, as after a merge, becomes zero."""
    moved = {key: points for key, points in taken.items() if points}
    for shared in (True, False):
        keys = sorted((key for key in moved if (key[1] is None) == shared), key=lock_order)
        if not keys:
            continue
        same = "u.member_id IS NULL" if shared else "u.member_id = g.member"
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE loyalty_earninguse u SET points = greatest(u.points + g.points, 0)
                    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::date[], %s::bigint[])
                         AS g(rule, member, period, starts_on, points)
                    WHERE u.rule_id = g.rule AND {same} AND u.period = g.period AND u.starts_on = g.starts_on""",  # noqa: S608 - constant fragments; values are parameters
                [*_columns(keys), [moved[key] for key in keys]],
            )


def lock_existing(rows: Collection[tuple[int, int, date]]) -> set[Key]:
    """Lock all existing counters for (rule, member, day), whatever the rule limits now: a refund frees room in each."""
    require_transaction()
    if not rows:
        return set()
    wanted = sorted(
        {
            (rule, owner, period, period_start(period, day))
            for rule, member, day in rows
            for owner in (None, member)
            for period in PERIODS
        },
        key=lock_order,
    )
    locked: set[Key] = set()
    for shared in (True, False):
        keys = [key for key in wanted if (key[1] is None) == shared]
        same = "u.member_id IS NULL" if shared else "u.member_id = g.member"
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT u.rule_id, u.member_id, u.period, u.starts_on
                    FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::date[])
                         WITH ORDINALITY AS g(rule, member, period, starts_on, place)
                    JOIN loyalty_earninguse u ON u.rule_id = g.rule AND {same} AND u.period = g.period
                                                 AND u.starts_on = g.starts_on
                    ORDER BY g.place FOR NO KEY UPDATE OF u""",  # noqa: S608 - constant fragments; values are parameters
                _columns(keys),
            )
            locked |= set(cursor.fetchall())
    return locked


def _columns(keys: Sequence[Key]) -> list[Any]:
    return [[key[place] for key in keys] for place in range(4)]
