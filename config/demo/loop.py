"""The loop of the replay: from step to step, do what happened in the shop and the work that its schedule does."""

from __future__ import annotations

import time as timer
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta

from django.db import connection

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
from loyalty.ledger.services.expiry_notices import announce_expiries
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.snapshots import take_snapshot
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots
from loyalty.rewards.services.redemptions import sweep_redemptions
from loyalty.tiers.services.benefits import deliver_benefits
from loyalty.tiers.services.evaluation import evaluate_tiers

# Hours of the steps in the shop's zone; the second one is daytime in Europe and America.
MORNING, EVENING = time(10, 30), time(23, 30)
DAILY_DAYS = 90
EVENING_DAYS = 14
WEEK = timedelta(days=7)
# Orders at which the tables are analysed first.
FIRST_ANALYZE = 100


class Loop:
    """Replay the history of the world until its end. `seconds` holds where the time went, by part."""

    def __init__(
        self,
        world: World,
        reactions: Reactions,
        *,
        busy_days: set[datetime],
        spend: Callable[[dict[int, str]], int],
        say: Callable[[str], None],
    ) -> None:
        self.world, self.reactions, self.spend, self.say = world, reactions, spend, say
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.moments, self.busy = _moments(world, busy_days)
        self._next = self._nights = 0
        self._analyzed_at = FIRST_ANALYZE // 2

    def run(self) -> None:
        """Do all steps."""
        shown = ""
        for moment in self.moments:
            local = moment.astimezone(self.world.zone)
            if local.time() == EVENING and moment != self.world.end:
                self._evening(moment)
                continue
            self._step(moment)
            self._analyze()
            if f"{local:%Y-%m}" != shown:
                shown = f"{local:%Y-%m}"
                self.say(f"{shown}: {self.world.writer.orders:,} orders")

    def _step(self, moment: datetime) -> None:
        world = self.world
        recent = moment > world.end - timedelta(days=DAILY_DAYS)
        with self._timed("customers and visits"):
            new = world.writer.sign_up(moment)
            purchases = self._due(moment)
            if new:
                world.writer.prospects([world.owner_of[pk] for pk in new if pk % 12 == 0], live=recent)
            world.writer.visit(purchases, live=recent)
        with self._timed("orders and tiers"):
            # Orders come first, because tickets and reactions of the same step are about them.
            placed = world.place(purchases)
        with self._timed("reactions, tickets and redemptions"):
            world.agenda.run(moment)
            world.writer.refund(moment, world.clock.move)
            world.clock.move(moment)
        with self._timed("events and points"):
            deliver_all()
            sweep_lots()
            self.spend({order.customer_id: order.number for order in placed})
            sweep_holds()
            sweep_redemptions()
            sweep_reservations()
        with self._timed("nightly work"):
            self._night(moment, recent=recent)
        with self._timed("figures and segments"):
            self._figures(moment, recent=recent)
        with self._timed("campaigns"):
            run_care_rules()
            run_broadcasts()
            enter_due()
            self._send()

    def _analyze(self) -> None:
        """Let the planner know the sizes of the tables whenever the shop has doubled."""
        if self.world.writer.orders >= 2 * self._analyzed_at:
            self._analyzed_at = self.world.writer.orders
            with self._timed("planner statistics"), connection.cursor() as cursor:
                cursor.execute("ANALYZE")

    def _evening(self, moment: datetime) -> None:
        """Send what became due since the morning: messages to other time zones, and steps of journeys."""
        with self._timed("reactions, tickets and redemptions"):
            self.world.agenda.run(moment)
        self.world.clock.move(moment)
        with self._timed("campaigns"):
            self._send()

    def _due(self, moment: datetime) -> list[Purchase]:
        purchases, first = self.world.history.purchases, self._next
        while self._next < len(purchases) and purchases[self._next].at <= moment:
            self._next += 1
        return purchases[first : self._next]

    def _night(self, moment: datetime, *, recent: bool) -> None:
        program = self.world.program
        take_snapshot(program=program)
        announce_expiries(program=program)
        self._nights += 1
        weekly = self._nights % (7 if recent else 4) == 0
        if weekly or moment == self.world.end:
            _up, down = evaluate_tiers(program=program, downgrade=True)
            if down:
                self.world.forget_ranks()
            deliver_benefits()
            reconcile_points()

    def _figures(self, moment: datetime, *, recent: bool) -> None:
        """Compute figures and segments: daily at the end, before that monthly and on the days of broadcasts."""
        if recent and self._nights % 7:
            segments.refresh_changed()
            segments.compute_segments(segments.due_segments())
        elif recent or self._nights % 4 == 0 or moment in self.busy:
            features.refresh_everything()
            segments.compute_segments()

    def _send(self) -> None:
        """Move journeys and send what is due, again while events cause more of it."""
        for _round in range(2):
            moved = advance_due(seconds=30)
            sent = send_due(seconds=60)
            if not moved and not sent:
                break
            deliver_all()
        with self._timed("planning of reactions"):
            self.reactions.plan()

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = timer.monotonic()
        try:
            yield
        finally:
            self.seconds[part] += timer.monotonic() - began


def _moments(world: World, busy_days: set[datetime]) -> tuple[list[datetime], set[datetime]]:
    """Return the moments of the steps, and those on the days of broadcasts.

    Steps are weekly, then each morning, and in the last weeks each evening too; also on each busy day, the day before
    and the day after.
    """
    start, end = world.history.first_day, world.end
    daily_from = max(end - timedelta(days=DAILY_DAYS), start)
    moments: set[datetime] = {end}
    week = start + WEEK
    while week < daily_from:
        moments.add(datetime.combine(week.astimezone(world.zone).date(), MORNING, world.zone))
        week += WEEK
    days = {daily_from + timedelta(days=number) for number in range((end - daily_from).days + 1)}
    days |= {day + timedelta(days=later) for day in busy_days for later in (-1, 0, 1)}
    busy = {datetime.combine(day.astimezone(world.zone).date(), MORNING, world.zone) for day in busy_days}
    busy |= {moment - timedelta(days=1) for moment in busy}
    days_of_sending = {day + timedelta(days=later) for day in busy_days for later in (0, 1)}
    for day in days:
        local_day = day.astimezone(world.zone).date()
        moments.add(datetime.combine(local_day, MORNING, world.zone))
        if day in days_of_sending or day > end - timedelta(days=EVENING_DAYS):
            moments.add(datetime.combine(local_day, EVENING, world.zone))
    return sorted(at for at in moments if start < at <= end), busy
