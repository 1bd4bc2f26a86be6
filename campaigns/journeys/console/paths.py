"""Describe one customer's path through a journey: the steps, the branches taken, and what became of each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _t

from campaigns.journeys import labels
from campaigns.journeys.console.words import words_of
from campaigns.journeys.models import EndReason, JourneyRun, RunState
from campaigns.journeys.registry import STEPS, Step
from campaigns.journeys.rules import by_id
from campaigns.journeys.selectors.runs import messages_of, way_of
from campaigns.journeys.services.journeys import label_of
from campaigns.messages.labels import MessageBadge, badge
from campaigns.messages.models import Message
from core.text.formatting import when


@dataclass(frozen=True)
class PathStop:
    """Hold one step of the path. `outcome`: the branch that was taken, or what the step could not do."""

    icon: str
    label: str
    words: str
    outcome: str
    at: datetime
    message: Message | None = None
    badge: MessageBadge | None = None


@dataclass(frozen=True)
class RunPath:
    """Hold the steps that a run did. `now` is where it stands, or where it left before the step was done."""

    stops: list[PathStop]
    now: PathStop | None
    end: str
    sentence: str


def path_of(run: JourneyRun) -> RunPath:
    """Return the path of a run, by the version that it entered."""
    steps = by_id(run.version.definition["steps"])
    messages = messages_of(run)
    records = way_of(run)
    stops = [_stop(steps.get(row.step), row.outcome, row.at, messages.get(row.step)) for row in records]
    done = {row.step for row in records}
    standing = run.state == RunState.ACTIVE or (run.state == RunState.ENDED and run.step not in done)
    now = _stop(steps.get(run.step), "", run.step_at) if standing and run.step else None
    return RunPath(stops, now, str(labels.END_REASONS.get(run.end_reason, "")), _sentence(run, now))


def _stop(step: Step | None, outcome: str, at: datetime, message: Message | None = None) -> PathStop:
    if step is None:
        return PathStop("circle", "", "", outcome, at)
    kind = STEPS[step["kind"]]
    named = dict(kind.arms(step)).get(outcome) or (kind.outcome_label(outcome) if outcome else "")
    shown = badge(message) if message else None
    return PathStop(kind.icon, label_of(step), words_of(step), str(named), at, message, shown)


def _sentence(run: JourneyRun, now: PathStop | None) -> str:
    """Say where the customer is, or where and why they left."""
    values: dict[str, Any] = {
        "step": now.label if now else "",
        "time": when(run.ended_at or run.step_at),
        "due": when(run.due_at),
        "reason": labels.END_REASONS.get(run.end_reason, ""),
    }
    if run.state == RunState.HELD_OUT:
        return _t("Held out since %(time)s to measure the effect. Held-out customers take no step.") % {
            "time": when(run.entered_at)
        }
    if run.state == RunState.ACTIVE:
        return _t("At the step “%(step)s” since %(time)s. It continues at %(due)s.") % values
    if run.end_reason == EndReason.COMPLETED:
        return _t("Completed at %(time)s.") % values
    if now is not None:
        return _t("Left before the step “%(step)s” at %(time)s: %(reason)s.") % values
    return _t("Left at %(time)s: %(reason)s.") % values
