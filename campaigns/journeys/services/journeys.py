"""Manage journeys: edit drafts, publish versions that never change (J8), pause, resume and stop."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.segments.models import Segment, SegmentState
from campaigns.calendar.selectors import is_occasion
from campaigns.journeys import events, rules
from campaigns.journeys.models import Journey, JourneyRun, JourneyState, JourneyVersion, RunState
from campaigns.journeys.registry import ERRORS, STEPS
from campaigns.journeys.rules import (
    Goal,
    JourneyDefinition,
    JourneyDraft,
    JourneyEntry,
    JourneyExit,
    Reentry,
    Step,
    StepValues,
    step_of,
)
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import entries as journey_entries
from campaigns.journeys.services import template_fit as template_uses
from core.base.actor import Actor
from core.base.errors import Conflict, DomainError, Invalid
from core.db.locks import lock_row
from core.events.bus import EventType, emit
from core.fields import Errors, Field, Text, clean_value
from core.lists.services import copy_name, refuse_archived
from core.security.models import User

WHERE = Field("where", "event_where", required=False, default=[])
TIME = Field("time", "time", default="10:00")
# Without a value, these settings are refused like a wrong number or date.
NUMBER_ERRORS: Errors = {**ERRORS, "required": ("invalid", _("Use a whole number."))}
DATE_ERRORS: Errors = {"required": ("invalid_date", _("Use a date such as 2026-01-31."))}
EMPTY: JourneyDraft = {
    "entry": {"kind": "", "segment": None},
    "reentry": {"policy": "never", "value": 0},
    "exit": {"policy": "never"},
    "goal": None,
    "holdout": 0,
    "window_days": rules.WINDOW_DAYS,
    "steps": [],
}
ENTRIES: dict[str, Text] = {
    "event": _("An event happens"),
    "segment": _("Entering a segment"),
    "date": _("A personal date"),
    "occasion": _("A festival, shop day or member day"),
    "schedule": _("A timetable"),
    "api": _("An API call"),
}
DATES: dict[str, Text] = {"birthday": _("Birthday"), "member_day": _("Member anniversary")}
EVERY: dict[str, Text] = {
    "once": _("Once"), "day": _("Every day"), "week": _("Every week"), "month": _("Every month"),
}  # fmt: skip
SHAPES: dict[str, Text] = {
    "not_a_list": _("Steps must be a list."),
    "not_a_step": _("A step needs a kind."),
    "wrong_id": _("A step needs an ID of lowercase letters and digits."),
    "id_twice": _("Another step has this ID."),
    "too_deep": _("Branches may be nested at most 8 levels deep."),
    "too_many": _("A journey may have at most 100 steps."),
}


@dataclass(frozen=True)
class JourneyProblem:
    """Hold one problem of a draft. `step` is its id, "" for the whole journey; `label` is the step's readable name."""

    step: str
    label: str
    field: str
    message: str
    code: str = "invalid"


def create_journey(*, name: str, actor: Actor, draft: Mapping[str, Any] | None = None, preset: str = "") -> Journey:
    """Create a draft, which no customer enters. Raises Invalid naming the field."""
    journey = Journey.objects.create(
        name=_name(name, None), draft=_shaped(draft or EMPTY), preset=preset, owner_id=actor.user_id
    )
    journey.refresh_from_db()
    return journey


def duplicate_journey(*, journey: Journey, actor: Actor) -> Journey:
    """Create a draft with the same steps as the draft of this journey."""
    return create_journey(
        name=copy_name(Journey, journey.name), draft=journey.draft, preset=journey.preset, actor=actor
    )


def is_busy(journey: Journey) -> bool:
    """Return whether customers are or may come into the journey, so that it can't be archived."""
    return journey.state in {JourneyState.RUNNING, JourneyState.PAUSED}


def save_draft(
    *, journey: Journey, actor: Actor, name: str | None = None, draft: Mapping[str, Any] | None = None
) -> Journey:
    """Change the draft, which may be unfinished. Customers in the journey are affected only after publishing (J8)."""
    with transaction.atomic():
        locked = lock_row(Journey.objects.filter(pk=journey.pk))
        refuse_archived(locked)
        if name is not None:
            locked.name = _name(name, locked.pk)
        if draft is not None:
            locked.draft = _shaped(draft)
        locked.updated_at = Now()  # type: ignore[assignment]
        locked.save(update_fields=["name", "draft", "updated_at"])
        locked.refresh_from_db()
    return locked


def problems(draft: Mapping[str, Any]) -> list[JourneyProblem]:
    """Return all problems that prevent publishing, in reading order; empty when there are none."""
    return cleaned(draft)[1]


def publish_journey(*, journey: Journey, actor: Actor, user: User | None = None) -> JourneyVersion:
    """Publish the draft as the version that new runs enter; active runs keep their version (J8).

    A draft starts running. Raises Invalid `journey_invalid` with `problems`, each naming its step and field, and
    Conflict when the draft equals the published version.
    """
    with transaction.atomic():
        locked = lock_row(Journey.objects.select_related("version").filter(pk=journey.pk))
        refuse_archived(locked)
        definition, faults = cleaned(locked.draft)
        if faults:
            first = faults[0]
            raise Invalid(
                f"{first.label}: {first.message}" if first.label else first.message,
                code="journey_invalid",
                field=".".join(filter(None, [first.step, first.field])),
                problems=[problem.__dict__ for problem in faults],
            )
        if locked.version and locked.version.definition == definition and locked.state != JourneyState.STOPPED:
            raise Conflict(_("This version is already published."), code="not_changed")
        last = JourneyVersion.objects.filter(journey=locked).aggregate(last=Max("number"))["last"] or 0
        version = JourneyVersion.objects.create(
            journey=locked, number=last + 1, definition=definition, published_by=user
        )
        version.refresh_from_db()
        locked.version, locked.draft = version, definition
        if locked.state in (JourneyState.DRAFT, JourneyState.STOPPED):
            locked.state = JourneyState.RUNNING
            locked.started_at = Now()  # type: ignore[assignment]
            locked.looked_at = None
        entry = definition["entry"]
        if entry["kind"] == "segment" and entry.get("members"):
            locked.members_after = 0
        locked.save()
        _emit(events.JOURNEY_PUBLISHED, locked, actor, version=version.number)
    return version


def pause_journey(*, journey: Journey, actor: Actor) -> Journey:
    """Pause the journey: no customer enters or moves, and all keep their step. The gate drops queued messages (J4)."""
    with transaction.atomic():
        locked = lock_row(Journey.objects.filter(pk=journey.pk))
        if locked.state == JourneyState.RUNNING:
            locked.state = JourneyState.PAUSED
            locked.save(update_fields=["state"])
            _emit(events.JOURNEY_PAUSED, locked, actor)
    return locked


def resume_journey(*, journey: Journey, actor: Actor) -> Journey:
    """Resume the journey: steps that became due during the pause are done now.

    Raises Conflict unless paused or running.
    """
    with transaction.atomic():
        locked = lock_row(Journey.objects.filter(pk=journey.pk))
        if locked.state not in (JourneyState.PAUSED, JourneyState.RUNNING):
            raise Conflict(_("Only a paused journey can be resumed."), code="journey_not_paused")
        if locked.state == JourneyState.PAUSED:
            locked.state = JourneyState.RUNNING
            locked.save(update_fields=["state"])
            _emit(events.JOURNEY_RESUMED, locked, actor)
    return locked


def stop_journey(*, journey: Journey, actor: Actor) -> int:
    """Stop the journey for all customers in it.

    Return how many runs ended now; after a crash the sweep ends the rest.
    """
    with transaction.atomic():
        locked = lock_row(Journey.objects.filter(pk=journey.pk))
        if locked.state == JourneyState.DRAFT:
            raise Conflict(_("A draft is not running."), code="journey_not_running")
        if locked.state != JourneyState.STOPPED:
            locked.state, locked.members_after = JourneyState.STOPPED, None
            locked.save(update_fields=["state", "members_after"])
            _emit(events.JOURNEY_STOPPED, locked, actor)
    return journey_engine.end_stopped()


def delete_draft(*, journey: Journey, actor: Actor) -> None:
    """Delete a journey that was never published; any other journey keeps its history. Raises Conflict."""
    with transaction.atomic():
        locked = lock_row(Journey.objects.filter(pk=journey.pk))
        if locked.version_id is not None:
            raise Conflict(
                _("A published journey can't be deleted because its history is kept. Stop it instead."),
                code="published",
            )
        locked.delete()


def under_way(journey: Journey) -> int:
    """Return the number of active runs."""
    return JourneyRun.objects.filter(journey=journey, state=RunState.ACTIVE).count()


def _emit(kind: EventType, journey: Journey, actor: Actor, **more: Any) -> None:
    emit(kind, subject_id=None, payload={"journey": journey.pk, "name": journey.name, **more}, actor=actor)
    transaction.on_commit(journey_entries.wanted_kinds.forget, robust=True)


def _name(name: str, own: int | None) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > 120 or "\x00" in clean:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if Journey.objects.filter(name=clean).exclude(pk=own).exists():
        raise Invalid(_("Another journey has this name."), code="name_taken", field="name")
    return clean


def _shaped(draft: Mapping[str, Any]) -> JourneyDraft:
    """Return a draft with a workable shape, even if it is incomplete. Raises Invalid naming the step."""
    shaped = cast(JourneyDraft, {**copy.deepcopy(EMPTY), **{name: draft[name] for name in EMPTY if name in draft}})
    try:
        rules.check_shape(shaped["steps"])
    except rules.WrongShape as error:
        raise Invalid(SHAPES[error.code], code=error.code, field=error.step or "steps") from None
    for name, value in (("entry", shaped["entry"]), ("reentry", shaped["reentry"]), ("exit", shaped["exit"])):
        if not isinstance(value, dict):
            raise Invalid(_("This value is not valid."), field=name)
    for step, _depth in rules.walk(shaped["steps"]):
        kind = STEPS.get(step["kind"])
        if kind is not None:
            codes = {code for code, _label in kind.arms(step)} if _splits(step) else set()
            arms = step.get("arms", {})
            if codes or arms:
                # A removed arm is dropped only when it is empty; otherwise its steps are shown until they are moved.
                step["arms"] = {code: arms.get(code, []) for code in [*sorted(codes), *(a for a in arms if arms[a])]}
    return shaped


def _splits(step: Step) -> bool:
    values: StepValues = step
    has_paths = any(field.kind == "arms" for field in STEPS[step["kind"]].fields)
    return not has_paths or isinstance(values.get("split"), list)


def cleaned(draft: Mapping[str, Any]) -> tuple[JourneyDefinition, list[JourneyProblem]]:
    """Return the definition that a draft describes, and all of its problems. It is complete if there are none."""
    problems: list[JourneyProblem] = []
    shaped = _shaped(draft)
    definition: JourneyDefinition = {
        "entry": _entry(shaped["entry"], problems),
        "reentry": _reentry(shaped["reentry"], problems),
        "exit": cast(JourneyExit, {"policy": shaped["exit"].get("policy")}),
        "goal": _goal(shaped["goal"], problems),
        "holdout": shaped["holdout"],
        "window_days": shaped["window_days"],
        "steps": [],
    }
    if definition["exit"]["policy"] not in rules.EXIT:
        problems.append(JourneyProblem("exit", _t("Early exit"), "policy", _t("Not one of the choices.")))
    elif definition["exit"]["policy"] in ("goal", "both") and not definition["goal"]:
        problems.append(JourneyProblem("exit", _t("Early exit"), "goal", _t("Choose the goal.")))
    if definition["exit"]["policy"] in ("unmatched", "both") and not definition["entry"].get("segment"):
        problems.append(
            JourneyProblem(
                "exit",
                _t("Early exit"),
                "policy",
                _t("Leaving when a customer no longer matches needs a segment: choose one."),
            )
        )
    if not isinstance(definition["holdout"], int) or not 0 <= definition["holdout"] <= 90:
        problems.append(JourneyProblem("entry", _t("Entry"), "holdout", _t("The holdout must be 0 to 90 percent.")))
    window = definition["window_days"]
    if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= rules.MAX_WINDOW_DAYS:
        problems.append(
            JourneyProblem(
                "entry",
                _t("Entry"),
                "window_days",
                _t("The measurement window must be 1 to %(most)s days.") % {"most": rules.MAX_WINDOW_DAYS},
            )
        )
    if not shaped["steps"]:
        problems.append(JourneyProblem("", "", "steps", _t("Add at least one step.")))
    definition["steps"] = _steps(shaped["steps"], definition, problems)
    if not problems:
        steps = rules.by_id(definition["steps"])
        problems += [
            JourneyProblem(step, label_of(steps[step]), problem.about, problem.message)
            for step, faults in template_uses.journey_problems(definition).items()
            for problem in faults
        ]
    return definition, problems


def _steps(steps: list[Step], definition: JourneyDefinition, problems: list[JourneyProblem]) -> list[Step]:
    cleaned = []
    for index, step in enumerate(steps):
        kind = STEPS.get(step["kind"])
        if kind is None:
            problems.append(JourneyProblem(step["id"], step["kind"], "kind", _t("This kind of step does not exist.")))
            continue
        before = len(problems)
        values = {field.name: _value(field, step, problems) for field in kind.fields}
        clean = step_of(step["id"], step["kind"], values)
        if note := str(step.get("note", "")).strip()[:80]:
            clean["note"] = note
        label = label_of(step)
        if len(problems) == before:
            for name, message in kind.check(clean):
                problems.append(JourneyProblem(step["id"], label, name, str(message)))
        if kind.ends and step["kind"] == "goal" and not definition["goal"]:
            problems.append(JourneyProblem(step["id"], label, "goal", _t("The journey has no goal yet.")))
        if step["kind"] == "exit" and index + 1 < len(steps):
            problems.append(
                JourneyProblem(
                    steps[index + 1]["id"], label_of(steps[index + 1]), "", _t("Steps after an exit are never reached.")
                )
            )
        arms = step.get("arms", {})
        codes = [code for code, _label in kind.arms(clean)] if len(problems) == before or arms else []
        for code in sorted(set(arms) - set(codes)):
            if arms[code]:
                problems.append(
                    JourneyProblem(
                        step["id"],
                        label,
                        "arms",
                        _t("The path “%(arm)s” was removed but still has steps.") % {"arm": code},
                    )
                )
        if codes:
            clean["arms"] = {code: _steps(arms.get(code, []), definition, problems) for code in codes}
        cleaned.append(clean)
    return cleaned


def label_of(step: Step) -> str:
    """Return the readable name of a step: its own note, else the label of its kind."""
    kind = STEPS.get(step.get("kind", ""))
    if kind is None:
        return str(step.get("kind", ""))
    return str(step.get("note") or kind.label)


def _value(field: Field, step: Step, problems: list[JourneyProblem]) -> Any:
    values: StepValues = step
    try:
        return _clean(field, values.get(field.name))
    except Invalid as error:
        problems.append(
            JourneyProblem(step["id"], label_of(step), error.field or field.name, str(error.message), error.code)
        )
        return None


def _clean(field: Field, raw: Any) -> Any:
    return clean_value(field, raw, errors=ERRORS)


def _number(raw: Any, low: int, high: int, name: str) -> int:
    return clean_value(Field(name, "number", least=low, most=high), raw, errors=NUMBER_ERRORS)


def _entry(raw: Mapping[str, Any], problems: list[JourneyProblem]) -> JourneyEntry:
    """Return the entry. Problems are reported for the step `entry`."""
    kind = raw.get("kind")
    entry: dict[str, Any] = {"kind": kind, "segment": raw.get("segment") or None}

    def take(name: str, read: Callable[[], Any]) -> None:
        try:
            entry[name] = read()
        except DomainError as error:
            problems.append(JourneyProblem("entry", _t("Entry"), name, str(error.message), error.code))

    if kind not in ENTRIES:
        problems.append(JourneyProblem("entry", _t("Entry"), "kind", _t("Choose how customers enter.")))
        return cast(JourneyEntry, entry)
    if kind == "event":
        take("event", lambda: _clean(Field("event", "event"), raw.get("event")))
        take("where", lambda: _clean(WHERE, raw.get("where") or []))
    elif kind == "segment":
        entry["members"] = bool(raw.get("members"))
    elif kind in ("date", "occasion"):
        if kind == "date":
            take("date", lambda: _clean(Field("date", "choice", choices=DATES.items), raw.get("date")))
        else:
            take("occasion", lambda: _occasion(raw.get("occasion")))
        take("days", lambda: _number(raw.get("days") or 0, 0, 60, "days"))
        take("time", lambda: _clean(TIME, raw.get("time")))
    elif kind == "schedule":
        take(
            "every",
            lambda: _clean(Field("every", "choice", choices=EVERY.items), raw.get("every")),
        )
        take("time", lambda: _clean(TIME, raw.get("time")))
        if raw.get("every") == "week":
            take("weekday", lambda: _number(raw.get("weekday") or 1, 1, 7, "weekday"))
        elif raw.get("every") == "month":
            take("day", lambda: _number(raw.get("day") or 1, 1, 28, "day"))
        elif raw.get("every") == "once":
            take("on", lambda: clean_value(Field("on", "date"), raw.get("on"), errors=DATE_ERRORS))
    if entry["segment"] is not None or kind in ("segment", "schedule"):
        take("segment", lambda: _segment(entry["segment"]))
    return cast(JourneyEntry, entry)


def _occasion(raw: Any) -> str:
    if not raw:
        raise Invalid(_("Choose the festival or day."), code="required", field="occasion")
    if not is_occasion(str(raw)):
        raise Invalid(_("The calendar no longer has this day."), code="unknown_occasion", field="occasion")
    return str(raw)


def _segment(raw: Any) -> int:
    if raw in (None, ""):
        raise Invalid(_("Choose the segment."), code="required", field="segment")
    segment = Segment.objects.filter(pk=int(raw)).first() if str(raw).isdigit() else None
    if segment is None:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="segment")
    if segment.state != SegmentState.ACTIVE:
        raise Invalid(_("The segment of this journey is archived."), code="segment_archived", field="segment")
    return segment.pk


def _reentry(raw: Mapping[str, Any], problems: list[JourneyProblem]) -> Reentry:
    policy = raw.get("policy")
    if policy not in rules.REENTRY:
        problems.append(JourneyProblem("entry", _t("Entry"), "reentry", _t("Not one of the choices.")))
        return {"policy": "never", "value": 0}
    value = 0
    if policy in ("days", "times"):
        try:
            value = _number(raw.get("value"), 1, 3650 if policy == "days" else 1000, "reentry_value")
        except Invalid as error:
            problems.append(JourneyProblem("entry", _t("Entry"), "reentry_value", str(error.message), error.code))
    return {"policy": policy, "value": value}


def _goal(raw: Any, problems: list[JourneyProblem]) -> Goal | None:
    if not isinstance(raw, dict) or not raw.get("event"):
        return None
    try:
        event = _clean(Field("event", "event"), raw["event"])
        return {"event": event, "where": _clean(WHERE, raw.get("where") or [])}
    except Invalid as error:
        problems.append(JourneyProblem("goal", _t("Goal"), error.field or "event", str(error.message), error.code))
        return None
