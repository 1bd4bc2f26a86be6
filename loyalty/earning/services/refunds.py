"""Effects of a refund (L5): earned and spent points are adjusted to what is left of the order.

A rate and a multiplying rule are taken back pro rata, with the arithmetic that gave them. Points given each time are
taken back only when the order is refunded in full. An award that a limit cut keeps what it still deserves, up to what
was given. Points taken back free room under the limits of the period in which they were earned, and in the budget.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.events.bus import EventType, emit
from crm.orders.models import Order, Refund
from loyalty.earning.models import Earning, EarningRule, EarningUse, Stacking
from loyalty.earning.rules.caps import Key
from loyalty.earning.rules.earning import multiplied, points_after_refund, redeemed_to_return
from loyalty.earning.selectors.evaluation import lines_of, terms_of
from loyalty.earning.selectors.subjects import amounts_of
from loyalty.earning.services.awards import CHUNK
from loyalty.earning.services.uses import lock_existing, save_uses
from loyalty.ledger import events
from loyalty.ledger.models import Hold, HoldState
from loyalty.program.models import Program
from loyalty.program.rules.periods import PERIODS, period_start


def reverse_points_for_orders(
    *, orders: Iterable[Order], reference: str = "", actor: Actor = SYSTEM
) -> tuple[int, int]:
    """Adjust points to what has been refunded of these orders (L5), earned and spent ones. Idempotent.

    Returns (points taken back, points given back).
    """
    taken = returned = 0
    iterator: Iterator[Order] = iter(orders)
    while chunk := list(islice(iterator, CHUNK)):
        with transaction.atomic():
            by_id = {order.pk: order for order in chunk}
            refunded_at = _last_refunds(by_id)
            taken += _take_back(by_id, refunded_at, actor)
            for hold, order in _holds_of(by_id):
                total = redeemed_to_return(hold.captured, order.total, order.refunded)
                if total > hold.returned:
                    step = _call("loyalty_give_back", hold.pk, total, order.number, actor, refunded_at[order.pk])
                    _announce(events.POINTS_RETURNED, hold.account.member.customer_id, step, order, actor, refunded_at)
                    returned += step
    return taken, returned


def _take_back(orders: dict[int, Order], refunded_at: dict[int, datetime], actor: Actor) -> int:
    earnings = list(_earnings(orders))
    counted = _lock_counters(earnings)
    if counted:
        earnings = list(_earnings(orders))
    keeps = points_kept(earnings, orders)
    taken, room = 0, defaultdict[Key, int](int)
    for earning in earnings:
        total = earning.points - keeps[earning.pk]
        if earning.lot_id is None or earning.order_id is None or total <= earning.taken_back:
            continue
        order = orders[earning.order_id]
        # A happening's order belongs to another customer, so its number must not be shown.
        named = earning.reference or order.number
        step = _call("loyalty_take_back", earning.pk, total, named, actor, refunded_at[order.pk])
        for key in _keys(earning):
            if key in counted:
                room[key] -= total - earning.taken_back
        if earning.rule.point_type.spendable:
            _announce(
                events.POINTS_TAKEN_BACK, earning.member.customer_id, step, order, actor, refunded_at, earning.reference
            )
            taken += step
    save_uses(room)
    return taken


def points_kept(earnings: Iterable[Earning], orders: dict[int, Order]) -> dict[int, int]:
    """Return {earning: the points that the rest of its order still deserves, at most those it was given}."""
    rows = list(earnings)
    lines = lines_of({row.order_id for row in rows if row.lines is not None and row.order_id is not None})
    points_by_earning: dict[int, int] = {}
    stacked_points: dict[tuple, int] = defaultdict(int)
    for row in rows:
        if row.version.stacking == Stacking.MULTIPLY:
            continue
        order = orders[row.order_id or 0]
        program: Program = row.member.program
        of_order = None if row.lines is None else lines[order.pk]
        counting = [line for line in of_order or () if line.id in set(row.lines or ())]
        deserved = points_after_refund(
            row.base, amounts_of(order), terms_of(row.version), row.multiplier, program.rounding, of_order, counting
        )
        points_by_earning[row.pk] = min(deserved, row.points)
        stacked_points[_group(row)] += points_by_earning[row.pk]
    for row in rows:
        if row.version.stacking == Stacking.MULTIPLY:
            deserved = multiplied(stacked_points[_group(row)], row.version.factor, row.member.program.rounding).points
            points_by_earning[row.pk] = min(deserved, row.points)
    return points_by_earning


def _group(earning: Earning) -> tuple:
    """Return a key of the earnings that were stacked with each other."""
    return (earning.order_id, earning.reference, earning.rule.point_type_id)


def _earnings(orders: dict[int, Order]) -> QuerySet[Earning]:
    return (
        Earning.objects.filter(order_id__in=orders)
        .select_related("version", "rule__point_type", "member__program", "lot")
        .order_by("lot__account_id", "pk")
    )


def _lock_counters(earnings: list[Earning]) -> set[Key]:
    """Lock and return the counters of these earnings; empty when no rule is limited."""
    uses = EarningUse.objects.filter(rule=OuterRef("pk"))
    limited = set(
        EarningRule.objects.filter(Exists(uses), pk__in={row.rule_id for row in earnings}).values_list("pk", flat=True)
    )
    rows = {(row.rule_id, row.member_id, _day(row)) for row in earnings if row.rule_id in limited}
    return lock_existing(rows)


def _day(earning: Earning) -> date:
    at = earning.occurred_at or earning.created_at
    return at.astimezone(ZoneInfo(earning.member.program.time_zone)).date()


def _keys(earning: Earning) -> list[Key]:
    day = _day(earning)
    return [
        (earning.rule_id, member, period, period_start(period, day))
        for member in (None, earning.member_id)
        for period in PERIODS
    ]


def _holds_of(orders: dict[int, Order]) -> Iterator[tuple[Hold, Order]]:
    """Yield captured holds spent on these orders, which the order names or whose reference is the order number."""
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
    """Return when each order was last refunded.

    Points follow the time of the refund, even if it is reported much later.
    """
    now = clock.now()
    rows = Refund.objects.filter(order_id__in=orders).values_list("order_id").annotate(at=Max("refunded_at"))
    return dict.fromkeys(orders, now) | {order: min(at, now) for order, at in rows}


def _call(function: str, key: int | UUID, total: int, reference: str, actor: Actor, at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s, %s, %s, %s)", [key, total, reference, str(actor), at])
        return cursor.fetchone()[0]


def _announce(
    event: EventType,
    customer_id: int,
    points: int,
    order: Order,
    actor: Actor,
    moments: dict[int, datetime],
    happening: str = "",
) -> None:
    if points:
        payload = {"happening": happening} if happening else {"order": order.pk, "reference": order.number}
        emit(
            event,
            subject_id=customer_id,
            payload={"points": points, **payload},
            actor=actor,
            occurred_at=moments[order.pk],
        )
