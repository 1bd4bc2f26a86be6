"""Draw the history of a shop in advance; a replay writes it step by step (`crm.simulation.services.steps`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.simulation.rules import names as words
from crm.simulation.rules.baskets import BasketLine, draw_basket, taste_of
from crm.simulation.rules.process import Truth, simulate
from crm.simulation.rules.seasons import MONTHS, SaleFestival
from crm.simulation.services.people import PeopleRows, customer_numbers, people_rows, reserve

# SaleFestival orders are larger than others.
FESTIVAL_AMOUNT = 1.25
DISCOUNT_SHARE, DISCOUNT_PERCENT = 0.1, 10


def share(seed: int, *parts: object) -> float:
    """Return a number from 0 to 1 that depends on the seed and the parts alone, whatever was drawn before."""
    text = ":".join(map(str, (seed, *parts)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


@dataclass
class Purchase:
    """One order to be placed. `owner` is the customer's index in the shop; amounts are in minor units."""

    at: datetime
    owner: int
    lines: list[BasketLine]
    channel: str
    discount: int = 0
    cause: str = ""
    order_id: int = 0

    @property
    def subtotal(self) -> int:
        """Return the sum of the lines at list prices."""
        return sum(line.amount for line in self.lines)


@dataclass
class ShopHistory:
    """The customers in order of their sign-up, and their purchases in order of time."""

    seed: int
    first_day: datetime
    end: datetime
    ids: list[int]
    since: list[datetime]
    rows: PeopleRows
    tastes: list[str]
    purchases: list[Purchase]
    truth: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)

    def purchase(self, *, owner: int, at: datetime, amount: int, cause: str, channel: str = "") -> Purchase:
        """Draw one more purchase of a customer, of about `amount` minor units. `cause` names the reason for it."""
        number = int(share(self.seed, "basket", owner, cause, at.isoformat()) * 2**63)
        random = np.random.default_rng(number)
        chosen = channel or words.CHANNELS[number % 3]
        return Purchase(at, owner, draw_basket(self.tastes[owner], amount, random), chosen, cause=cause)


def draw_history(
    *,
    customers: int,
    seed: int,
    first_day: datetime,
    end: datetime,
    festivals: list[SaleFestival],
    zone: str,
    truth: Truth | None = None,
) -> ShopHistory:
    """Draw the customers and their purchases. Reserves ids and numbers of customers and writes nothing else."""
    truth = truth or Truth()
    random = np.random.default_rng(seed)
    days = (end - first_day).days
    history = simulate(customers, days, truth, random)

    def moment(seconds: float) -> datetime:
        return _shop_hour(first_day + timedelta(seconds=float(round(seconds))), ZoneInfo(zone), first_day, end)

    signed_up = [moment(seconds) for seconds in history.acquired]
    order = np.array(sorted(range(customers), key=signed_up.__getitem__))
    since = [signed_up[index] for index in order]
    rank = np.empty(customers, dtype=np.int64)
    rank[order] = np.arange(customers)
    ids = reserve("crm_customer", customers)
    rows = people_rows(
        ids=ids, numbers=customer_numbers(customers), since=since.__getitem__, first=0, end=end, random=random
    )
    tastes = [taste_of(chance) for chance in random.random(customers)]
    purchases: list[Purchase] = []
    channels = random.choice(len(words.CHANNELS), len(history.order_time), p=[0.3, 0.35, 0.25, 0.1])
    chances = random.random((len(history.order_time), 2))
    before: set[int] = set()
    for index, seconds in enumerate(history.order_time):
        owner = int(rank[history.order_customer[index]])
        at = max(moment(seconds), since[owner])
        # The first order of a buyer stays, so that no buyer becomes a prospect.
        if owner in before and chances[index, 0] > MONTHS[at.month]:
            continue
        before.add(owner)
        target = round(float(history.order_amount[index]) * 100)
        lines = draw_basket(tastes[owner], target, random)
        purchase = Purchase(at, owner, lines, words.CHANNELS[channels[index]])
        if chances[index, 1] < DISCOUNT_SHARE:
            purchase.discount = purchase.subtotal * DISCOUNT_PERCENT // 100
        purchases.append(purchase)
    purchases += _festival_orders(purchases, festivals, history.mean_amount[order], tastes, zone, end, random)
    purchases.sort(key=lambda one: (one.at, one.owner))
    arrays = {name: values[order] for name, values in history.truth_arrays().items()}
    stated = {
        "parameters": truth.as_dict(),
        "months": MONTHS,
        "festivals": [
            {"name": one.name, "first": one.first.isoformat(), "days": one.days, "rate": one.rate} for one in festivals
        ],
    }
    return ShopHistory(seed, first_day, end, ids, since, rows, tastes, purchases, stated, arrays)


def _festival_orders(
    purchases: list[Purchase],
    festivals: list[SaleFestival],
    means: np.ndarray,
    tastes: list[str],
    zone: str,
    end: datetime,
    random: np.random.Generator,
) -> list[Purchase]:
    extra: list[Purchase] = []
    by_time = sorted(purchases, key=lambda one: one.at)
    for festival in festivals:
        opens = datetime.combine(festival.first, time(9), ZoneInfo(zone))
        last_bought = {one.owner: one.at for one in by_time if one.at < opens}
        for owner in sorted(last_bought):
            chance, place = random.random(2)
            # Customers who have not bought for half a year no longer look at the sale.
            if chance > festival.rate or opens - last_bought[owner] > timedelta(days=180):
                continue
            at = opens + timedelta(hours=float(place) * (24 * festival.days - 12))
            if at >= end:
                continue
            target = round(float(means[owner]) * 100 * FESTIVAL_AMOUNT)
            purchase = Purchase(at, owner, draw_basket(tastes[owner], target, random), "web", cause=festival.name)
            purchase.discount = purchase.subtotal * festival.discount_percent // 100
            extra.append(purchase)
    return extra


def _shop_hour(at: datetime, zone: ZoneInfo, first: datetime, last: datetime) -> datetime:
    """Move a moment of the night into the day: orders between 1 and 7 o'clock come 12 hours later."""
    moved = at + timedelta(hours=12) if 1 <= at.astimezone(zone).hour < 7 else at
    return min(max(moved, first), last - timedelta(minutes=5))
