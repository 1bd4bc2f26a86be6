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
) -> RefundRecorded:
    """Refund an order: by lines, by amount (minor units), or whole when neither is given.

    Once per (source, number, order): again with the same amount is `unchanged`, with another one Conflict
    `refund_differs`. Raises NotFound (no such order), Refused `refund_exceeds_order` and Invalid for a wrong line.
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
