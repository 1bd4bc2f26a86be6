"""Orders from the storefront, recorded once per (source, number) even when they are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_first, lock_name
from core.events.bus import emit
from crm.customers.models import Customer, Store
from crm.customers.services.customers import require_active
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.orders import events
from crm.orders.models import LineKind, Order, OrderLine, OrderState, Payment
from crm.orders.rules.money import to_major, to_minor
from crm.orders.services.products import KnownProducts, ProductInput, product_ids

MAX_LINES = 1000
_NULL = "\\N"
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True)
class LineInput:
    """A line of an order. `unit_price` is in major units and may be finer than a minor unit.

    `unit_amount` is the price in minor units and takes precedence. `discount` and `amount` are in minor units; `amount`
    is after the discount.
    """

    quantity: Decimal
    unit_price: Decimal = Decimal(0)
    kind: str = LineKind.PRODUCT
    sku: str = ""
    name: str = ""
    category: str = ""
    discount: int = 0
    amount: int | None = None
    unit_amount: int | None = None


@dataclass(frozen=True)
class PaymentInput:
    """A payment of an order. The amount is in minor units."""

    method: str
    amount: int
    reference: str = ""
    paid_at: datetime | None = None


@dataclass(frozen=True)
class OrderInput:
    """An order to record. All amounts are in minor units. A given `total` must equal the sum of the parts."""

    number: str
    placed_at: datetime
    lines: Sequence[LineInput]
    currency: str = ""
    store: str = ""
    state: str = OrderState.PAID
    paid_at: datetime | None = None
    channel: str = ""
    identities: Sequence[GivenIdentity] = ()
    customer_number: str = ""
    customer_name: str = ""
    discount: int = 0
    points_amount: int = 0
    shipping: int = 0
    tax: int = 0
    fees: int = 0
    total: int | None = None
    payments: Sequence[PaymentInput] = field(default_factory=tuple)


@dataclass(frozen=True)
class OrderRecorded:
    """Result of recording: `outcome` is created, updated (the state advanced) or unchanged."""

    order: Order
    outcome: str


@dataclass(frozen=True)
class OrderMove:
    """A change of an order's state. `state` is paid or cancelled; without `paid_at` it was paid when it was placed."""

    order_id: int
    state: str
    paid_at: datetime | None = None


def record_order(
    *, data: OrderInput, source: str, actor: Actor, products: KnownProducts | None = None
) -> OrderRecorded:
    """Record an order, or move a known one from placed to paid or cancelled.

    Raises Invalid (a wrong field or sum) and Conflict: `order_differs` when the number exists with other amounts,
    `customer_not_active` for a new order of an erased customer. Repeating the same order is `unchanged`. `products`
    caches product ids for the orders of a batch.
    """
    with transaction.atomic():
        store = _store(data.store)
        amounts, lines = _priced(data, store)
        lock_name("order", source, data.number)
        known = lock_first(Order.objects.filter(source=source, number=data.number))
        if known:
            return _move_on(known, data, amounts, actor)
        now = clock.now()
        _check_times(data, now)
        customer = _customer(data, store, source, actor)
        paid_at = (data.paid_at or data.placed_at) if data.state == OrderState.PAID else None
        order = Order.objects.create(
            store=store,
            source=source,
            number=data.number,
            customer=customer,
            state=data.state,
            channel=data.channel[:40],
            currency=store.currency,
            placed_at=data.placed_at,
            paid_at=paid_at,
            item_count=sum((line.quantity for line in lines if line.kind == LineKind.PRODUCT), Decimal(0)),
            **amounts,
        )
        named = [ProductInput(line.sku, line.name, line.category) for line in lines if line.kind == LineKind.PRODUCT]
        ids = products.of(named) if products else product_ids(named)
        _insert_lines(order, lines, ids, paid_at or data.placed_at)
        Payment.objects.bulk_create(
            Payment(
                order=order,
                method=payment.method,
                amount=payment.amount,
                reference=payment.reference,
                paid_at=payment.paid_at or paid_at or data.placed_at,
            )
            for payment in data.payments
        )
        _announce(order, actor)
    if products:
        products.remember(ids)
    return OrderRecorded(order, "created")


def _insert_lines(order: Order, lines: Sequence[LineInput], ids: dict[str, int], bought_at: datetime) -> None:
    """Insert the lines of a new order with COPY; model objects and parameters would cost several times as much."""
    start = f"{order.pk}\t{order.customer_id or _NULL}\t"
    end = f"\t0\t0\t{bought_at.isoformat()}\n"
    rows = []
    for position, line in enumerate(lines, 1):
        product = ids.get(line.sku, _NULL) if line.kind == LineKind.PRODUCT else _NULL
        name = line.name[:300].translate(_COPY_ESCAPES)
        rows.append(
            f"{start}{position}\t{line.kind}\t{product}\t{name}\t{line.quantity}\t{line.unit_price}\t{line.discount}\t"
            f"{line.amount or 0}{end}"
        )
    with (
        connection.cursor() as cursor,
        cursor.copy(
            """COPY crm_orderline (order_id, customer_id, position, kind, product_id, name, quantity, unit_price,
                                   discount, amount, refunded_quantity, refunded_amount, bought_at) FROM STDIN"""
        ) as copy,
    ):
        copy.write("".join(rows).encode())


def _store(code: str) -> Store:
    store = Store.objects.filter(code=code).first() if code else Store.objects.default_or_none()
    if store is None:
        raise Invalid(_("There is no such store."), code="unknown_store", field="store")
    return store


def _priced(data: OrderInput, store: Store) -> tuple[dict[str, int], list[LineInput]]:
    """Return the amounts of the order, and its lines with their amounts."""
    if data.currency and data.currency != store.currency:
        raise Invalid(
            _("This store sells in %(currency)s.") % {"currency": store.currency},
            code="wrong_currency",
            field="currency",
        )
    if not data.lines or len(data.lines) > MAX_LINES:
        raise Invalid(_("An order has 1 to 1,000 lines."), code="invalid", field="lines")
    lines: list[LineInput] = []
    subtotal = discount = shipping = fees = 0
    for position, line in enumerate(data.lines):
        if line.kind == LineKind.PRODUCT and not line.sku:
            raise Invalid(_("A product line needs its SKU."), code="required", field=f"lines.{position}.sku")
        if line.quantity <= 0:
            raise Invalid(_("Use a quantity above 0."), code="invalid", field=f"lines.{position}.quantity")
        price = line.unit_price if line.unit_amount is None else to_major(line.unit_amount, store.currency)
        gross = to_minor(line.quantity * price, store.currency)
        amount = gross - line.discount
        if line.amount is not None and line.amount != amount:
            raise Invalid(
                _("quantity × unit price − discount is %(sum)s.") % {"sum": amount},
                code="amount_mismatch",
                field=f"lines.{position}.amount",
            )
        if amount < 0:
            raise Invalid(
                _("The discount exceeds the amount of the line."), code="invalid", field=f"lines.{position}.discount"
            )
        if line.kind == LineKind.PRODUCT:
            subtotal += gross
            discount += line.discount
        elif line.kind == LineKind.SHIPPING:
            shipping += amount
        elif line.kind == LineKind.FEE:
            fees += amount
        else:
            discount += amount
        lines.append(
            LineInput(line.quantity, price, line.kind, line.sku, line.name, line.category, line.discount, amount)
        )
    amounts = {
        "subtotal": subtotal,
        "discount": discount + data.discount,
        "points_amount": data.points_amount,
        "shipping": shipping + data.shipping,
        "tax": data.tax,
        "fees": fees + data.fees,
    }
    total = subtotal - amounts["discount"] - data.points_amount + amounts["shipping"] + data.tax + amounts["fees"]
    if total < 0:
        raise Invalid(_("Discounts and points exceed the amount of the order."), code="invalid", field="discount")
    if data.total is not None and data.total != total:
        raise Invalid(_("The parts add up to %(sum)s.") % {"sum": total}, code="total_mismatch", field="total")
    if total > 2**53:
        raise Invalid(_("This amount is too large."), code="invalid", field="total")
    return {**amounts, "total": total}, lines


def _check_times(data: OrderInput, now: datetime) -> None:
    for name in ("placed_at", "paid_at"):
        value = getattr(data, name)
        if value and (value - now).total_seconds() > 600:
            raise Invalid(_("This time is in the future."), code="in_the_future", field=name)
        if value and value.year < 1990:
            raise Invalid(_("This time is before 1990."), code="too_old", field=name)


def _customer(data: OrderInput, store: Store, source: str, actor: Actor) -> Customer | None:
    if data.customer_number:
        holder = Customer.objects.select_related("merged_into").filter(number=data.customer_number).first()
        if holder is None:
            raise Invalid(_("There is no such customer."), code="unknown_customer", field="customer.number")
        customer = holder.merged_into or holder
        require_active(customer.pk, field="customer.number")
        return customer
    if not data.identities:
        return None
    resolved = resolve_customer(
        data.identities, actor=actor, source=source, country=store.country, defaults={"name": data.customer_name[:200]}
    )
    if resolved.customer is not None and not resolved.created:
        require_active(resolved.customer.pk, field="customer.identities")
    return resolved.customer


def _announce(order: Order, actor: Actor) -> None:
    event = {
        OrderState.PLACED: events.ORDER_PLACED,
        OrderState.PAID: events.ORDER_PAID,
        OrderState.CANCELLED: events.ORDER_CANCELLED,
    }[OrderState(order.state)]
    emit(
        event,
        subject_id=order.customer_id,
        payload={"order": order.pk, "number": order.number, "total": order.total, "currency": order.currency},
        actor=actor,
        occurred_at=order.paid_at or order.placed_at,
    )


def _move_on(order: Order, data: OrderInput, amounts: dict[str, int], actor: Actor) -> OrderRecorded:
    if any(getattr(order, name) != value for name, value in amounts.items()):
        raise Conflict(
            _("An order with this number exists with other amounts. Record a refund, or use another number."),
            code="order_differs",
            field="number",
        )
    if order.state == data.state:
        return OrderRecorded(order, "unchanged")
    if order.state != OrderState.PLACED:
        raise Conflict(
            _("A paid or cancelled order can't return to an earlier state."),
            code="order_state",
            field="state",
            state=order.state,
        )
    order.state = data.state
    if data.state == OrderState.PAID:
        order.paid_at = data.paid_at or clock.now()
        OrderLine.objects.filter(order=order).update(bought_at=order.paid_at)
    order.save(update_fields=["state", "paid_at"])
    _announce(order, actor)
    return OrderRecorded(order, "updated")


def advance_orders(*, moves: Sequence[OrderMove], import_run: int) -> int:
    """Advance placed orders to paid or cancelled, many at once; other orders stay unchanged. Returns how many advanced.

    The orders store the import that advanced them, because its one event covers all of them.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """WITH placed AS (
                   SELECT id, state, placed_at FROM crm_order WHERE id = ANY(%s) AND state = 'placed'
                   ORDER BY id FOR UPDATE)
               UPDATE crm_order o SET state = m.state, import_run_id = %s,
                      paid_at = CASE m.state WHEN 'paid' THEN coalesce(m.paid_at, p.placed_at) END
               FROM placed p
               JOIN unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS m(id, state, paid_at) USING (id)
               WHERE o.id = p.id RETURNING o.id""",
            [
                [move.order_id for move in moves],
                import_run,
                [move.order_id for move in moves],
                [move.state for move in moves],
                [move.paid_at for move in moves],
            ],
        )
        moved = [order for (order,) in cursor.fetchall()]
        cursor.execute(
            """UPDATE crm_orderline l SET bought_at = o.paid_at FROM crm_order o
               WHERE o.id = l.order_id AND o.id = ANY(%s) AND o.paid_at IS NOT NULL""",
            [moved],
        )
    return len(moved)
