"""Writing of earnings: earnings, entries, lots and balances in one call, together with the events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from core.base.actor import Actor
from core.db.locks import require_transaction
from core.events.bus import emit_from_select
from loyalty.earning.registry import Subject
from loyalty.earning.selectors.evaluation import RuleOutcome
from loyalty.ledger import events
from loyalty.ledger.rules.expiry import expires_at
from loyalty.ledger.services.enrolment import Accounts
from loyalty.program.models import Program


def record_earnings(
    *, program: Program, outcomes: Sequence[tuple[Subject, RuleOutcome]], accounts: Accounts, actor: Actor
) -> int:
    """Write each outcome once (L7). Points that depend on an order are pending for the return window (L4).

    Returns how many spendable points were given.
    """
    require_transaction()
    if not outcomes:
        return 0
    rows = []
    for subject, outcome in outcomes:
        version, judged, rule_points = outcome.version, outcome.judged, outcome.given
        days = program.return_window_days if subject.order is not None else 0
        available_from = subject.at + timedelta(days=days)
        rows.append(
            (
                accounts[subject.member, version.rule.point_type_id],
                subject.member,
                version.rule.pk,
                version.pk,
                subject.order,
                "" if isinstance(subject.key, int) else subject.key,
                outcome.base,
                judged.base.remainder,
                None if judged.lines is None else "{" + ",".join(map(str, judged.lines)) + "}",
                outcome.multiplier,
                rule_points.points,
                rule_points.cut,
                rule_points.remainder,
                available_from,
                expires_at(available_from, program.expiry_policy, program.expiry_count, program.time_zone),
                subject.at,
            )
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT account_id, rule_id, order_id, reference, points FROM loyalty_award(
                   %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
                   %s::numeric[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[], %s::numeric[],
                   %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s)""",
            [*(list(column) for column in zip(*rows, strict=True)), str(actor)],
        )
        given_rows = cursor.fetchall()
    spendable = {v.rule.point_type_id for _s, one in outcomes if (v := one.version).rule.point_type.spendable}
    types = {version.rule.pk: version.rule.point_type_id for _subject, one in outcomes if (version := one.version)}
    shown = [row for row in given_rows if types[row[1]] in spendable]
    _announce(shown, actor)
    return sum(row[4] for row in shown)


def _announce(rows: list[tuple], actor: Actor) -> None:
    """Emit one event for an order with the points of all rules, and one for each happening, which names its rule."""
    for_orders = [row for row in rows if not row[3]]
    others = [row for row in rows if row[3]]
    if for_orders:
        emit_from_select(
            events.POINTS_EARNED,
            """SELECT m.customer_id, jsonb_build_object('points', given.points, 'order', o.id, 'reference', o.number),
                      o.paid_at
               FROM (SELECT account_id, order_id, sum(points)::bigint AS points
                     FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS g(account_id, order_id, points)
                     GROUP BY account_id, order_id) AS given
               JOIN loyalty_account a ON a.id = given.account_id JOIN loyalty_member m ON m.id = a.member_id
               JOIN crm_order o ON o.id = given.order_id""",
            [[row[place] for row in for_orders] for place in (0, 2, 4)],
            actor=actor,
        )
    if others:
        emit_from_select(
            events.POINTS_EARNED,
            """SELECT m.customer_id, jsonb_build_object('points', g.points, 'reference', r.name, 'rule', r.code,
                                                        'happening', g.reference),
                      coalesce(e.occurred_at, now())
               FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[]) 
                    AS g(account_id, rule_id, reference, points)
               JOIN loyalty_account a ON a.id = g.account_id JOIN loyalty_member m ON m.id = a.member_id
               JOIN loyalty_earningrule r ON r.id = g.rule_id
               JOIN loyalty_earning e ON e.rule_id = g.rule_id AND e.reference = g.reference""",
            [[row[place] for row in others] for place in (0, 1, 3, 4)],
            actor=actor,
        )
