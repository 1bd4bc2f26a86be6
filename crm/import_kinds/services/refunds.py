"""Import of refunds: an amount per row, or the lines of one refund on successive rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid, NotFound
from crm.imports.rules.mapping import ImportField
from crm.imports.services.context import Context
from crm.imports.services.effects import announce_orders
from crm.imports.services.rows import RowImport
from crm.orders.models import Order
from crm.orders.rules.money import to_minor
from crm.orders.services.refunds import RefundLineInput, record_refund

FIELDS = (
    ImportField(
        "order", limit=64, required=True, aliases="ordernumber orderno orderid ordername 订单号 订单编号 bestellnummer"
    ),
    ImportField(
        "reference",
        limit=64,
        aliases="refundnumber refundno refundid creditmemo number id 退款单号 退款编号 erstattungsnummer",
    ),
    ImportField(
        "refunded_at", "time", aliases="refunddate date refundtime createdat 退款时间 退款日期 erstattetam datum"
    ),
    ImportField("amount", "number", aliases="refundamount refunded total 退款金额 金额 betrag"),
    ImportField("sku", limit=64, aliases="itemsku lineitemsku stockcode productcode 商品编码 货号 artikelnummer"),
    ImportField("quantity", "quantity", aliases="qty count 数量 件数 menge"),
    ImportField("reason", limit=200, aliases="note comment 退款原因 原因 grund"),
)
LABELS = {
    "order": _("Order number"),
    "reference": _("Number of the refund"),
    "refunded_at": _("Refunded at"),
    "amount": _("Amount refunded"),
    "quantity": _("Quantity returned"),
    "reason": _("Reason"),
}


class Refunds(RowImport):
    """Import of refunds, once per order and number.

    Without a number, the time and the amount or product identify one.
    """

    named = False
    may_name = False

    def take(self, context: Context, row: dict[str, Any]) -> bool:
        """Record one refund. Return whether it was new. Raises NotFound `unknown_order`, Invalid."""
        order = Order.objects.filter(source=context.source, number=row["order"]).first()
        if order is None:
            raise NotFound(_("There is no such order."), code="unknown_order", field="order")
        if not row["reference"] and not row["refunded_at"]:
            raise Invalid(_("Give the refund a number or a date."), code="required", field="reference")
        quantity = abs(row["quantity"]) if row["quantity"] else None
        amount = None if row["amount"] is None else abs(to_minor(row["amount"], order.currency))
        number = row["reference"] or f"R{row['refunded_at']:%Y%m%d%H%M%S}"
        if row["sku"]:
            # Each line of a refund is a row of its own, identified by its product.
            number = f"{number}/{row['sku']}"[:64]
        elif not row["reference"]:
            number = f"{number}/{amount or 'all'}"
        recorded = record_refund(
            order_number=order.number,
            number=number,
            source=context.source,
            actor=context.actor,
            amount=amount,
            lines=_lines(order, row["sku"], quantity, number) if row["sku"] else (),
            reason=row["reason"] or "",
            refunded_at=row["refunded_at"],
            import_run=context.run_id,
        )
        return recorded.outcome == "created"

    def finish(self, context: Context) -> None:
        """Announce the orders that the import changed."""
        if context.result["rows_taken"]:
            announce_orders(context)


def _lines(order: Order, sku: str, quantity: Decimal | None, number: str) -> list[RefundLineInput]:
    """Return the lines of a product: the quantity left of each, or the quantity that this refund took before."""
    known = order.refunds.filter(source=order.source, number=number).first()
    if known is not None:
        return [RefundLineInput(*line) for line in known.lines.values_list("line__position", "quantity")]
    chosen = []
    lines = list(order.lines.filter(product__sku=sku).order_by("position"))
    if not lines:
        raise Invalid(_("The order has no such line."), code="unknown_line", field="sku")
    remaining = (
        quantity
        if quantity is not None
        else sum((line.quantity - line.refunded_quantity for line in lines), Decimal(0))
    )
    for line in lines:
        part = min(remaining, line.quantity - line.refunded_quantity)
        if part > 0:
            chosen.append(RefundLineInput(line.position, part))
            remaining -= part
    if remaining > 0 or not chosen:
        raise Invalid(
            _("The order has less of this product left to return."), code="refund_exceeds_line", field="quantity"
        )
    return chosen
