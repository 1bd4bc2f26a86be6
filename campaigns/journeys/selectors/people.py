"""Find the runs behind a figure of a journey, so that each figure opens its customers (A5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat

from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.selectors.results import GOAL, LEFT
from campaigns.journeys.models import EndReason, Journey, JourneyRun, JourneyStepRecord, RunState
from campaigns.journeys.selectors.results import JOINED, effect_statement
from campaigns.messages.models import Message
from core.base import clock
from core.base.zones import shop_midnight

ENTERED = "entered"
# Customers whose window is over, by group, and the part of them that did something in it.
MEASURED, MEASURED_HELD_OUT = "measured", "measured_held_out"
MEASURES: dict[str, str] = {
    GOAL: "g.id IS NOT NULL",
    ExperimentMetric.ORDERED: "b.orders > 0",
    LEFT: "l.id IS NOT NULL",
}
# Figures of a step: the customers there now, those who did it, both together, and its messages.
STANDING, DONE, REACHED = "standing", "done", "reached"
MESSAGES: dict[str, Q] = {
    "sent": Q(state="sent"),
    "delivered": Q(state="sent", delivered_at__isnull=False),
    "opened": Q(state="sent", opened_at__isnull=False),
    "clicked": Q(state="sent", clicked_at__isnull=False),
}
_NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class RunFilter:
    """Hold which runs are listed. Unknown values are ignored; without any, every run of the journey is listed.

    `figure`: a state, an end, or a figure of a step. `did`: what measured customers did. `reason`: the gate's, for the
    messages of a step.
    """

    figure: str = ""
    step: str = ""
    outcome: str | None = None
    reason: str = ""
    did: str = ""
    day: date | None = None
    who: str = ""
    version: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> RunFilter:
        """Read the filter from an address."""
        try:
            day = date.fromisoformat(query.get("day", ""))
        except ValueError:
            day = None
        did, version = query.get("did", ""), query.get("version", "")
        return cls(
            figure=query.get("figure", ""),
            step=query.get("step", "")[:40].replace("\x00", ""),
            outcome=query["outcome"][:40].replace("\x00", "") if "outcome" in query else None,
            reason=query.get("reason", "")[:30].replace("\x00", ""),
            did=did if did in MEASURES else "",
            day=day,
            version=int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None,
            who=query.get("who", "").strip()[:20].replace("\x00", ""),
        )


def runs(journey: Journey, wanted: RunFilter) -> QuerySet[JourneyRun]:
    """Return the runs of a journey that a figure counts."""
    rows = JourneyRun.objects.filter(journey=journey)
    if wanted.who:
        rows = rows.filter(customer__number=wanted.who)
    if wanted.version is not None:
        rows = rows.filter(version__number=wanted.version)
    if wanted.step:
        return _of_step(journey, rows, wanted)
    if wanted.figure in (MEASURED, MEASURED_HELD_OUT):
        return _measured(journey, rows, wanted)
    if wanted.figure == ENTERED:
        rows = _on_day(rows.exclude(state=RunState.HELD_OUT), "entered_at", wanted.day)
    elif wanted.figure in RunState.values:
        rows = rows.filter(state=wanted.figure)
    elif wanted.figure in EndReason.values:
        rows = _on_day(rows.filter(state=RunState.ENDED, end_reason=wanted.figure), "ended_at", wanted.day)
    return rows


def _on_day(rows: QuerySet[JourneyRun], column: str, day: date | None) -> QuerySet[JourneyRun]:
    if day is None:
        return rows
    return rows.filter(
        **{f"{column}__gte": shop_midnight(day), f"{column}__lt": shop_midnight(day + timedelta(days=1))}
    )


def _of_step(journey: Journey, rows: QuerySet[JourneyRun], wanted: RunFilter) -> QuerySet[JourneyRun]:
    if wanted.figure == STANDING:
        return rows.filter(state=RunState.ACTIVE, step=wanted.step)
    if wanted.figure == DONE:
        records = JourneyStepRecord.objects.filter(run=OuterRef("pk"), step=wanted.step)
        if wanted.outcome is not None:
            records = records.filter(outcome=wanted.outcome)
        return rows.filter(Exists(records))
    if wanted.figure == REACHED:
        records = JourneyStepRecord.objects.filter(run=OuterRef("pk"), step=wanted.step)
        return rows.filter(Q(state=RunState.ACTIVE, step=wanted.step) | Exists(records))
    messages = Message.objects.filter(
        customer=OuterRef("customer"),
        origin=f"journey:{journey.pk}",
        step=wanted.step,
        occurrence=Concat(Value("run:"), Cast(OuterRef("pk"), CharField())),
    )
    if wanted.figure in MESSAGES:
        messages = messages.filter(MESSAGES[wanted.figure])
    elif wanted.reason:
        messages = messages.filter(reason=wanted.reason).exclude(state="sent")
    return rows.filter(Exists(messages))


def _measured(journey: Journey, rows: QuerySet[JourneyRun], wanted: RunFilter) -> QuerySet[JourneyRun]:
    """Return the counted customers of one group, by the statement that computes the effect."""
    condition = f"AND {MEASURES[wanted.did]}" if wanted.did else ""
    sql, params = effect_statement(
        journey,
        f"SELECT m.id {JOINED} WHERE m.over AND m.held_out = %(held_out)s {condition}",
        clock.now(),
    )
    values: dict[str, Any] = {**params, "held_out": wanted.figure == MEASURED_HELD_OUT}
    names = _NAMED.findall(sql)
    measured = RawSQL(_NAMED.sub("%s", sql), [values[name] for name in names])  # noqa: S611 - fragments of the code; values are parameters
    return rows.filter(pk__in=measured)
