"""Write simulated histories as rows with COPY, in chunks of customers: a million fit in a small machine's memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction

from core.base import clock
from core.events.bus import emit
from crm.activity.services.activity import make_partitions
from crm.customers.models import Store
from crm.imports.models import ImportKind, ImportRun, ImportState
from crm.orders import events
from crm.orders.models import Product
from crm.orders.rules.money import share
from crm.orders.services.products import ProductInput, update_catalogue
from crm.simulation.rules import names as words
from crm.simulation.rules.process import DAY, History, Truth, simulate
from crm.simulation.services.people import copy_rows, customer_numbers, people_rows, reserve

CHUNK = 20_000
MONTHS = 18


@dataclass(frozen=True)
class Simulated:
    """The numbers of simulated rows, and the import run that wrote them."""

    customers: int
    orders: int
    lines: int
    refunds: int
    activity: int
    run: ImportRun


def simulate_shop(
    *,
    store: Store,
    customers: int,
    seed: int,
    truth_directory: Path,
    truth: Truth | None = None,
    with_activity: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> Simulated:
    """Fill an empty shop with `customers` and 18 months of their activity until now. Equal seeds make equal shops.

    The true parameters, and those of each customer, are written to `truth_directory` (truth.json, truth.npz).
    """
    truth = truth or Truth()
    random = np.random.default_rng(seed)
    end = clock.now().replace(microsecond=0)
    first_day = end - timedelta(days=MONTHS * 365 // 12)
    days = (end - first_day).days
    update_catalogue(
        items=[
            ProductInput(sku, zh, category, price=round(price * 100))
            for sku, zh, _en, category, price in words.PRODUCTS
        ]
    )
    make_partitions(first=(first_day - timedelta(days=31)).date(), months=MONTHS + 5)
    run = ImportRun.objects.create(
        kind=ImportKind.ORDERS, source="simulator", file_name=f"simulator, seed {seed}", state=ImportState.RUNNING
    )
    counts = np.zeros(5, dtype=np.int64)
    arrays: list[dict[str, Any]] = []
    for first in range(0, customers, CHUNK):
        size = min(CHUNK, customers - first)
        history = simulate(size, days, truth, random, first)
        arrays.append(history.truth_arrays())
        with transaction.atomic():
            counts += np.array(_Chunk(store, run, history, first_day, end, random, first, with_activity).write())
        progress(first + size)
    with transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(
            state=ImportState.DONE, read_count=int(counts[2]), accepted_count=int(counts[2]), finished_at=clock.now()
        )
        emit(events.ORDERS_IMPORTED, subject_id=None, payload={"run": run.pk})
    truth_directory.mkdir(parents=True, exist_ok=True)
    (truth_directory / "truth.json").write_text(
        json.dumps({"seed": seed, "customers": customers, "days": days, "parameters": truth.as_dict()}, indent=1)
    )
    np.savez_compressed(
        truth_directory / "truth.npz",
        **{name: np.concatenate([part[name] for part in arrays]) for name in arrays[0]},  # type: ignore[arg-type]
    )
    run.refresh_from_db()
    people, orders, lines, refunds, activity = (int(count) for count in counts)
    return Simulated(people, orders, lines, refunds, activity, run)


class _Chunk:
    """One chunk of customers with all their rows."""

    def __init__(
        self,
        store: Store,
        run: ImportRun,
        history: History,
        first_day: datetime,
        end: datetime,
        random: np.random.Generator,
        first: int,
        with_activity: bool,
    ) -> None:
        self.store, self.run, self.history, self.random, self.first = store, run, history, random, first
        self.first_day, self.end, self.with_activity = first_day, end, with_activity
        self.products = {product.sku: product.pk for product in Product.objects.all()}
        self.size = len(history.acquired)

    def write(self) -> tuple[int, int, int, int, int]:
        ids = self._customers()
        orders, lines, refunds = self._orders(ids)
        activity = self._activity(ids) if self.with_activity else 0
        return self.size, orders, lines, refunds, activity

    def _customers(self) -> list[int]:
        ids = reserve("crm_customer", self.size)
        people_rows(
            ids=ids,
            numbers=customer_numbers(self.size),
            since=lambda index: self._at(self.history.acquired[index]),
            first=self.first,
            end=self.end,
            random=self.random,
        ).write()
        return ids

    def _at(self, seconds: float) -> datetime:
        return self.first_day + timedelta(seconds=float(round(seconds)))

    def _orders(self, ids: list[int]) -> tuple[int, int, int]:
        history, random = self.history, self.random
        count = len(history.order_time)
        if not count:
            return 0, 0, 0
        order_ids = reserve("crm_order", count)
        line_counts = 1 + random.poisson(0.8, count).clip(0, 4)
        total_lines = int(line_counts.sum())
        line_ids = iter(reserve("crm_orderline", total_lines))
        # Customers are loyal to some goods: two favourites, chosen by the customer's number, take most of the lines.
        goods = random.integers(0, 1 << 30, total_lines)
        loyal = random.random(total_lines) < 0.6
        chance = random.random((count, 4))
        channel = random.choice(len(words.CHANNELS), count, p=[0.3, 0.35, 0.25, 0.1])
        orders, lines, payments, refunds = [], [], [], []
        cursor = 0
        for index, pk in enumerate(order_ids):
            owner = int(history.order_customer[index])
            customer = ids[owner - self.first]
            at = min(self._at(history.order_time[index]), self.end)
            line_total, made, subtotal = int(line_counts[index]), [], 0
            target = round(float(history.order_amount[index]) * 100)
            for position in range(line_total):
                step = (owner * 7 + (position % 2) * 3) if loyal[cursor] else int(goods[cursor])
                sku, name, _english, _category, price = words.PRODUCTS[step % len(words.PRODUCTS)]
                quantity = max(1, round(target / line_total / (price * 100)))
                cursor += 1
                # The price of the last line closes the gap, so that the order has the amount that the process drew.
                unit = price if position < line_total - 1 else max(1.0, round((target - subtotal) / 100 / quantity, 2))
                amount = round(unit * 100) * quantity
                subtotal += amount
                made.append((next(line_ids), sku, name, quantity, unit, amount))
            discount = round(subtotal * 0.1) if chance[index, 0] < 0.15 else 0
            shipping = 0 if subtotal >= 9900 else 1000
            total = subtotal - discount + shipping
            refunded = 0
            if chance[index, 1] < 0.05:
                whole = chance[index, 2] < 0.5
                back = min(at + timedelta(days=float(1 + chance[index, 3] * 10)), self.end)
                refunded = total if whole else share(total, made[0][5], max(subtotal, 1))
                reason = words.REFUND_REASONS[int(chance[index, 3] * len(words.REFUND_REASONS))]
                refunds.append((pk, customer, "simulator", f"R{pk}", refunded, reason, back, self.run.pk, back))
            orders.append(
                (pk, self.store.pk, "simulator", f"S{pk:09d}", customer, "paid", words.CHANNELS[channel[index]],
                 self.store.currency, subtotal, discount, 0, shipping, 0, 0, total, refunded,
                 sum(line[3] for line in made), at, at, self.run.pk, at)
            )  # fmt: skip
            for position, (line_id, sku, name, quantity, unit, amount) in enumerate(made, 1):
                back_all = refunded == total and refunded > 0
                back_here = refunded if refunded and position == 1 and not back_all else (amount if back_all else 0)
                lines.append(
                    (line_id, pk, customer, position, "product", self.products[sku], name, quantity, unit, 0, amount,
                     quantity if back_all or (refunded and position == 1) else 0, back_here, at)
                )  # fmt: skip
            payments.append((pk, "wechat" if channel[index] == 2 else "alipay", total, "", at))
        copy_rows(
            "crm_order",
            "id store_id source number customer_id state channel currency subtotal discount points_amount shipping tax "
            "fees total refunded item_count placed_at paid_at import_run_id recorded_at",
            orders,
        )
        copy_rows(
            "crm_orderline",
            "id order_id customer_id position kind product_id name quantity unit_price discount amount "
            "refunded_quantity refunded_amount bought_at",
            lines,
        )
        copy_rows("crm_payment", "order_id method amount reference paid_at", payments)
        copy_rows(
            "crm_refund",
            "order_id customer_id source number amount reason refunded_at import_run_id recorded_at",
            refunds,
        )
        with connection.cursor() as cursor_:
            cursor_.execute(
                """INSERT INTO crm_refundline (refund_id, line_id, quantity, amount)
                   SELECT r.id, l.id, l.refunded_quantity, l.refunded_amount FROM crm_refund r
                   JOIN crm_orderline l ON l.order_id = r.order_id AND l.refunded_quantity > 0
                   WHERE r.order_id BETWEEN %s AND %s""",
                [order_ids[0], order_ids[-1]],
            )
        return count, total_lines, len(refunds)

    def _activity(self, ids: list[int]) -> int:
        """Write visits before each order and after each sign-up without order, with shares, reviews and check-ins."""
        history, random = self.history, self.random
        kinds = ("view", "view", "view", "search", "cart", "cart", "share", "review", "check_in")
        prospects = np.flatnonzero(~history.buyer)
        owners = np.concatenate([history.order_customer - self.first, prospects])
        moments = np.concatenate([history.order_time, history.acquired[prospects]])
        visits = random.poisson(3.0, len(owners))
        total = int(visits.sum())
        which = random.integers(0, len(kinds), total)
        apart = random.exponential(2 * DAY, total)
        goods = random.integers(0, len(words.PRODUCTS), total)
        events_, receipts = [], []
        skus = [row[0] for row in words.PRODUCTS]
        position = 0
        for index, number in enumerate(visits):
            bought = index < len(history.order_time)
            for _ in range(number):
                kind = kinds[which[position]] if bought else kinds[which[position] % 6]
                before = bought and kind in {"view", "search", "cart"}
                at = min(
                    max(self._at(moments[index] + (-apart[position] if before else apart[position])), self.first_day),
                    self.end,
                )
                sender = f"{self.first}-{position}"
                sku = skus[goods[position]]
                events_.append(
                    (ids[int(owners[index])], "", "simulator", sender, kind, self.products[sku],
                     json.dumps({"sku": sku}), at, at)
                )  # fmt: skip
                receipts.append(("simulator", sender))
                position += 1
        copy_rows("crm_activityreceipt", "source sender_id", receipts)
        copy_rows(
            "crm_activityevent",
            "customer_id anonymous_id source sender_id kind product_id properties occurred_at received_at",
            events_,
        )
        return total
