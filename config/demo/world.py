"""The state that the modules of the demo shop share during a replay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.demo.replay import Agenda, ReplayClock
from crm.customers.models import Store
from crm.orders.models import Order
from crm.simulation.services.history import Purchase, ShopHistory, share
from crm.simulation.services.steps import PlacedOrder, ShopWriter
from loyalty.earning.services.awards import enrol_buyers
from loyalty.program.models import Member, Program
from loyalty.tiers.models import Tier
from loyalty.tiers.services.evaluation import evaluate_history


@dataclass
class World:
    """The shop during its replay. `truth` collects the planted effects, which are written beside the data."""

    store: Store
    program: Program
    history: ShopHistory
    writer: ShopWriter
    clock: ReplayClock
    agenda: Agenda
    language: str
    truth: dict[str, Any] = field(default_factory=dict)
    owner_of: dict[int, int] = field(default_factory=dict)
    last_bought: dict[int, datetime] = field(default_factory=dict)
    spent: dict[int, list[tuple[datetime, int]]] = field(default_factory=lambda: defaultdict(list))
    ranks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owner_of = {pk: owner for owner, pk in enumerate(self.history.ids)}
        self.zone = ZoneInfo(self.store.time_zone)
        self.limits = sorted(Tier.objects.filter(program=self.program).values_list("threshold", "rank"))

    @property
    def end(self) -> datetime:
        """Return the end of the replay, which is the real present in a demo."""
        return self.history.end

    @property
    def days(self) -> int:
        """Return the length of the history in days."""
        return (self.history.end - self.history.first_day).days

    def say(self, english: str, chinese: str) -> str:
        """Return the text in the shop's language."""
        return chinese if self.language.startswith("zh") else english

    def chance(self, *parts: object) -> float:
        """Return a number from 0 to 1 that depends on the seed and the parts alone."""
        return share(self.history.seed, *parts)

    def before_end(self, days: float, *, hour: float = 9) -> datetime:
        """Return an hour of a day before the end. The days are for 18 months; a shorter history has them closer."""
        scaled = days if days <= 90 and self.days >= 120 else days * self.days / 547
        day = (self.end - timedelta(days=scaled)).astimezone(self.zone)
        return day.replace(hour=int(hour), minute=round(hour % 1 * 60), second=0, microsecond=0)

    def place(self, purchases: Sequence[Purchase]) -> list[PlacedOrder]:
        """Write orders. Buyers become members, and members who reach a tier with an order get it at its moment."""
        placed = self.writer.place(purchases)
        if not placed:
            return placed
        enrol_buyers(program=self.program, orders=Order.objects.filter(pk__in=[order.id for order in placed]))
        self.last_bought |= {order.owner: order.at for order in placed}
        reached = [order for order in placed if self._reaches_tier(order)]
        while reached:
            # The second raise of one customer is evaluated after the first.
            first = {order.customer_id: order for order in reversed(reached)}
            evaluate_history(program=self.program, moments={pk: order.at for pk, order in first.items()})
            reached = [order for order in reached if order is not first[order.customer_id]]
        return placed

    def _reaches_tier(self, order: PlacedOrder) -> bool:
        since = order.at - timedelta(days=self.program.tier_window_days)
        history = self.spent[order.owner]
        history.append((order.at, order.total))
        total = sum(amount for at, amount in history if since <= at <= order.at)
        rank = max((rank for threshold, rank in self.limits if total >= threshold), default=0)
        reaches = rank > self.ranks.get(order.owner, 0)
        if reaches:
            self.ranks[order.owner] = rank
        return reaches

    def forget_ranks(self) -> None:
        """Read the tiers again, after members went down."""
        rows = Member.objects.filter(program=self.program).values_list("customer_id", "tier__rank")
        self.ranks = {self.owner_of[pk]: rank or 0 for pk, rank in rows if pk in self.owner_of}
