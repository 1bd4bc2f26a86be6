"""Tiers follow what was spent in the program's window, never the balance (T1). All members in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from core import clock
from core.actor import SYSTEM, Actor
from core.events import emit_from_select
from loyalty import events
from loyalty.models import Program, TierReason


def evaluate_tiers(
    *,
    program: Program,
    customer_ids: Sequence[int] | None = None,
    downgrade: bool = False,
    reason: str = TierReason.PERIOD_ENDED,
    at: datetime | None = None,
    actor: Actor = SYSTEM,
) -> tuple[int, int]:
    """Upgrade whoever qualifies at once (T2); downgrade only where `downgrade` says that a period ends.

    A member goes down when neither the window nor the window with its grace still qualifies, and never while a tier
    given by hand is locked (T3). Returns (members up, members down).
    """
    at = at or clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(
            """CREATE TEMP TABLE loyalty_tier_moves ON COMMIT DROP AS
               WITH locked AS (
                   SELECT m.id, m.customer_id, m.tier_id, m.tier_locked_until, m.qualifying FROM loyalty_member m
                   WHERE m.program_id = %(program)s AND m.state = 'active'
                         AND (%(all)s OR m.customer_id = ANY(%(customers)s))
                   ORDER BY m.id FOR NO KEY UPDATE),
               spend AS (
                   SELECT o.customer_id,
                          sum(o.total - o.refunded)
                              FILTER (WHERE o.paid_at > %(at)s - make_interval(days => %(window)s)) AS windowed,
                          sum(o.total - o.refunded) AS graced
                   FROM crm_order o
                   WHERE o.state = 'paid' AND o.paid_at <= %(at)s AND o.currency = %(currency)s
                         AND o.paid_at > %(at)s - make_interval(days => %(window)s + %(grace)s)
                         AND (%(all)s OR o.customer_id = ANY(%(customers)s)) AND o.customer_id IS NOT NULL
                   GROUP BY o.customer_id)
               SELECT l.id AS member_id, l.customer_id, l.tier_id AS before_id, l.qualifying AS qualifying_before,
                      coalesce(s.windowed, 0) AS qualifying, b.rank AS before_rank, w.id AS earned_id, w.rank AS earned_rank,
                      g.id AS graced_id, coalesce(g.rank, 0) AS graced_rank,
                      l.tier_locked_until > %(at)s AS is_locked
               FROM locked l LEFT JOIN spend s ON s.customer_id = l.customer_id
               LEFT JOIN loyalty_tier b ON b.id = l.tier_id
               LEFT JOIN LATERAL (SELECT t.id, t.rank FROM loyalty_tier t
                                  WHERE t.program_id = %(program)s AND t.threshold <= coalesce(s.windowed, 0)
                                  ORDER BY t.rank DESC LIMIT 1) w ON true
               LEFT JOIN LATERAL (SELECT t.id, t.rank FROM loyalty_tier t
                                  WHERE t.program_id = %(program)s AND t.threshold <= coalesce(s.graced, 0)
                                  ORDER BY t.rank DESC LIMIT 1) g ON true""",
            {
                "program": program.pk,
                "all": customer_ids is None,
                "customers": list(customer_ids or []),
                "at": at,
                "window": program.tier_window_days,
                "grace": program.tier_grace_days,
                "currency": program.currency,
            },
        )
        # Nobody analyses a temporary table but who made it, and without that a million members are joined row by row.
        cursor.execute("ANALYZE loyalty_tier_moves")
        cursor.execute(
            """CREATE TEMP TABLE loyalty_tier_changes ON COMMIT DROP AS
               SELECT member_id, customer_id, before_id,
                      CASE WHEN coalesce(earned_rank, 0) > coalesce(before_rank, 0) THEN earned_id ELSE graced_id END
                          AS after_id,
                      coalesce(earned_rank, 0) > coalesce(before_rank, 0) AS up
               FROM loyalty_tier_moves
               WHERE coalesce(earned_rank, 0) > coalesce(before_rank, 0)
                  OR (%s AND graced_rank < coalesce(before_rank, 0) AND is_locked IS NOT TRUE)""",
            [downgrade],
        )
        cursor.execute("ANALYZE loyalty_tier_changes")
        cursor.execute(
            """UPDATE loyalty_member m SET qualifying = moves.qualifying FROM loyalty_tier_moves moves
               WHERE m.id = moves.member_id AND moves.qualifying <> moves.qualifying_before"""
        )
        cursor.execute(
            """UPDATE loyalty_tierperiod p SET ended_at = greatest(%s, p.started_at) FROM loyalty_tier_changes c
               WHERE p.member_id = c.member_id AND p.ended_at IS NULL""",
            [at],
        )
        cursor.execute(
            """INSERT INTO loyalty_tierperiod (member_id, tier_id, reason, started_at, actor)
               SELECT member_id, after_id, CASE WHEN up THEN 'qualified' ELSE %s END, %s, %s FROM loyalty_tier_changes
               WHERE after_id IS NOT NULL""",
            [reason, at, str(actor)],
        )
        cursor.execute(
            """UPDATE loyalty_member m SET tier_id = c.after_id, tier_since = %s FROM loyalty_tier_changes c
               WHERE m.id = c.member_id""",
            [at],
        )
        cursor.execute("SELECT count(*) FILTER (WHERE up), count(*) FILTER (WHERE NOT up) FROM loyalty_tier_changes")
        up, down = cursor.fetchone()
        if up or down:
            emit_from_select(
                events.TIER_CHANGED,
                """SELECT c.customer_id, jsonb_build_object('from', b.name, 'to', a.name, 'up', c.up, 'tier', c.after_id),
                          %s::timestamptz
                   FROM loyalty_tier_changes c LEFT JOIN loyalty_tier b ON b.id = c.before_id
                   LEFT JOIN loyalty_tier a ON a.id = c.after_id""",
                [at],
                actor=actor,
            )
        cursor.execute("DROP TABLE loyalty_tier_moves, loyalty_tier_changes")
    return up, down
