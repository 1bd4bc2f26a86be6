"""Describe journeys in words: entry, steps, and end of runs; and build the tree for pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from analytics.segments.models import Segment
from campaigns.calendar.selectors import occasion_names
from campaigns.journeys import labels
from campaigns.journeys.models import Journey, JourneyRun, RunState
from campaigns.journeys.registry import STEPS
from campaigns.journeys.rules import AnyJourney, Step
from campaigns.journeys.selectors.runs import Counts
from campaigns.journeys.services.events import event_words
from campaigns.journeys.services.journeys import DATES, EVERY, JourneyProblem, label_of, under_way
from core.text.formatting import number


@dataclass
class Way:
    """Hold one path after a step, with the number of runs that took it."""

    code: str
    label: str
    count: int
    nodes: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class StepOutcome:
    """Hold how often a step ended with an outcome other than its ways."""

    code: str
    label: str
    count: int


@dataclass
class Node:
    """Hold a step for the tree."""

    id: str
    kind: str
    icon: str
    label: str
    words: str
    done: int = 0
    standing: int = 0
    outcomes: list[StepOutcome] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    selected: bool = False


def tree(
    steps: Sequence[Step], counts: Counts | None = None, problems: Sequence[JourneyProblem] = (), selected: str = ""
) -> list[Node]:
    faults: dict[str, list[str]] = {}
    for problem in problems:
        faults.setdefault(problem.step, []).append(problem.message)
    return [_node(step, counts or Counts(), faults, selected) for step in steps]


def _node(step: Step, counts: Counts, faults: Mapping[str, list[str]], selected: str) -> Node:
    kind = STEPS.get(step["kind"])
    own = step["id"]
    outcomes = counts.done.get(own, {})
    if kind is None:
        return Node(own, step["kind"], "help", step["kind"], "", errors=faults.get(own, []))
    arms = dict(kind.arms(step))
    inner = step.get("arms", {})
    labels = {**{code: str(label) for code, label in arms.items()}, **{c: c for c in inner if c not in arms}}
    ways = [
        Way(
            code,
            label,
            outcomes.get(code, 0),
            [_node(child, counts, faults, selected) for child in inner.get(code, [])],
        )
        for code, label in labels.items()
    ]
    others = [
        StepOutcome(code, str(kind.outcome_label(code)), count)
        for code, count in outcomes.items()
        if code and code not in labels
    ]
    return Node(
        own, step["kind"], kind.icon, label_of(step), words_of(step), sum(outcomes.values()),
        counts.standing.get(own, 0), others, ways, faults.get(own, []), own == selected,
    )  # fmt: skip


def words_of(step: Step) -> str:
    """Describe a step; a half-filled one shows what it has."""
    try:
        return str(STEPS[step["kind"]].words(step))
    except (KeyError, TypeError, ValueError):
        return ""


def segment_names(definitions: Iterable[AnyJourney]) -> dict[Any, str]:
    """Return the names of the segments of several entries, with one query."""
    ids = {definition["entry"].get("segment") for definition in definitions} - {None, ""}
    return dict(Segment.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def entry_words(definition: AnyJourney, names: Mapping[Any, str] | None = None) -> str:
    """Describe the entry in a sentence. `names` are those of segments; without them the name is read."""
    entry = definition["entry"]
    kind = entry.get("kind")
    number_of_segment = entry.get("segment")
    segment = _segment(number_of_segment) if names is None else names.get(number_of_segment, "")
    if kind == "event":
        text = event_words(entry)
    elif kind == "segment":
        return _t("Enters the segment “%(segment)s”") % {"segment": segment} if segment else ""
    elif kind in ("date", "occasion"):
        days = int(entry.get("days") or 0)
        label = str(DATES.get(str(entry.get("date")), "")) if kind == "date" else _occasion(entry.get("occasion"))
        if days:
            before = ngettext("%(count)s day before: %(date)s", "%(count)s days before: %(date)s", days)
            label = before % {"count": number(days), "date": label}
        text = f"{label} · {entry.get('time', '')}"
    elif kind == "schedule":
        text = f"{EVERY.get(str(entry.get('every')), '')} · {entry.get('time', '')}"
    elif kind == "api":
        text = _t("API call")
    else:
        return _t("No entry yet")
    return _t("%(entry)s, in “%(segment)s”") % {"entry": text, "segment": segment} if segment else text


def publishing_words(journey: Journey) -> str:
    """Describe which customers follow the draft when it is published."""
    if journey.version_id is None:
        return _t("“%(name)s” is published, and customers enter it from now on.") % {"name": journey.name}
    people = under_way(journey)
    text = ngettext(
        "“%(name)s” is published: new customers follow this version. %(people)s customer in the journey stays"
        " with the version they entered.",
        "“%(name)s” is published: new customers follow this version. %(people)s customers in the journey stay"
        " with the version they entered.",
        people,
    )
    return text % {"name": journey.name, "people": number(people)}


def members_words(definition: AnyJourney) -> str:
    """Return how many customers are in the entry segment, and whether they enter."""
    entry = definition["entry"]
    segment = Segment.objects.filter(pk=entry.get("segment")).first() if entry.get("kind") == "segment" else None
    if segment is None:
        return ""
    if segment.error:
        return _t("“%(segment)s” could not be computed. See its page for the reason.") % {"segment": segment.name}
    if not segment.is_current:
        if entry.get("members"):
            return _t("“%(segment)s” is being computed. Its members enter when that is done.") % {
                "segment": segment.name
            }
        return _t("“%(segment)s” is being computed. Its members do not enter; only customers who join it later do.") % {
            "segment": segment.name
        }
    if entry.get("members"):
        text = ngettext(
            "“%(segment)s” has %(count)s customer now. They enter within a minute.",
            "“%(segment)s” has %(count)s customers now. They enter within a minute.",
            segment.size,
        )
    else:
        text = ngettext(
            "“%(segment)s” has %(count)s customer now. They do not enter; only customers who join it later do.",
            "“%(segment)s” has %(count)s customers now. They do not enter; only customers who join it later do.",
            segment.size,
        )
    return text % {"segment": segment.name, "count": number(segment.size)}


def _occasion(code: Any) -> str:
    return occasion_names([str(code)])[str(code)] if code else ""


def _segment(pk: Any) -> str:
    return (Segment.objects.filter(pk=pk).values_list("name", flat=True).first() or "") if pk else ""


def goal_words(definition: AnyJourney) -> str:
    return event_words(definition.get("goal"))


@dataclass(frozen=True)
class ListedRun:
    """A run in a list: its state, and the reason of its end or the step at which the customer is."""

    run: JourneyRun
    state_label: str | Promise
    tone: str
    note: str | Promise


def run_rows(runs: Iterable[JourneyRun], steps: Mapping[str, str | Promise]) -> list[ListedRun]:
    """Return the rows of runs; `steps` has the label of each step."""
    return [
        ListedRun(
            run,
            labels.RUN_STATES[run.state],
            labels.RUN_TONES[run.state],
            labels.END_REASONS.get(run.end_reason) or (steps.get(run.step, "") if run.state == RunState.ACTIVE else ""),
        )
        for run in runs
    ]
