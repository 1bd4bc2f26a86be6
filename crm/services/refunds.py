"""Refunds, whole or part: what comes back, never more than was paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import clock
from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import emit
from crm import events
from crm.models import Order, OrderLine, OrderState, Refund, RefundLine
from crm.rules.money import share


@dataclass(frozen=True)
class RefundLineInput:
    position: int
    quantity: Decimal


@dataclass(frozen=True)
class RefundRecorded:
    refund: Refund
    outcome: str


@dataclass(frozen=True)
class Returned:
    """So much of a product that came back, for `amount` minor units, or for its share of the line when None."""

    sku: str
    quantity: Decimal
    unit_price: Decimal | None = None
    amount: int | None = None


@dataclass(frozen=True)
class RefundRequest:
    """One refund of an order: what came back, or the amount that it is refunded by in all."""

    order_id: int
    number: str = ""
    returned: Sequence[Returned] = ()
    refunded_to: int | None = None
    refunded_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class RefundsRecorded:
    """`left_over`: (place of the request, minor units) that are more than was paid and left."""

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

    Once per (source, number, order): again with the same amount is `unchanged`, with another one Conflict
    `refund_differs`. The event of an import stands for the refunds that it brings. Raises NotFound (no such order), Refused `refund_exceeds_order` and Invalid for a wrong line.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update(of=("self",)).filter(source=source, number=order_number).first()
        if order is None:
            raise NotFound(_("There is no such order."), code="unknown_order", field="order")
        if order.state != OrderState.PAID:
            raise Conflict(
                _("Only a paid order can be refunded."), code="order_state", field="order", state=order.state
            )
        by_position = {line.position: line for line in order.lines.select_for_update(of=("self",)).order_by("position")}
        known = order.refunds.filter(source=source, number=number).first()
        if known:
            same = amount in (None, known.amount) and (
                not lines
                or {(line.position, line.quantity) for line in lines}
                == set(known.lines.values_list("line__position", "quantity"))
            )
            if same:
                return RefundRecorded(known, "unchanged")
            raise Conflict(_("This refund is known with other amounts."), code="refund_differs", field="number")
        # All that is left of an order is the whole of it, whether or not the shop says so: its lines came back.
        whole = not lines and amount in (None, order.total - order.refunded)
        chosen = _chosen(order, by_position, lines, None if whole else amount)
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


def _chosen(
    order: Order, by_position: dict[int, OrderLine], lines: Sequence[RefundLineInput], amount: int | None
) -> list[tuple[OrderLine, Decimal, int]]:
    """(line, quantity, minor units) that come back."""
    if not lines:
        if amount is not None:
            return []
        return [
            (line, line.quantity - line.refunded_quantity, line.amount - line.refunded_amount)
            for line in by_position.values()
            if line.quantity > line.refunded_quantity
        ]
    chosen = []
    for index, given in enumerate(lines):
        line = by_position.get(given.position)
        if line is None:
            raise Invalid(_("The order has no such line."), code="unknown_line", field=f"lines.{index}.position")
        if given.quantity <= 0 or line.refunded_quantity + given.quantity > line.quantity:
            raise Invalid(
                _("Only %(left)s of this line is left to refund.") % {"left": line.quantity - line.refunded_quantity},
                code="refund_exceeds_line",
                field=f"lines.{index}.quantity",
            )
        # By what is refunded in all, so that the parts of a line add up to its amount to the last unit.
        after = share(line.amount, int((line.refunded_quantity + given.quantity) * 1000), int(line.quantity * 1000))
        chosen.append((line, given.quantity, after - line.refunded_amount))
    return chosen


def record_refunds(*, requests: Sequence[RefundRequest], source: str, import_run: int) -> RefundsRecorded:
    """Refund many paid orders at once by the arithmetic of one refund; the event of the import stands for all of them.

    A number that the order has already gets -2, -3 and so on; without one it is R1, R2 and so on.
    """
    left_over: list[tuple[int, int]] = []
    refunds: list[Refund] = []
    parts: list[RefundLine] = []
    ids = sorted({request.order_id for request in requests})
    with transaction.atomic():
        orders = {o.pk: o for o in Order.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")}
        lines: dict[int, dict[int, OrderLine]] = {pk: {} for pk in ids}
        locked = OrderLine.objects.select_for_update(of=("self",)).select_related("product").filter(order_id__in=ids)
        for line in locked.order_by("order_id", "position"):
            lines[line.order_id][line.position] = line
        numbers = set(Refund.objects.filter(order_id__in=ids, source=source).values_list("order_id", "number"))
        for place, request in enumerate(requests):
            order = orders[request.order_id]
            if order.state != OrderState.PAID:
                continue
            left = order.total - order.refunded
            if request.returned:
                chosen, asked = _returned(lines[order.pk], request.returned)
                total = min(asked, left)
                if asked > total:
                    left_over.append((place, asked - total))
            else:
                total = min((request.refunded_to or 0) - order.refunded, left)
                if total <= 0:
                    continue
                chosen = _chosen(order, lines[order.pk], (), None if total == left else total)
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


def _returned(lines: dict[int, OrderLine], returned: Sequence[Returned]) -> tuple[list, int]:
    """([(line, quantity, minor units)], the money that is asked for). A line of the same price is taken first."""
    chosen: dict[int, tuple[OrderLine, Decimal, int]] = {}
    asked = 0
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
                wanted = money_left if quantity == left else share(money_left, int(quantity * 1000), int(left * 1000))
                money_left -= wanted
                asked += wanted
                part = min(wanted, line.amount - line.refunded_amount - money)
            else:
                part = max(part, 0)
                asked += part
            chosen[line.pk] = (line, already + quantity, money + part)
            left -= quantity
            if not left:
                break
    return list(chosen.values()), asked


def _free_number(order_id: int, number: str, taken: set[tuple[int, str]]) -> str:
    place = 1
    candidate = number or "R1"
    while (order_id, candidate) in taken:
        place += 1
        candidate = f"{number}-{place}" if number else f"R{place}"
    taken.add((order_id, candidate))
    return candidate
