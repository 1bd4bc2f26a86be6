"""Read journeys for their pages: counts at each step, and one customer's path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Sum

from campaigns.journeys import rules
from campaigns.journeys.models import (
    EndReason,
    Journey,
    JourneyRun,
    JourneyStepCount,
    JourneyStepRecord,
    JourneyVersion,
    RunState,
)
from campaigns.messages.models import Message
from crm.customers.models import Customer


@dataclass
class Counts:
    """Count runs. `done`: by step and outcome, the runs that did it. `standing`: by step, the runs there now."""

    entered: int = 0
    held_out: int = 0
    done: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    standing: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)

    @property
    def under_way(self) -> int:
        return sum(self.standing.values())

    def add(self, step: str, outcome: str, count: int) -> None:
        """Add a kept count to the figure that it belongs to."""
        if step == rules.ENTRY and outcome == RunState.HELD_OUT:
            self.held_out += count
        elif step == rules.ENTRY:
            self.entered += count
        elif step == rules.END:
            self.ended[outcome] = self.ended.get(outcome, 0) + count
        else:
            self.done[step][outcome] = self.done[step].get(outcome, 0) + count


def counts_of(version: JourneyVersion) -> Counts:
    """Return the current counts: finished steps are stored as counts, current positions are counted here."""
    counts = Counts()
    rows = JourneyStepCount.objects.filter(version=version).order_by()
    for step, outcome, count in rows.values_list("step", "outcome").annotate(total=Sum("count")):
        counts.add(step, outcome, count)
    standing = (
        JourneyRun.objects.filter(version=version, state=RunState.ACTIVE).values("step").annotate(count=Count("*"))
    )
    counts.standing = {row["step"]: row["count"] for row in standing.order_by()}
    return counts


def standing_of(journey: Journey) -> dict[str, int]:
    """Return by step the active runs of any version that are there now."""
    rows = JourneyRun.objects.filter(version__journey=journey, state=RunState.ACTIVE).order_by().values_list("step")
    return dict(rows.annotate(count=Count("*")))


def under_way(journeys: Sequence[Journey]) -> dict[int, tuple[int, int, int]]:
    """Return by journey (entries ever, active runs now, runs that reached the goal), from kept counts."""
    sums: dict[int, Counts] = defaultdict(Counts)
    rows = JourneyStepCount.objects.filter(version__journey__in=journeys, step__in=[rules.ENTRY, rules.END]).order_by()
    for journey, step, outcome, count in rows.values_list("version__journey_id", "step", "outcome").annotate(
        total=Sum("count")
    ):
        sums[journey].add(step, outcome, count)
    return {
        journey.pk: (counts.entered, counts.entered - sum(counts.ended.values()), counts.ended.get(EndReason.GOAL, 0))
        for journey in journeys
        for counts in (sums[journey.pk],)
    }


def runs_of(customer: Customer, limit: int) -> list[JourneyRun]:
    rows = JourneyRun.objects.filter(customer=customer).select_related("journey", "version")
    return list(rows.order_by("-entered_at", "-id")[:limit])


def way_of(run: JourneyRun) -> list[JourneyStepRecord]:
    return list(JourneyStepRecord.objects.filter(run=run).order_by("at", "id"))


def messages_of(run: JourneyRun) -> dict[str, Message]:
    """Return by step the messages that a run made."""
    rows = Message.objects.filter(
        customer=run.customer_id, origin=f"journey:{run.journey_id}", occurrence=f"run:{run.pk}"
    )
    return {row.step: row for row in rows.select_related("template").order_by("created_at", "pk")}
