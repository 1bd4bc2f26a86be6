"""Import of UCI Online Retail: a year of a gift shop's invoices, with the errors of real data.

Donor: Dr. Daqing Chen; licensed CC BY 4.0. The file is interpreted as follows:

- `CustomerID` 17850.0 is the storefront id 17850. Every customer that the file names is imported.
- Codes for postage (POST, DOT, C2) are shipping lines. Fees and manual entries (M, BANK CHARGES, AMAZONFEE, S, D,
  CRUK) are fee lines. Neither is a product. Gift vouchers, DCGS codes and PADS are goods. B is bookkeeping.
- A line is not a sale when it repeats an earlier line in every column, has no price, or has a negative quantity
  without being a cancellation. It is refused alone; the rest of its invoice is imported.
- An invoice C... is a cancellation. It refunds earlier lines of the same customer and code: the same unit price first,
  then the latest. A refund never exceeds the quantity and money left of a line. The remainder is kept as an
  adjustment of the customer's spend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from crm.customers.models import Store
from crm.import_kinds.services.orders import Orders
from crm.imports.services import people
from crm.imports.services.context import Context
from crm.orders.rules.money import to_minor

NAME = "online_retail"
SOURCE = "online-retail"
OPTIONS = {"profile": NAME, "time_zone": "Europe/London", "decimal": ".", "currency": "GBP"}
MAPPING = {
    "number": "InvoiceNo",
    "sku": "StockCode",
    "product_name": "Description",
    "quantity": "Quantity",
    "placed_at": "InvoiceDate",
    "unit_price": "UnitPrice",
    "storefront": "CustomerID",
    "country": "Country",
}
# Code -> kind of line and the name of such lines.
NOT_PRODUCTS = {
    "POST": ("shipping", "Postage"),
    "DOT": ("shipping", "Dotcom postage"),
    "C2": ("shipping", "Carriage"),
    "M": ("fee", "Manual"),
    "m": ("fee", "Manual"),
    "D": ("fee", "Discount"),
    "S": ("fee", "Samples"),
    "BANK CHARGES": ("fee", "Bank charges"),
    "AMAZONFEE": ("fee", "Amazon fee"),
    "CRUK": ("fee", "CRUK commission"),
    "B": ("fee", "Bookkeeping"),
}


@dataclass(frozen=True)
class ImportProfile:
    """The cleaning of cells, by name of the field."""

    clean: Mapping[str, Callable[[str], str]] = field(default_factory=dict)


PROFILE = ImportProfile(clean={"storefront": lambda text: text.removesuffix(".0")})


@dataclass
class _Line:
    """A line that may still be refunded. Money is in minor units."""

    id: int
    order: int
    bought_at: datetime
    unit_price: Decimal
    left: Decimal
    money_left: int


def prepare_store() -> Store:
    """Return the store for the file: the default store, or a new one when the shop has no store.

    Raises Invalid wrong_currency when the store does not use GBP.
    """
    with transaction.atomic():
        store = Store.objects.default_or_none()
        if store is None and not Store.objects.exists():
            store = Store.objects.create(
                code=SOURCE, name="Online Retail", currency="GBP", time_zone="Europe/London", country="GB",
                language=settings.LANGUAGE_CODE, is_default=True,
            )  # fmt: skip
    if store is None or store.currency != "GBP":
        raise Invalid(
            _("Online Retail is in GBP: import it into an empty shop, or into one whose default store uses GBP."),
            code="wrong_currency",
            field="currency",
        )
    return store


class OnlineRetail(Orders):
    """Import of the Online Retail data set: invoices with cancellations instead of refunds."""

    rows = "r.number !~ '^C'"
    whole = False
    several_kinds = True
    follows = False
    errors = """WHEN sku = 'B' THEN 'not_a_sale'
                WHEN quantity <= 0 THEN 'stock_adjustment'
                WHEN unit_price <= 0 THEN 'no_sale_price'"""

    def __init__(self) -> None:
        # By cancellation row: the quantity and the minor units that no earlier line covers.
        self._leftover: dict[int, tuple[Decimal, int]] = {}

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        context.result |= {
            "stock_codes_read": context.value("SELECT count(DISTINCT sku) FROM lk_rows"),
            "invoices_read": context.value("SELECT count(DISTINCT number) FROM lk_rows"),
            "countries_read": context.value("SELECT count(DISTINCT country) FROM lk_rows"),
        }
        context.execute(
            """UPDATE lk_rows r SET error_code = 'duplicate_line', error_field = ''
               FROM (SELECT unnest((array_agg(row_number ORDER BY row_number))[2:]) AS row_number
                     FROM lk_rows WHERE error_code IS NULL
                     GROUP BY number, sku, product_name, quantity, placed_at, unit_price, storefront, country
                     HAVING count(*) > 1) again
               WHERE r.row_number = again.row_number"""
        )
        context.execute("CREATE TEMP TABLE lk_code (sku text, kind text, name text) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY lk_code FROM STDIN") as copy:
            for code, (kind, name) in NOT_PRODUCTS.items():
                copy.write_row([code, kind, name])
        context.execute(
            "UPDATE lk_rows r SET line_kind = c.kind, product_name = c.name FROM lk_code c WHERE r.sku = c.sku"
        )
        super().check(context)
        self._check_cancellations(context)

    def _check_cancellations(self, context: Context) -> None:
        """Fill lk_cancelled: the rows of cancellations, and whether an earlier run has recorded them."""
        context.refuse(
            "SELECT row_number, '', error_code, '' FROM lk_rows WHERE number ~ '^C' AND error_code IS NOT NULL"
        )
        context.execute(
            """CREATE TEMP TABLE lk_cancelled ON COMMIT DROP AS
               SELECT r.row_number, r.number, r.sku, r.line_kind, r.product_name, -r.quantity AS quantity, r.unit_price,
                      r.placed_at, r.storefront,
                      EXISTS (SELECT FROM crm_refund f WHERE f.source = %(source)s AND f.number = r.number)
                      OR EXISTS (SELECT FROM crm_spendadjustment a
                                 WHERE a.source = %(source)s AND a.reference = r.number)
                         AS known
               FROM lk_rows r WHERE r.number ~ '^C' AND r.error_code IS NULL"""
        )
        context.execute("ANALYZE lk_cancelled")
        done: dict[tuple[str, str], list] = {
            row[:2]: list(row[2:])
            for row in context.rows(
                """SELECT f.number, coalesce(p.sku, l.name), sum(t.quantity), sum(t.amount)
                   FROM crm_refund f JOIN crm_refundline t ON t.refund_id = f.id
                   JOIN crm_orderline l ON l.id = t.line_id
                   LEFT JOIN crm_product p ON p.id = l.product_id
                   WHERE f.source = %(source)s AND f.number IN (SELECT number FROM lk_cancelled WHERE known)
                   GROUP BY 1, 2"""
            )
        }
        outcome, left_money = [], {}
        currency = context.store.currency
        for row, number, key, quantity, price in context.rows(
            """SELECT row_number, number, CASE WHEN line_kind IS NULL THEN sku ELSE product_name END, quantity,
                      unit_price
               FROM lk_cancelled WHERE known ORDER BY row_number"""
        ):
            money_asked = to_minor(quantity * price, currency)
            refunded = done.setdefault((number, key), [Decimal(0), 0])
            quantity_done, money = min(refunded[0], quantity), min(refunded[1], money_asked)
            refunded[0] -= quantity_done
            refunded[1] -= money
            left_money[row] = (quantity - quantity_done, money_asked - money)
            outcome.append((row, quantity - quantity_done, quantity_done > 0))
        _record_leftovers(outcome)
        # This run records the remainders that an earlier run could not record.
        self._leftover = left_money
        context.execute("INSERT INTO lk_unchanged SELECT row_number FROM lk_cancelled WHERE known")

    def _resolve(self, context: Context) -> None:
        # Customers who appear only in cancellations or gifts are imported as well.
        people.resolve(
            """SELECT min(row_number) AS row_number, '' AS customer_number, storefront
               FROM lk_rows WHERE storefront <> 0 GROUP BY storefront""",
            ["storefront"],
            create=True,
        )

    def _refund(self, context: Context) -> None:
        lines = self._refundable(context)
        refunds: dict[tuple[str, int], list] = {}
        refund_lines: dict[tuple[str, int, int], list] = {}
        outcome = []
        capped = 0
        currency = context.store.currency
        for row, number, key, quantity, price, at, customer in context.rows(
            """SELECT c.row_number, c.number, CASE WHEN c.line_kind IS NULL THEN c.sku ELSE c.product_name END,
                      c.quantity, c.unit_price, c.placed_at, w.customer
               FROM lk_cancelled c LEFT JOIN lk_person p ON p.storefront = c.storefront AND c.storefront <> 0
               LEFT JOIN lk_owner w ON w.row_number = p.row_number
               WHERE NOT c.known ORDER BY c.placed_at, c.row_number"""
        ):
            left, refunded = quantity, 0
            earlier = [line for line in lines.get((customer, key), ()) if line.bought_at <= at and line.left > 0]
            for line in sorted(earlier, key=lambda line: line.unit_price != price):
                part = min(left, line.left)
                money_asked = to_minor(part * price, currency)
                money = min(money_asked, line.money_left)
                capped += money_asked - money
                line.left -= part
                line.money_left -= money
                left -= part
                refunded += money
                refund = refunds.setdefault((number, line.order), [customer, at, 0])
                refund[2] += money
                total = refund_lines.setdefault((number, line.order, line.id), [Decimal(0), 0])
                total[0] += part
                total[1] += money
                if not left:
                    break
            outcome.append((row, left, left < quantity))
            self._leftover[row] = (left, to_minor(quantity * price, currency) - refunded)
        _record_leftovers(outcome)
        self._write(context, refunds, refund_lines)
        self._adjust(context)
        context.result |= {
            "refunds_created": len(refunds),
            "refunded": sum(refund[2] for refund in refunds.values()),
            "refund_rows_matched": sum(not left for _row, left, _any in outcome),
            "refund_rows_partly_matched": sum(bool(left) and some for _row, left, some in outcome),
            "refund_rows_unmatched": sum(not some for _row, _left, some in outcome),
            "refund_above_price": capped,
        }

    @staticmethod
    def _refundable(context: Context) -> dict[tuple[int, str], list[_Line]]:
        """Return the lines of the cancelled customers and codes, the latest first."""
        lines: dict[tuple[int, str], list[_Line]] = defaultdict(list)
        for customer, key, *rest in context.rows(
            """SELECT l.customer_id, wanted.key, l.id, l.order_id, l.bought_at, l.unit_price,
                      l.quantity - l.refunded_quantity, l.amount - l.refunded_amount
               FROM (SELECT DISTINCT w.customer, coalesce(c.line_kind, 'product') AS kind, x.id AS product,
                            CASE WHEN c.line_kind IS NULL THEN c.sku ELSE c.product_name END AS key
                     FROM lk_cancelled c JOIN lk_person p ON p.storefront = c.storefront
                     JOIN lk_owner w ON w.row_number = p.row_number
                     LEFT JOIN crm_product x ON x.sku = c.sku AND c.line_kind IS NULL
                     WHERE NOT c.known) wanted
               JOIN crm_orderline l ON l.customer_id = wanted.customer AND l.kind = wanted.kind
                    AND (l.product_id = wanted.product OR (wanted.kind <> 'product' AND l.name = wanted.key))
               JOIN crm_order o ON o.id = l.order_id AND o.state = 'paid' AND o.source = %(source)s
               ORDER BY l.bought_at DESC, l.id DESC"""
        ):
            lines[customer, key].append(_Line(*rest))
        return lines

    def _adjust(self, context: Context) -> None:
        """Record money that no earlier line covers as adjustments of customers' spend, so that none is lost (I4)."""
        context.execute(
            "CREATE TEMP TABLE lk_leftover (row_number bigint PRIMARY KEY, quantity numeric, amount bigint) "
            "ON COMMIT DROP"
        )
        with connection.cursor() as cursor, cursor.copy("COPY lk_leftover FROM STDIN") as copy:
            for row, (quantity, amount) in self._leftover.items():
                if amount:
                    copy.write_row([row, quantity, amount])
        context.extra["money"] = context.store.currency
        rows = context.rows(
            """INSERT INTO crm_spendadjustment (customer_id, source, reference, item, product_id, quantity, amount,
                                                currency, occurred_at, import_run_id)
               SELECT min(w.customer), %(source)s, c.number, coalesce(c.product_name, c.sku), min(x.id),
                      -sum(t.quantity), -sum(t.amount)::bigint, %(money)s, min(c.placed_at), %(run)s
               FROM (SELECT c.row_number, c.number, c.storefront, c.placed_at, c.line_kind, c.sku,
                            CASE WHEN c.line_kind IS NULL THEN NULL ELSE c.product_name END AS product_name
                     FROM lk_cancelled c) c
               JOIN lk_leftover t USING (row_number)
               LEFT JOIN lk_person p ON p.storefront = c.storefront AND c.storefront <> 0
               LEFT JOIN lk_owner w ON w.row_number = p.row_number
               LEFT JOIN crm_product x ON x.sku = c.sku AND c.line_kind IS NULL
               GROUP BY c.number, coalesce(c.product_name, c.sku) ORDER BY min(c.row_number)
               ON CONFLICT (source, reference, item) DO NOTHING RETURNING amount"""
        )
        context.result |= {"adjustments_created": len(rows), "adjusted": sum(row[0] for row in rows)}

    @staticmethod
    def _write(context: Context, refunds: Mapping, refund_lines: Mapping) -> None:
        context.execute(
            """CREATE TEMP TABLE lk_refund (number text, order_id bigint, customer bigint, at timestamptz,
                                            amount bigint)
               ON COMMIT DROP"""
        )
        context.execute(
            """CREATE TEMP TABLE lk_refundline (number text, order_id bigint, line_id bigint, quantity numeric,
                                                amount bigint)
               ON COMMIT DROP"""
        )
        with connection.cursor() as cursor:
            with cursor.copy("COPY lk_refund FROM STDIN") as copy:
                for (number, order), (customer, at, amount) in refunds.items():
                    copy.write_row([number, order, customer, at, amount])
            with cursor.copy("COPY lk_refundline FROM STDIN") as copy:
                for (number, order, line), (quantity, amount) in refund_lines.items():
                    copy.write_row([number, order, line, quantity, amount])
        context.execute("ANALYZE lk_refund; ANALYZE lk_refundline")
        context.execute(
            """WITH made AS (
                   INSERT INTO crm_refund (order_id, customer_id, source, number, amount, reason, refunded_at,
                                           import_run_id)
                   SELECT order_id, customer, %(source)s, number, amount, '', at, %(run)s FROM lk_refund
                   ORDER BY at, number
                   RETURNING id, order_id, number)
               INSERT INTO crm_refundline (refund_id, line_id, quantity, amount)
               SELECT m.id, t.line_id, t.quantity, t.amount FROM lk_refundline t JOIN made m USING (order_id, number)"""
        )
        context.execute(
            """UPDATE crm_order o SET refunded = o.refunded + t.amount
               FROM (SELECT order_id, sum(amount) AS amount FROM lk_refund GROUP BY order_id) t
               WHERE o.id = t.order_id"""
        )
        context.execute(
            """UPDATE crm_orderline l SET refunded_quantity = l.refunded_quantity + t.quantity,
                      refunded_amount = l.refunded_amount + t.amount
               FROM (SELECT line_id, sum(quantity) AS quantity, sum(amount) AS amount FROM lk_refundline
                     GROUP BY line_id) t
               WHERE l.id = t.line_id"""
        )


def _record_leftovers(outcome: list[tuple[int, Decimal, bool]]) -> None:
    """List the cancelled quantities that match no earlier line. A row that matches in part is accepted."""
    listed = [
        (row, "refund_partly_matched" if some else "refund_unmatched", f"{left.normalize():f}")
        for row, left, some in outcome
        if left
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO lk_noted SELECT given.row_number, 'quantity', given.code, given.detail
               FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given(row_number, code, detail)
               ON CONFLICT DO NOTHING""",
            [list(column) for column in zip(*listed, strict=True)] or [[], [], []],
        )


def figures(source: str = SOURCE) -> dict[str, int]:
    """Return the stored figures of this source, to compare with the published ones. Money is in minor units."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(DISTINCT o.customer_id), count(*) FILTER (WHERE o.customer_id IS NOT NULL),
                      coalesce(sum(l.amount) FILTER (WHERE o.customer_id IS NOT NULL), 0)::bigint,
                      count(DISTINCT o.id) FILTER (WHERE o.customer_id IS NOT NULL), count(DISTINCT o.id), count(*)
               FROM crm_orderline l JOIN crm_order o ON o.id = l.order_id WHERE o.source = %s""",
            [source],
        )
        buyers, customer_lines, worth, customer_orders, orders, lines = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM crm_customer WHERE source = %s", [source])
        customers = cursor.fetchone()[0]
    return {
        "customers": customers,
        "customers_with_a_sale": buyers,
        "customer_sale_lines": customer_lines,
        "customer_sales": worth,
        "customer_orders": customer_orders,
        "orders": orders,
        "sale_lines": lines,
    }
