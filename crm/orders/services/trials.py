"""The effect of a refund before it is recorded: the refund and its consequences are done and rolled back."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.console.effects import Effect
from core.text.formatting import money
from crm.orders.models import Order
from crm.orders.registry import REFUND_CONSEQUENCES
from crm.orders.selectors.spending import spending
from crm.orders.services.refunds import RefundLineInput, record_refund


def try_refund(
    *, order: Order, number: str, amount: int | None, lines: Sequence[RefundLineInput], actor: Actor
) -> list[Effect]:
    """Return what this refund would change; nothing is stored and no event leaves.

    Raises the same errors as `record_refund`.
    """
    with transaction.atomic():
        before = _figures(order)
        record_refund(
            order_number=order.number, number=number, source=order.source, amount=amount, lines=lines, actor=actor
        )
        changed = Order.objects.get(pk=order.pk)
        for consequence in REFUND_CONSEQUENCES:
            consequence.apply(changed)
        after = _figures(changed)
        transaction.set_rollback(True)
    return [Effect(label, before[name][1], value) for name, (label, value) in after.items() if name in before]


def _figures(order: Order) -> dict[str, tuple]:
    """Return {name: (label, value)} of the order, the customer's spending, and the figures of the subjects above."""
    figures: dict[str, tuple] = {
        "refunded": (_("Refunded of this order"), money(order.refunded, order.currency)),
        "left": (_("Left of this order"), money(order.total - order.refunded, order.currency)),
    }
    if order.customer_id is not None:
        rows = spending([order.customer_id]).get(order.customer_id, [])
        spent = next((row.amount for row in rows if row.currency == order.currency), 0)
        figures["spent"] = (_("Spent by the customer"), money(spent, order.currency))
    for name, consequence in REFUND_CONSEQUENCES.items():
        value = consequence.read(order)
        if value is not None:
            figures[name] = (consequence.label, value)
    return figures
