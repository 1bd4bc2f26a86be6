"""Services of tasks: create, change, switch on and off, join and leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Invalid, Refused
from core.db.locks import lock_row, lock_rows
from core.lists.services import copy_name, refuse_archived
from loyalty.growth.models import Badge, Measure, Period, Task, TaskJoin, TaskLevel, TaskProgress
from loyalty.growth.rules import LEVELS, levels_problem
from loyalty.growth.services.badges import cleaned_values, code_from
from loyalty.growth.services.progress import ensure_growth_type
from loyalty.program.models import Member, MemberState, Program
from loyalty.triggers import registry as triggers
from loyalty.triggers.registry import TRIGGERS

LARGEST = 2**53
TEXTS = {"name": 120, "name_zh": 120, "description": 4000, "description_zh": 4000, "season": 80}
# These fields are fixed, because progress that was counted one way would mean something else after a change.
FIXED = frozenset(["trigger", "event_kind", "measure", "period"])
CHANGEABLE = frozenset([*TEXTS, "icon", "starts_at", "ends_at", "join", "active", "position"])
PROBLEMS = {
    "none": _("A task needs at least one level."),
    "too_many": _("A task can have at most %(count)s levels."),
    "not_rising": _("Each level's goal must be above the one before."),
}


@dataclass(frozen=True)
class Level:
    """One level, numbered from 1 by its place in the list.

    `goal` is in the task's measure: times, minor units or days.
    """

    goal: int
    points: int = 0
    growth: int = 0
    badge: Badge | None = None


def create_task(
    *,
    program: Program,
    name: str,
    trigger: str,
    levels: Sequence[Level],
    actor: Actor,
    code: str = "",
    event_kind: str = "",
    measure: str = Measure.TIMES,
    period: str = Period.EVER,
    **values: Any,
) -> Task:
    """Create a task. Only happenings from now on count, or from `starts_at` when it is set, at most 35 days back.

    Raises Invalid naming the field.
    """
    _check_counting(trigger, event_kind, measure, period)
    cleaned = cleaned_values({**values, "name": name}, TEXTS, CHANGEABLE)
    _check_dates(cleaned.get("starts_at"), cleaned.get("ends_at"))
    _check_levels(program, levels)
    try:
        with transaction.atomic():
            task = Task.objects.create(
                program=program,
                code=code_from(code, name, "t"),
                trigger=trigger,
                event_kind=event_kind,
                measure=measure,
                period=period,
                counts_from=cleaned.get("starts_at") or clock.now(),
                owner_id=actor.user_id,
                **cleaned,
            )
            _write_levels(task, levels)
            transaction.on_commit(triggers.forget, robust=True)
    except IntegrityError:
        raise Invalid(_("Another task has this code."), code="code_taken", field="code") from None
    return task


def update_task(*, task: Task, actor: Actor, levels: Sequence[Level] | None = None, **values: Any) -> Task:
    """Change a task. Code, trigger, measure and period stay. Levels that members have reached stay reached.

    A level whose goal a member has passed already is given with their next step. A task that is switched on again
    counts from now on. Raises Invalid naming the field.
    """
    cleaned = cleaned_values(values, TEXTS, CHANGEABLE)
    with transaction.atomic():
        locked = lock_row(Task.objects.select_related("program").filter(pk=task.pk), weak=True)
        refuse_archived(locked)
        starts_at = cleaned.get("starts_at", locked.starts_at)
        _check_dates(starts_at, cleaned.get("ends_at", locked.ends_at))
        if cleaned.get("active") and not locked.active:
            cleaned["counts_from"] = max(clock.now(), starts_at or locked.counts_from)
        elif starts_at and _minute(starts_at) != _minute(locked.starts_at):
            # A form sends no seconds, and saving it unchanged must not restart the count from the start date.
            cleaned["counts_from"] = starts_at
        for name, value in cleaned.items():
            setattr(locked, name, value)
        if cleaned:
            locked.save(update_fields=[*cleaned])
        if levels is not None:
            _check_levels(locked.program, levels)
            _write_levels(locked, levels)
        transaction.on_commit(triggers.forget, robust=True)
    return locked


def duplicate_task(*, task: Task, actor: Actor) -> Task:
    """Create the same task, switched off and without dates. No member has progress in it."""
    names = ("name_zh", "description", "description_zh", "season", "icon", "join", "position")
    return create_task(
        program=task.program,
        name=copy_name(Task, task.name),
        trigger=task.trigger,
        event_kind=task.event_kind,
        measure=task.measure,
        period=task.period,
        levels=[
            Level(level.goal, level.points, level.growth, level.badge)
            for level in task.levels.select_related("badge").order_by("level")
        ],
        active=False,
        actor=actor,
        **{name: getattr(task, name) for name in names},
    )


def is_busy(task: Task) -> bool:
    """Return whether members can progress in the task now or later, so that it can't be archived."""
    return task.active and (task.ends_at is None or task.ends_at > clock.now())


def join_task(*, member: Member, task: Task, actor: Actor) -> TaskJoin:
    """Join a task from now on. Idempotent: the first time counts.

    Raises Refused `task_needs_no_joining`, `task_not_running` or `member_not_active`.
    """
    if not task.join:
        raise Refused(_("This task counts for every member; joining is not needed."), code="task_needs_no_joining")
    with transaction.atomic():
        # Check under the locks, because the shop may be ending the task or the membership now.
        locked = lock_row(Member.objects.filter(pk=member.pk), weak=True)
        lock_rows(Task.objects.filter(pk=task.pk), weak=True)
        now = clock.now()
        if not Task.objects.running(now).filter(pk=task.pk, program=member.program_id).exists():
            raise Refused(_("This task is not running."), code="task_not_running")
        if locked.state != MemberState.ACTIVE:
            raise Refused(_("This membership is not active."), code="member_not_active")
        TaskJoin.objects.bulk_create([TaskJoin(task=task, member=member, joined_at=now)], ignore_conflicts=True)
        return TaskJoin.objects.get(task=task, member=member)


def leave_task(*, member: Member, task: Task, actor: Actor) -> None:
    """Leave a task, if joined. Progress stays and continues if the member joins again."""
    TaskJoin.objects.filter(task=task, member=member).delete()


def _check_counting(trigger: str, event_kind: str, measure: str, period: str) -> None:
    known = TRIGGERS.get(trigger)
    if known is None:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="trigger")
    if bool(event_kind) != bool(known.kinds) or len(event_kind) > 40:
        raise Invalid(_("Choose the kind of activity, for activity only."), code="invalid_choice", field="event_kind")
    if measure not in Measure.values or (measure == Measure.AMOUNT and not known.money):
        raise Invalid(_("Only orders have an amount."), code="invalid_choice", field="measure")
    if period not in Period.values or (measure == Measure.DAYS and period == Period.DAY):
        raise Invalid(_("Days in a row can't reset every day."), code="invalid_choice", field="period")


def _minute(moment: datetime | None) -> datetime | None:
    return moment.replace(second=0, microsecond=0) if moment else None


def _check_dates(starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid(_("The end is before the start."), code="invalid", field="ends_at")


def _check_levels(program: Program, levels: Sequence[Level]) -> None:
    problem = levels_problem([level.goal for level in levels])
    if problem:
        raise Invalid(str(PROBLEMS[problem]) % {"count": LEVELS}, code=f"levels_{problem}", field="levels")
    for level in levels:
        if not all(0 <= number <= LARGEST for number in (level.goal, level.points, level.growth)):
            raise Invalid(_("This number is too small or too large."), code="invalid", field="levels")
        if level.badge is not None and level.badge.program_id != program.pk:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field="levels")


def _write_levels(task: Task, levels: Sequence[Level]) -> None:
    wanted = [(level.goal, level.points, level.growth, level.badge and level.badge.pk) for level in levels]
    if wanted == list(task.levels.order_by("level").values_list("goal", "points", "growth", "badge_id")):
        return
    if any(level.growth for level in levels):
        ensure_growth_type(task.program)
    before = task.levels.aggregate(top=Max("level"))["top"] or 0
    TaskLevel.objects.filter(task=task).delete()
    TaskLevel.objects.bulk_create(
        TaskLevel(task=task, level=place, goal=level.goal, points=level.points, growth=level.growth, badge=level.badge)
        for place, level in enumerate(levels, 1)
    )
    if len(levels) > before:
        TaskProgress.objects.filter(task=task, level__lt=len(levels)).exclude(completed_at=None).update(
            completed_at=None
        )
