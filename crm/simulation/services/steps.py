"""Write a drawn history step by step, as if it happened: customers, orders, refunds, visits, each with its events."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from core.base.actor import SYSTEM
from core.base.errors import DomainError
from core.events.bus import Emission, emit, emit_many
from crm.activity.events import ACTIVITY_RECEIVED
from crm.customers.models import Store
from crm.orders.events import ORDER_PAID
from crm.orders.models import OrderLine, Product
from crm.orders.services.refunds import RefundLineInput, record_refund
from crm.simulation.rules import names as words
from crm.simulation.rules.baskets import price_of
from crm.simulation.services.history import Purchase, ShopHistory, share
from crm.simulation.services.people import (
    CONSENTS,
    IDENTITIES,
    PEOPLE,
    PeopleRows,
    consent_row,
    copy_rows,
    identity_row,
    reserve,
)

SOURCE = "storefront"
REFUND_SHARE, WHOLE_REFUND_SHARE = 0.05, 0.5
FREE_SHIPPING, SHIPPING = 9900, 1000
# Share of Chinese customers who follow the shop on WeChat.
WECHAT_SHARE = 0.35
# Visits that end without an order, for each order.
IDLE_VISITS = 1.2
CART_SHARE = 0.3


@dataclass(frozen=True)
class PlacedOrder:
    """An order that was written. `owner` is the customer's index in the history."""

    id: int
    number: str
    customer_id: int
    owner: int
    total: int
    at: datetime
    lines: int


class ShopWriter:
    """Write the rows of a history up to a moment. Each row is written once."""

    def __init__(self, store: Store, history: ShopHistory) -> None:
        self.store, self.history = store, history
        self.products = {product.sku: product.pk for product in Product.objects.all()}
        self.orders = self.activity = 0
        self._signed_up = 0
        rows = history.rows
        self._identities = _by_customer(rows.identities)
        self._consents = _by_customer([row for row in rows.consents if row[3] == "granted"])
        self._withdrawals = sorted((row for row in rows.consents if row[3] != "granted"), key=lambda row: row[6])
        self._refunds: list[tuple[datetime, PlacedOrder]] = []

    def sign_up(self, until: datetime) -> list[int]:
        """Write the customers who signed up until then, with identities and consents. Return their ids."""
        first, history = self._signed_up, self.history
        last = first
        while last < len(history.ids) and history.since[last] <= until:
            last += 1
        new = range(first, last)
        withdrawn = [row for row in self._withdrawals if row[6] <= until]
        self._withdrawals = self._withdrawals[len(withdrawn) :]
        rows = PeopleRows([history.rows.people[index] for index in new], consents=withdrawn)
        for index in new:
            pk, since = history.ids[index], history.since[index]
            rows.identities += self._identities.get(pk, [])
            rows.consents += self._consents.get(pk, [])
            chinese = history.rows.people[index][10] == "CN"
            if chinese and share(history.seed, "wechat", index) < WECHAT_SHARE:
                rows.identities.append(identity_row(pk, "wechat_openid", f"oDemo{index:023d}", since))
                rows.consents.append(consent_row(pk, "wechat", "granted", since))
        with transaction.atomic():
            copy_rows("crm_customer", PEOPLE, rows.people)
            copy_rows("crm_identity", IDENTITIES, rows.identities)
            copy_rows("crm_consent", CONSENTS, rows.consents)
        self._signed_up = last
        return history.ids[first:last]

    def number(self, purchase: Purchase) -> str:
        """Return the number that the order of a purchase has or will have."""
        self._reserve([purchase])
        return f"S{purchase.order_id:09d}"

    def _reserve(self, purchases: Sequence[Purchase]) -> None:
        """Give an id to the order of each purchase that has none."""
        without = [purchase for purchase in purchases if not purchase.order_id]
        for purchase, pk in zip(without, reserve("crm_order", len(without)), strict=True):
            purchase.order_id = pk

    def name(self, product: int) -> str:
        """Return the name of a product in the shop's language."""
        _sku, chinese, english, _category, _price = words.PRODUCTS[product]
        return chinese if self.store.language.startswith("zh") else english.strip()

    def place(self, purchases: Sequence[Purchase]) -> list[PlacedOrder]:
        """Write paid orders with lines and payments, and emit `crm.order_paid` for each, at the time of its payment."""
        if not purchases:
            return []
        self._reserve(purchases)
        orders, lines, payments, placed = [], [], [], []
        for purchase in purchases:
            pk = purchase.order_id
            customer, at, subtotal = self.history.ids[purchase.owner], purchase.at, purchase.subtotal
            shipping = 0 if subtotal >= FREE_SHIPPING else SHIPPING
            total = subtotal - purchase.discount + shipping
            number = self.number(purchase)
            count = sum(line.quantity for line in purchase.lines)
            orders.append(
                (pk, self.store.pk, SOURCE, number, customer, "paid", purchase.channel, self.store.currency, subtotal,
                 purchase.discount, 0, shipping, 0, 0, total, 0, count, at, at, at)
            )  # fmt: skip
            for position, line in enumerate(purchase.lines, 1):
                sku, name = words.PRODUCTS[line.product][0], self.name(line.product)
                lines.append(
                    (pk, customer, position, "product", self.products[sku], name, line.quantity,
                     price_of(line.product) / 100, 0, line.amount, 0, 0, at)
                )  # fmt: skip
            payments.append((pk, "wechat" if purchase.channel == "mini_program" else "alipay", total, "", at))
            order = PlacedOrder(pk, number, customer, purchase.owner, total, at, len(purchase.lines))
            placed.append(order)
            self._plan_refund(order)
        with transaction.atomic():
            copy_rows(
                "crm_order",
                "id store_id source number customer_id state channel currency subtotal discount points_amount shipping "
                "tax fees total refunded item_count placed_at paid_at recorded_at",
                orders,
            )
            copy_rows(
                "crm_orderline",
                "order_id customer_id position kind product_id name quantity unit_price discount amount "
                "refunded_quantity refunded_amount bought_at",
                lines,
            )
            copy_rows("crm_payment", "order_id method amount reference paid_at", payments)
            emit_many(
                Emission(
                    ORDER_PAID,
                    order.customer_id,
                    {
                        "order": order.id,
                        "number": order.number,
                        "total": order.total,
                        "currency": self.store.currency,
                    },
                    order.at,
                )
                for order in placed
            )
        self.orders += len(placed)
        return placed

    def refund(self, until: datetime, move: Callable[[datetime], None]) -> int:
        """Record the refunds until then, each at its own time. Return how many."""
        chinese = self.store.language.startswith("zh")
        reasons = [reason for reason in words.REFUND_REASONS if reason.isascii() != chinese]
        due = sorted((at, order.id, order) for at, order in self._refunds if at <= until)
        self._refunds = [(at, order) for at, order in self._refunds if at > until]
        for at, _pk, order in due:
            move(at)
            chance = share(self.history.seed, "refund of", order.number)
            one = order.lines > 1 and chance > WHOLE_REFUND_SHARE
            try:
                record_refund(
                    order_number=order.number,
                    number=f"R{order.id}",
                    source=SOURCE,
                    actor=SYSTEM,
                    lines=self._first_line(order) if one else (),
                    reason=reasons[int(chance * len(reasons))],
                    refunded_at=at,
                )
            except DomainError:
                # A ticket refunded the order first.
                continue
        return len(due)

    def visit(self, purchases: Sequence[Purchase], *, live: bool) -> int:
        """Write the visits that led to these purchases, and visits without one. `live`: other parts act on them."""
        rows: list[tuple] = []
        for purchase in purchases:
            rows += self._session(purchase.owner, purchase.at, [line.product for line in purchase.lines], bought=True)
            for number in range(int(IDLE_VISITS + share(self.history.seed, "idle", purchase.owner, purchase.at))):
                key = (purchase.owner, purchase.at.isoformat(), number)
                goods = [int(share(self.history.seed, "looks", *key, place) * len(words.PRODUCTS)) for place in (0, 1)]
                back = timedelta(days=0.1 + 2.5 * share(self.history.seed, "back", *key))
                rows += self._session(
                    purchase.owner, max(purchase.at - back, self.history.since[purchase.owner]), goods
                )
        return self._write_activity(rows, live=live)

    def prospects(self, owners: Sequence[int], *, live: bool) -> int:
        """Write the first visit of customers who signed up and have not bought."""
        rows: list[tuple] = []
        for owner in owners:
            goods = [int(share(self.history.seed, "first", owner, place) * len(words.PRODUCTS)) for place in range(3)]
            rows += self._session(owner, self.history.since[owner], goods)
        return self._write_activity(rows, live=live)

    def _session(self, owner: int, ends: datetime, goods: Sequence[int], *, bought: bool = False) -> list[tuple]:
        """Return the rows of one visit: a search, pages with the seconds spent on them, the cart."""
        seed, key = self.history.seed, (owner, ends.isoformat())
        fills_cart = bought or share(seed, "cart", *key) < CART_SHARE
        steps: list[tuple[str, int | None, dict]] = []
        if share(seed, "search", *key) < 0.4:
            steps.append(("search", None, {"query": self.name(goods[0])[:8]}))
        for product in goods:
            sku = words.PRODUCTS[product][0]
            dwell = 8 + int(90 * share(seed, "dwell", *key, sku) ** 2)
            steps.append(("view", product, {"sku": sku, "page": f"/products/{sku.lower()}", "dwell": dwell}))
        if fills_cart:
            steps += [("cart", product, {"sku": words.PRODUCTS[product][0]}) for product in goods]
        rows = []
        for place, (kind, seen, values) in enumerate(steps):
            at = max(ends - timedelta(seconds=75 * (len(steps) - place)), self.history.first_day)
            self.activity += 1
            rows.append(
                (self.history.ids[owner], "", SOURCE, f"a{self.activity}", kind,
                 None if seen is None else self.products[words.PRODUCTS[seen][0]], json.dumps(values), at, at)
            )  # fmt: skip
        return rows

    def _write_activity(self, rows: list[tuple], *, live: bool) -> int:
        if not rows:
            return 0
        with transaction.atomic():
            copy_rows("crm_activityreceipt", "source sender_id", [(SOURCE, row[3]) for row in rows])
            copy_rows(
                "crm_activityevent",
                "customer_id anonymous_id source sender_id kind product_id properties occurred_at received_at",
                rows,
            )
            if live:
                emit(ACTIVITY_RECEIVED, subject_id=None, payload={"customers": sorted({row[0] for row in rows})})
        return len(rows)

    def _plan_refund(self, order: PlacedOrder) -> None:
        if share(self.history.seed, "refund", order.number) < REFUND_SHARE:
            days = 1 + 9 * share(self.history.seed, "refund after", order.number)
            self._refunds.append((order.at + timedelta(days=days), order))

    def _first_line(self, order: PlacedOrder) -> list[RefundLineInput]:
        quantity = OrderLine.objects.get(order_id=order.id, position=1).quantity
        return [RefundLineInput(1, quantity)]


def _by_customer(rows: Sequence[tuple]) -> dict[int, list[tuple]]:
    grouped: dict[int, list[tuple]] = {}
    for row in rows:
        grouped.setdefault(row[0], []).append(row)
    return grouped
