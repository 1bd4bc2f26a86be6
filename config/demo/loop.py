"""The loop of the replay: from step to step, do what happened in the shop and the work that its schedule does."""

from __future__ import annotations

import time as timer
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from analytics.features.services import features
from analytics.segments.services import runs as segments
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.care.services.runs import run_care_rules
from campaigns.coupons.services.uses import sweep_reservations
from campaigns.journeys.services.engine import advance_due
from campaigns.journeys.services.entries import enter_due
from campaigns.messages.services.messages import send_due
from config.demo.reactions import Reactions
from config.demo.world import World
from core.events.outbox import deliver_all
from crm.simulation.services.history import Purchase
from loyalty.growth.services.progress import advance_all
from loyalty.ledger.services.expiry_notices import announce_expiries
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.snapshots import take_snapshot
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots
from loyalty.rewards.services.redemptions import sweep_redemptions
from loyalty.tiers.services.benefits import deliver_benefits
from loyalty.tiers.services.evaluation import evaluate_tiers

# The last days have steps at these hours, in the shop's zone; the second one is daytime in Europe and America.
DAILY = (time(10, 30), time(23, 30))
DAILY_DAYS = 90
WEEK = timedelta(days=7)


class Loop:
    """Replay the history of the world until its end. `seconds` holds where the time went, by part."""

    def __init__(self, world: World, reactions: Reactions, *, busy_days: set[datetime], say: Callable[[str], None]):
        self.world, self.reactions, self.say = world, reactions, say
        self.seconds: Counter[str] = Counter()
        self.moments = _moments(world, busy_days)
        self._next = 0
        self._before = world.history.first_day

    def run(self) -> None:
        """Do all steps."""
        shown = ""
        for moment, is_daily in self.moments:
            self._step(moment, is_daily=is_daily)
            month = f"{moment.astimezone(self.world.zone):%Y-%m}"
            if month != shown:
                shown = month
                self.say(f"{month}: {self.world.writer.orders:,} orders")

    def _step(self, moment: datetime, *, is_daily: bool) -> None:
        world = self.world
        recent = moment > world.end - timedelta(days=DAILY_DAYS)
        first_of_day = self._before.astimezone(world.zone).date() != moment.astimezone(world.zone).date()
        with self._timed("customers and visits"):
            new = world.writer.sign_up(moment)
            purchases = self._due(moment)
            if new:
                world.writer.prospects([world.owner_of[pk] for pk in new if pk % 12 == 0], live=recent)
            world.writer.visit(purchases, live=recent)
        with self._timed("reactions, tickets and redemptions"):
            world.agenda.run(moment)
        with self._timed("orders and tiers"):
            world.writer.refund(moment, world.clock.move)
            world.clock.move(moment)
            world.place(purchases)
        with self._timed("events and points"):
            deliver_all()
            sweep_lots()
            if first_of_day:
                sweep_holds()
                sweep_redemptions()
                sweep_reservations()
        if first_of_day:
            with self._timed("nightly work"):
                self._night(moment)
        with self._timed("figures and segments"):
            if first_of_day and (not recent or moment.toordinal() % 3 == 0):
                features.refresh_everything()
                segments.compute_segments()
            elif first_of_day:
                segments.refresh_changed()
                segments.compute_segments(segments.due_segments())
            deliver_all()
        with self._timed("campaigns"):
            if first_of_day:
                run_care_rules()
                run_broadcasts()
                enter_due()
            self._send()
        with self._timed("planning of reactions"):
            self.reactions.plan()
        self._before = moment

    def _due(self, moment: datetime) -> list[Purchase]:
        purchases, first = self.world.history.purchases, self._next
        while self._next < len(purchases) and purchases[self._next].at <= moment:
            self._next += 1
        return purchases[first : self._next]

    def _night(self, moment: datetime) -> None:
        program = self.world.program
        _up, down = evaluate_tiers(program=program, downgrade=True)
        if down:
            self.world.forget_ranks()
        announce_expiries(program=program)
        take_snapshot(program=program)
        deliver_benefits()
        if moment.day == 1 or moment + WEEK > self.world.end:
            reconcile_points()
        advance_all(program=program)
        deliver_all()

    def _send(self) -> None:
        """Move journeys and send what is due, again while this causes more of it."""
        for _round in range(3):
            moved = advance_due(seconds=30)
            sent = send_due(seconds=60)
            if not moved and not sent:
                break
            deliver_all()

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = timer.monotonic()
        try:
            yield
        finally:
            self.seconds[part] += timer.monotonic() - began


def _moments(world: World, busy_days: set[datetime]) -> list[tuple[datetime, bool]]:
    """Return the moments of the steps: weekly, then twice a day; also twice on each busy day and the day after."""
    start, end = world.history.first_day, world.end
    daily_from = max(end - timedelta(days=DAILY_DAYS), start)
    moments: dict[datetime, bool] = {}
    week = start + WEEK
    while week < daily_from:
        moments[week.astimezone(world.zone).replace(hour=10, minute=30, second=0, microsecond=0)] = False
        week += WEEK
    days = {daily_from + timedelta(days=number) for number in range((end - daily_from).days + 1)}
    days |= {day + timedelta(days=later) for day in busy_days for later in (0, 1)}
    for day in days:
        local_day = day.astimezone(world.zone).date()
        for hour in DAILY:
            moments[datetime.combine(local_day, hour, world.zone)] = True
    return sorted((at, is_daily) for at, is_daily in {**moments, end: True}.items() if start < at <= end)
