"""Points for paid orders, and what a refund undoes. Everything is once per order and rule, however often it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice

from django.db import connection, transaction
from django.db.models import Max, Q

from core import clock
from core.actor import SYSTEM, Actor
from core.events import emit, emit_from_select
from core.locks import require_transaction
from crm.models import Order, OrderState, Refund
from loyalty import events
from loyalty.models import Account, Earning, Hold, HoldState, Member, MemberState, Program
from loyalty.rules.earning import (
    Award,
    OrderAmounts,
    earning_base,
    points_after_refund,
    points_for,
    redeemed_to_return,
)
from loyalty.rules.expiry import expires_at
from loyalty.selectors import current_versions, terms_of
from loyalty.services.enrolment import enrol_many

CHUNK = 5000


def award_points_for_orders(*, program: Program, orders: Iterable[Order], actor: Actor = SYSTEM) -> int:
    """Award every active rule's points for these paid orders; guests and non-members are passed over.

    Enrols buyers first when the program says so. Returns how many points were given in all.
    """
    total = 0
    iterator: Iterator[Order] = iter(orders)
    while chunk := list(islice(iterator, CHUNK)):
        with transaction.atomic():
            total += _award_chunk(program, chunk, actor)
    return total


def _award_chunk(program: Program, orders: Sequence[Order], actor: Actor) -> int:
    require_transaction()
    eligible = [
        (order, order.customer_id, order.paid_at)
        for order in orders
        if order.customer_id and order.paid_at and order.state == OrderState.PAID and order.currency == program.currency
    ]
    if not eligible:
        return 0
    if program.auto_enrol:
        first: dict[int, datetime] = {}
        for _order, buyer, paid_at in eligible:
            first[buyer] = min(first.get(buyer, paid_at), paid_at)
        enrol_many(program=program, customer_ids=sorted(first), since=[first[pk] for pk in sorted(first)], actor=actor)
    members = {
        member.customer_id: member
        for member in Member.objects.filter(
            program=program, customer_id__in={buyer for _order, buyer, _paid_at in eligible}, state=MemberState.ACTIVE
        ).select_related("tier")
    }
    accounts = {
        (account.member_id, account.point_type_id): account.pk
        for account in Account.objects.filter(member__in=[member.pk for member in members.values()])
    }
    columns: list[list] = [[] for _ in range(12)]
    for version in current_versions(program):
        rule, terms = version.rule, terms_of(version)
        for order, buyer, paid_at in eligible:
            member = members.get(buyer)
            if member is None or not _running(rule, paid_at):
                continue
            base = earning_base(amounts_of(order), terms)
            multiplier = member.tier.multiplier if member.tier and terms.tier_multiplier else Decimal(1)
            award: Award = points_for(base, terms, multiplier, program.rounding)
            available_from = paid_at + timedelta(days=program.return_window_days)
            row = (
                accounts[member.pk, rule.point_type_id],
                member.pk,
                rule.pk,
                version.pk,
                order.pk,
                base,
                multiplier,
                award.points,
                award.remainder,
                available_from,
                expires_at(available_from, program.expiry_policy, program.expiry_count, program.time_zone),
                paid_at,
            )
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    if not columns[0]:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT account_id, order_id, points FROM loyalty_award(
                   %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[],
                   %s::bigint[], %s::numeric[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s)""",
            [*columns, str(actor)],
        )
        given = cursor.fetchall()
    if given:
        emit_from_select(
            events.POINTS_EARNED,
            """SELECT m.customer_id, jsonb_build_object('points', given.points, 'order', o.id, 'reference', o.number),
                      o.paid_at
               FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS given(account_id, order_id, points)
               JOIN loyalty_account a ON a.id = given.account_id JOIN loyalty_member m ON m.id = a.member_id
               JOIN crm_order o ON o.id = given.order_id""",
            [[row[0] for row in given], [row[1] for row in given], [row[2] for row in given]],
            actor=actor,
        )
    return sum(row[2] for row in given)


def reverse_points_for_orders(
    *, orders: Iterable[Order], reference: str = "", actor: Actor = SYSTEM
) -> tuple[int, int]:
    """Bring points in line with what has been refunded of these orders (L5), both sides. Safe to repeat.

    Returns (points taken back, points given back).
    """
    taken = returned = 0
    iterator: Iterator[Order] = iter(orders)
    while chunk := list(islice(iterator, CHUNK)):
        with transaction.atomic():
            by_id = {order.pk: order for order in chunk}
            refunded_at = _last_refunds(by_id)
            earnings = (
                Earning.objects.filter(order_id__in=by_id, lot__isnull=False)
                .select_related("version", "member__program", "lot")
                .order_by("lot__account_id", "pk")
            )
            for earning in earnings:
                order = by_id[earning.order_id]
                keep = points_after_refund(
                    earning.base,
                    amounts_of(order),
                    terms_of(earning.version),
                    earning.multiplier,
                    earning.member.program.rounding,
                )
                if earning.points - keep > earning.taken_back:
                    step = _call("loyalty_take_back", earning.pk, earning.points - keep, order, actor, refunded_at)
                    _announce(events.POINTS_TAKEN_BACK, earning.member.customer_id, step, order, actor, refunded_at)
                    taken += step
            for hold, order in _holds_of(by_id):
                total = redeemed_to_return(hold.captured, order.total, order.refunded)
                if total > hold.returned:
                    step = _call("loyalty_give_back", hold.pk, total, order, actor, refunded_at)
                    _announce(events.POINTS_RETURNED, hold.account.member.customer_id, step, order, actor, refunded_at)
                    returned += step
    return taken, returned


def amounts_of(order: Order) -> OrderAmounts:
    return OrderAmounts(
        order.subtotal,
        order.discount,
        order.points_amount,
        order.shipping,
        order.tax,
        order.fees,
        order.total,
        order.refunded,
    )


def _running(rule, at: datetime) -> bool:
    return (rule.starts_at is None or rule.starts_at <= at) and (rule.ends_at is None or at < rule.ends_at)


def _holds_of(orders: dict[int, Order]) -> Iterator[tuple[Hold, Order]]:
    """Captured holds spent on these orders: named by the order itself, or by its number as their reference."""
    by_number = {order.number: order for order in orders.values()}
    holds = (
        Hold.objects.filter(state=HoldState.CAPTURED)
        .filter(
            Q(entry__order_id__in=orders)
            | Q(reference__in=by_number, account__member__customer_id__in={o.customer_id for o in orders.values()})
        )
        .select_related("account__member", "entry")
        .order_by("account_id", "pk")
    )
    for hold in holds:
        order = orders.get(hold.entry.order_id or 0) or by_number.get(hold.reference)
        if order and order.customer_id == hold.account.member.customer_id:
            yield hold, order


def _last_refunds(orders: dict[int, Order]) -> dict[int, datetime]:
    """When each order was last refunded: points follow the money, also when it is told of much later."""
    now = clock.now()
    rows = Refund.objects.filter(order_id__in=orders).values_list("order_id").annotate(at=Max("refunded_at"))
    return dict.fromkeys(orders, now) | {order: min(at, now) for order, at in rows}


def _call(function: str, key, total: int, order: Order, actor: Actor, moments: dict[int, datetime]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(%s, %s, %s, %s, %s)", [key, total, order.number, str(actor), moments[order.pk]]
        )
        return cursor.fetchone()[0]


def _announce(event, customer_id: int, points: int, order: Order, actor: Actor, moments: dict[int, datetime]) -> None:
    if points:
        emit(
            event,
            subject_id=customer_id,
            payload={"points": points, "order": order.pk, "reference": order.number},
            actor=actor,
            occurred_at=moments[order.pk],
        )
