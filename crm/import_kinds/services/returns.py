"""Returns: rows with a negative quantity that name an order of the file or of the shop.

The returns of a product at one time form one refund. Its number is built from that time, so that the same rows are
recognised when they are imported again.
"""

from __future__ import annotations

from itertools import groupby

from core.db.statements import statement
from crm.imports.services import people
from crm.imports.services.context import Context
from crm.orders.services.refunds import RefundRequest, RefundsRecorded, Returned, record_refunds


def find(context: Context) -> bool:
    """Fill lk_return with the rows that are returns. Returns whether there are any."""
    context.execute(
        """CREATE TEMP TABLE lk_return (row_number bigint, number text, sku text, quantity numeric, at timestamptz,
               unit_price numeric, money numeric, known bigint) ON COMMIT DROP"""
    )
    if "quantity" not in context.mapping or not context.value("SELECT EXISTS (SELECT FROM lk_rows WHERE quantity < 0)"):
        return False
    return (
        context.execute(
            """INSERT INTO lk_return
               SELECT r.row_number, r.number, r.sku, -r.quantity, coalesce(r.refunded_at, r.placed_at),
                      abs(r.unit_price),
                      abs(coalesce(r.line_amount,
                                   r.quantity * abs(r.unit_price) + coalesce(abs(r.line_discount), 0))), o.id
               FROM lk_rows r LEFT JOIN crm_order o ON o.source = %(source)s AND o.number = r.number
               WHERE r.quantity < 0 AND r.error_code IS NULL AND coalesce(r.line_kind, 'product') = 'product'
                 AND (o.id IS NOT NULL OR r.number IN (
                      SELECT number FROM lk_rows WHERE number IS NOT NULL AND (quantity IS NULL OR quantity >= 0)))"""
        )
        > 0
    )


def check(context: Context) -> None:
    """Fill lk_back: the returns with the new part of each, after the orders of the file are decided."""
    context.execute(statement(__package__, "returns_to_check"))
    context.refuse(
        """SELECT row_number, CASE WHEN sku IS NULL THEN 'sku' WHEN at IS NULL THEN 'placed_at' ELSE '' END,
                  'required', ''
           FROM lk_back WHERE sku IS NULL OR at IS NULL"""
    )
    context.refuse(
        """SELECT row_number, 'number', 'order_has_refused_rows', '' FROM lk_back
           WHERE order_state IS NULL OR number IN (
               SELECT r.number FROM lk_refused JOIN lk_rows r USING (row_number)
               WHERE row_number NOT IN (SELECT row_number FROM lk_back) AND r.number IS NOT NULL AND known IS NULL
                 AND r.number NOT IN (SELECT number FROM lk_order))"""
    )
    context.refuse("SELECT row_number, 'state', 'order_state', '' FROM lk_back WHERE order_state <> 'paid' AND new > 0")
    context.refuse(
        """SELECT row_number, 'quantity', 'refund_exceeds_line', trim_scale(greatest(left_over - taken + new, 0))::text
           FROM lk_back WHERE new > 0 AND taken > left_over"""
    )
    context.execute(
        """INSERT INTO lk_unchanged SELECT row_number FROM lk_back LEFT JOIN lk_refused x USING (row_number)
           WHERE new = 0 AND x.row_number IS NULL"""
    )


def apply(context: Context) -> None:
    """Record the returns that the file contains as refunds."""
    rows = people.streamed(
        """SELECT coalesce(b.known, f.id), b.refund, b.at, b.sku, b.new, b.unit_price,
                  round(b.money * s.factor * b.new / b.quantity)::bigint, b.row_number
           FROM lk_back b LEFT JOIN lk_fresh f USING (number) LEFT JOIN crm_order o ON o.id = b.known
           LEFT JOIN lk_order n ON n.number = b.number
           JOIN lk_store s ON s.id = coalesce(o.store_id, n.store_id)
           LEFT JOIN lk_refused x USING (row_number)
           WHERE b.new > 0 AND x.row_number IS NULL ORDER BY 1, b.at, b.row_number"""
    )
    refunds = (list(group) for _key, group in groupby(rows, key=lambda row: row[:3]))
    for batch in people.batches(refunds):
        done = record_refunds(
            requests=[
                RefundRequest(
                    group[0][0],
                    number=group[0][1],
                    refunded_at=group[0][2],
                    returned=[
                        Returned(sku, quantity, price, money) for *_of, sku, quantity, price, money, _row in group
                    ],
                )
                for group in batch
            ],
            source=context.source,
            import_run=context.run_id,
        )
        count(context, done)
        for place, amount in done.left_over:
            context.extra |= {"noted_row": batch[place][0][-1], "noted_amount": amount}
            context.note("SELECT %(noted_row)s, 'line_amount', 'refund_partly_matched', %(noted_amount)s::bigint::text")


def count(context: Context, done: RefundsRecorded) -> None:
    """Add the recorded refunds and their amount in minor units to the result."""
    context.result["refunds_created"] = context.result.get("refunds_created", 0) + done.refunds
    context.result["refunded"] = context.result.get("refunded", 0) + done.amount
