"""Naive ledger with lists, loops and whole days, without a database. The property test compares against it."""

from __future__ import annotations

from dataclasses import dataclass, field

# A date as (day, serial number): two things of one day keep their order.
Stamp = tuple[int, int]


@dataclass
class Lot:
    number: int
    account: int
    points: int
    remaining: int
    available_from: int
    expires: Stamp | None
    confirmed: bool
    held: int = 0
    expired: int = 0


@dataclass
class Hold:
    account: int
    points: int
    parts: list[list[int]]
    expires: int
    order: int | None = None
    state: str = "held"
    captured: int = 0
    returned: int = 0


@dataclass
class Order:
    account: int
    total: int
    points: int
    lot: int | None
    refunded: int = 0
    taken_back: int = 0
    forgiven: int = 0


class Refused(Exception):
    pass


@dataclass
class Ledger:
    """Naive ledger: one point for 100 minor units, a window of `window` days, lots of `life` days.

    Reinstated lots last for `reinstated` days.
    """

    window: int = 7
    life: int = 30
    reinstated: int = 10
    day: int = 0
    made: int = 0
    debt: dict[int, int] = field(default_factory=dict)
    lots: dict[int, Lot] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    def figures(self, account: int) -> tuple[int, int, int, int]:
        own = [lot for lot in self.lots.values() if lot.account == account]
        return (
            sum(lot.remaining for lot in own if lot.confirmed),
            sum(lot.remaining for lot in own if not lot.confirmed),
            sum(lot.held for lot in own),
            self.debt[account],
        )

    def rows(self, account: int) -> list[tuple[int, int, int, int]]:
        return sorted(
            (lot.points, lot.remaining, lot.held, lot.expired) for lot in self.lots.values() if lot.account == account
        )

    def earn(self, account: int, amount: int) -> int:
        points = amount // 100
        lot = None
        if points:
            lot = self._lot(
                account, points, self.day + self.window, self.window == 0, self.day + self.window + self.life
            )
            if self.window == 0:
                self._pay(account)
        self.orders.append(Order(account, amount, points, lot))
        return len(self.orders) - 1

    def adjust(self, account: int, points: int) -> None:
        self.settle(account)
        if self.figures(account)[0] + points < 0:
            raise Refused
        if points > 0:
            self._lot(account, points, self.day, True, self.day + self.life)
            self._pay(account)
        else:
            self._take(account, -points)

    def hold(self, account: int, points: int, days: int) -> int:
        self.settle(account)
        if self.figures(account)[0] < points:
            raise Refused
        parts = self._take(account, points)
        for number, taken in parts:
            self.lots[number].held += taken
        self.holds.append(Hold(account, points, parts, self.day + days))
        return len(self.holds) - 1

    def redeem(self, account: int, points: int, order: int | None) -> int:
        self.settle(account)
        if self.figures(account)[0] < points:
            raise Refused
        parts = self._take(account, points)
        self.holds.append(Hold(account, points, parts, self.day, order, "captured", points))
        return len(self.holds) - 1

    def end(self, number: int, state: str, points: int = 0) -> None:
        hold = self.holds[number]
        if hold.state != "held" or (state != "expired" and hold.expires <= self.day) or points > hold.points:
            raise Refused
        keep = points
        for part in sorted(hold.parts, key=lambda part: self._order(self.lots[part[0]])):
            used = min(keep, part[1])
            keep -= used
            lot = self.lots[part[0]]
            lot.held -= part[1]
            lot.remaining += part[1] - used
            part[1] = used
        hold.state, hold.captured = state, points
        self.settle(hold.account)
        self._pay(hold.account)

    def sweep_holds(self) -> None:
        for number, hold in enumerate(self.holds):
            if hold.state == "held" and hold.expires <= self.day:
                self.end(number, "expired")

    def refund(self, number: int, amount: int) -> None:
        order = self.orders[number]
        order.refunded += amount
        left = order.total - order.refunded
        self._take_back(order, order.points - left // 100)
        for hold in self.holds:
            if hold.order == number and hold.state == "captured":
                self._give_back(hold, hold.captured if not left else hold.captured * order.refunded // order.total)

    def transfer(self, sender: int, receiver: int, points: int) -> None:
        self.settle(sender)
        self.settle(receiver)
        if self.figures(sender)[0] < points:
            raise Refused
        for number, taken in self._take(sender, points):
            lot = self._lot(receiver, taken, self.day, True, None)
            self.lots[lot].expires = self.lots[number].expires
        self._pay(receiver)

    def merge(self, source: int, target: int) -> None:
        self.settle(source)
        self.settle(target)
        for thing in (*self.lots.values(), *self.holds, *self.orders):
            if thing.account == source:
                thing.account = target
        self.debt[target] += self.debt[source]
        self.debt[source] = 0
        self._pay(target)

    def settle(self, account: int) -> None:
        """Apply the passage of time: windows pass, lots expire, and points that became available pay the debt."""
        confirmed = False
        for lot in self.lots.values():
            if lot.account != account or not lot.remaining:
                continue
            if not lot.confirmed and lot.available_from <= self.day:
                lot.confirmed = confirmed = True
            if lot.expires and lot.expires[0] <= self.day:
                lot.expired += lot.remaining
                lot.remaining = 0
        if confirmed:
            self._pay(account)

    def settle_all(self) -> None:
        for account in self.debt:
            if any(
                lot.account == account
                and lot.remaining
                and (
                    (lot.expires and lot.expires[0] <= self.day)
                    or (not lot.confirmed and lot.available_from <= self.day)
                )
                for lot in self.lots.values()
            ):
                self.settle(account)

    def _lot(self, account: int, points: int, available_from: int, confirmed: bool, expires: int | None) -> int:
        self.made += 1
        stamp = None if expires is None else (expires, self.made)
        self.lots[self.made] = Lot(self.made, account, points, points, available_from, stamp, confirmed)
        return self.made

    def _order(self, lot: Lot) -> tuple:
        return (lot.expires is None, lot.expires or (0, 0), lot.number)

    def _spendable(self, account: int) -> list[Lot]:
        return sorted(
            (
                lot
                for lot in self.lots.values()
                if lot.account == account
                and lot.remaining
                and lot.confirmed
                and not (lot.expires and lot.expires[0] <= self.day)
            ),
            key=self._order,
        )

    def _take(self, account: int, points: int) -> list[list[int]]:
        parts = []
        for lot in self._spendable(account):
            taken = min(points, lot.remaining)
            if taken:
                lot.remaining -= taken
                points -= taken
                parts.append([lot.number, taken])
        assert points == 0
        return parts

    def _pay(self, account: int) -> None:
        owed = min(self.debt[account], sum(lot.remaining for lot in self._spendable(account)))
        self._take(account, owed)
        self.debt[account] -= owed

    def _take_back(self, order: Order, total: int) -> None:
        if total <= order.taken_back:
            return
        assert order.lot is not None
        own = self.lots[order.lot]
        account = own.account
        self.settle(account)
        owed = total - order.taken_back
        order.taken_back = total
        step = min(owed, own.remaining)
        own.remaining -= step
        owed -= step
        gone = min(owed, own.expired - order.forgiven)
        order.forgiven += gone
        owed -= gone
        here = min(owed, sum(lot.remaining for lot in self._spendable(account)))
        self._take(account, here)
        self.debt[account] += owed - here

    def _give_back(self, hold: Hold, total: int) -> None:
        due = min(total, hold.captured) - hold.returned
        if due <= 0:
            return
        hold.returned += due
        revived = 0
        for part in sorted(hold.parts, key=lambda part: self._order(self.lots[part[0]]), reverse=True):
            step = min(due, part[1])
            part[1] -= step
            due -= step
            lot = self.lots[part[0]]
            if lot.expires and lot.expires[0] <= self.day:
                revived += step
            else:
                lot.remaining += step
        if revived:
            self._lot(hold.account, revived, self.day, True, self.day + self.reinstated)
        self._pay(hold.account)
