"""Refunds of whole orders or parts of them, never more than was paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid, NotFound, Refused
from core.db.locks import lock_first, lock_rows
from core.events.bus import emit
from crm.orders import events
from crm.orders.models import Order, OrderLine, OrderState, Refund, RefundLine
from crm.orders.rules.money import share


@dataclass(frozen=True)
class RefundLineInput:
    """A returned quantity of one line, by the line's position in the order."""

    position: int
    quantity: Decimal


@dataclass(frozen=True)
class RefundRecorded:
    """The refund, and whether it was created or already there."""

    refund: Refund
    outcome: str


@dataclass(frozen=True)
class Returned:
    """A returned quantity of a product, for `amount` minor units, or for its share of the line when None."""

    sku: str
    quantity: Decimal
    unit_price: Decimal | None = None
    amount: int | None = None


@dataclass(frozen=True)
class RefundRequest:
    """One refund of an order: the returned products, or the total amount to which the order is refunded."""

    order_id: int
    number: str = ""
    returned: Sequence[Returned] = ()
    refunded_to: int | None = None
    refunded_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class RefundsRecorded:
    """Result of many refunds.

    `left_over`: (index of the request, minor units) that exceed the amount left to refund.
    """

    refunds: int
    amount: int
    left_over: list[tuple[int, int]]


def record_refund(
    *,
    order_number: str,
    number: str,
    source: str,
    actor: Actor,
    amount: int | None = None,
    lines: Sequence[RefundLineInput] = (),
    reason: str = "",
    refunded_at: datetime | None = None,
    import_run: int | None = None,
) -> RefundRecorded:
    """Refund an order: by lines, by amount (minor units), or whole when neither is given.

    A refund is recorded once per (source, number, order): repeating it with the same amount is `unchanged`, another
    amount raises Conflict `refund_differs`. An import emits one event for all its refunds. Raises NotFound (no such
    order), Refused `refund_exceeds_order`, and Invalid for a wrong line.
    """
    with transaction.atomic():
        order = lock_first(Order.objects.filter(source=source, number=order_number))
        if order is None:
            raise NotFound(_("There is no such order."), code="unknown_order", field="order")
        if order.state != OrderState.PAID:
            raise Conflict(
                _("Only a paid order can be refunded."), code="order_state", field="order", state=order.state
            )
        by_position = {line.position: line for line in sorted(lock_rows(order.lines.all()), key=attrgetter("position"))}
        known = order.refunds.filter(source=source, number=number).first()
        if known:
            same = amount in (None, known.amount) and (
                not lines
                or {(line.position, line.quantity) for line in lines}
                == set(known.lines.values_list("line__position", "quantity"))
            )
            if same:
                return RefundRecorded(known, "unchanged")
            raise Conflict(
                _("A refund with this number exists with other amounts."), code="refund_differs", field="number"
            )
        # Refunding the whole rest returns all its lines, even when the shop names none.
        whole = not lines and amount in (None, order.total - order.refunded)
        chosen = _lines_to_refund(order, by_position, lines, None if whole else amount)
        total = sum(part for _line, _quantity, part in chosen) if amount is None else amount
        if amount is None and not lines:
            total = order.total - order.refunded
        if total <= 0 or order.refunded + total > order.total:
            raise Refused(
                _("Only %(left)s of this order is left to refund.") % {"left": order.total - order.refunded},
                code="refund_exceeds_order",
                field="amount",
                left=order.total - order.refunded,
            )
        refund = Refund.objects.create(
            order=order,
            customer_id=order.customer_id,
            source=source,
            number=number,
            amount=total,
            reason=reason[:200],
            refunded_at=refunded_at or clock.now(),
            import_run_id=import_run,
        )
        RefundLine.objects.bulk_create(
            RefundLine(refund=refund, line=line, quantity=quantity, amount=part) for line, quantity, part in chosen
        )
        for line, quantity, part in chosen:
            OrderLine.objects.filter(pk=line.pk).update(
                refunded_quantity=line.refunded_quantity + quantity, refunded_amount=line.refunded_amount + part
            )
        order.refunded += total
        order.save(update_fields=["refunded"])
        if import_run is None:
            emit(
                events.ORDER_REFUNDED,
                subject_id=order.customer_id,
                payload={"order": order.pk, "number": order.number, "refund": refund.pk, "amount": total},
                actor=actor,
                occurred_at=refund.refunded_at,
            )
    return RefundRecorded(refund, "created")


def _lines_to_refund(
    order: Order, by_position: dict[int, OrderLine], lines: Sequence[RefundLineInput], amount: int | None
) -> list[tuple[OrderLine, Decimal, int]]:
    """Return (line, quantity, minor units) of the refunded lines."""
    if not lines:
        if amount is not None:
            return []
        return [
            (line, line.quantity - line.refunded_quantity, line.amount - line.refunded_amount)
            for line in by_position.values()
            if line.quantity > line.refunded_quantity
        ]
    chosen = []
    for index, requested in enumerate(lines):
        line = by_position.get(requested.position)
        if line is None:
            raise Invalid(_("The order has no such line."), code="unknown_line", field=f"lines.{index}.position")
        if requested.quantity <= 0 or line.refunded_quantity + requested.quantity > line.quantity:
            raise Invalid(
                _("Only %(left)s of this line is left to refund.") % {"left": line.quantity - line.refunded_quantity},
                code="refund_exceeds_line",
                field=f"lines.{index}.quantity",
            )
        # Calculate from the total refunded quantity, so that the parts of a line add up exactly to its amount.
        after = share(line.amount, int((line.refunded_quantity + requested.quantity) * 1000), int(line.quantity * 1000))
        chosen.append((line, requested.quantity, after - line.refunded_amount))
    return chosen


def record_refunds(*, requests: Sequence[RefundRequest], source: str, import_run: int) -> RefundsRecorded:
    """Refund many paid orders at once by the arithmetic of one refund. The import emits one event for all of them.

    A number that the order already has gets -2, -3 and so on; a missing number becomes R1, R2 and so on.
    """
    left_over: list[tuple[int, int]] = []
    refunds: list[Refund] = []
    parts: list[RefundLine] = []
    ids = sorted({request.order_id for request in requests})
    with transaction.atomic():
        orders = {order.pk: order for order in lock_rows(Order.objects.filter(pk__in=ids))}
        lines: dict[int, dict[int, OrderLine]] = {pk: {} for pk in ids}
        locked = lock_rows(OrderLine.objects.select_related("product").filter(order_id__in=ids))
        for line in sorted(locked, key=attrgetter("order_id", "position")):
            lines[line.order_id][line.position] = line
        numbers = set(Refund.objects.filter(order_id__in=ids, source=source).values_list("order_id", "number"))
        for place, request in enumerate(requests):
            order = orders[request.order_id]
            if order.state != OrderState.PAID:
                continue
            left = order.total - order.refunded
            if request.returned:
                chosen, money_asked = _returned_lines(lines[order.pk], request.returned)
                total = min(money_asked, left)
                if money_asked > total:
                    left_over.append((place, money_asked - total))
            else:
                total = min((request.refunded_to or 0) - order.refunded, left)
                if total <= 0:
                    continue
                chosen = _lines_to_refund(order, lines[order.pk], (), None if total == left else total)
            refund = Refund(
                order=order,
                customer_id=order.customer_id,
                source=source,
                number=_free_number(order.pk, request.number, numbers),
                amount=total,
                reason=request.reason[:200],
                refunded_at=request.refunded_at or clock.now(),
                import_run_id=import_run,
            )
            refunds.append(refund)
            order.refunded += total
            for line, quantity, amount in chosen:
                line.refunded_quantity += quantity
                line.refunded_amount += amount
                parts.append(RefundLine(refund=refund, line=line, quantity=quantity, amount=amount))
        Refund.objects.bulk_create(refunds)
        RefundLine.objects.bulk_create(parts)
        Order.objects.bulk_update({refund.order for refund in refunds}, ["refunded"], batch_size=500)
        OrderLine.objects.bulk_update(
            {part.line for part in parts}, ["refunded_quantity", "refunded_amount"], batch_size=500
        )
    return RefundsRecorded(len(refunds), sum(refund.amount for refund in refunds), left_over)


def _returned_lines(lines: dict[int, OrderLine], returned: Sequence[Returned]) -> tuple[list, int]:
    """Return ([(line, quantity, minor units)], the requested money). Lines with the same price are taken first."""
    chosen: dict[int, tuple[OrderLine, Decimal, int]] = {}
    money_asked = 0
    for item in returned:
        left, money_left = item.quantity, item.amount
        fitting = [line for line in lines.values() if line.product is not None and line.product.sku == item.sku]
        for line in sorted(fitting, key=lambda line: line.unit_price != item.unit_price):
            _line, already, money = chosen.get(line.pk, (line, Decimal(0), 0))
            quantity = min(left, line.quantity - line.refunded_quantity - already)
            if quantity <= 0:
                continue
            after = line.refunded_quantity + already + quantity
            part = share(line.amount, int(after * 1000), int(line.quantity * 1000)) - line.refunded_amount - money
            if money_left is not None:
                line_money = (
                    money_left if quantity == left else share(money_left, int(quantity * 1000), int(left * 1000))
                )
                money_left -= line_money
                money_asked += line_money
                part = min(line_money, line.amount - line.refunded_amount - money)
            else:
                part = max(part, 0)
                money_asked += part
            chosen[line.pk] = (line, already + quantity, money + part)
            left -= quantity
            if not left:
                break
    return list(chosen.values()), money_asked


def _free_number(order_id: int, number: str, taken: set[tuple[int, str]]) -> str:
    place = 1
    candidate = number or "R1"
    while (order_id, candidate) in taken:
        place += 1
        candidate = f"{number}-{place}" if number else f"R{place}"
    taken.add((order_id, candidate))
    return candidate
