"""Reads of tasks and badges: a member's progress and badges, and the number of members on each level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Count, Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.errors import NotFound
from loyalty.growth.models import (
    Badge,
    LevelReached,
    Measure,
    MemberBadge,
    Period,
    Task,
    TaskJoin,
    TaskLevel,
    TaskProgress,
)
from loyalty.program.models import Member
from loyalty.program.rules.periods import local_day, midnight, period_end, period_start
from loyalty.triggers.rules.streaks import current_run


@dataclass(frozen=True)
class TaskStanding:
    """A task as one member sees it now. `count` and `left` are in the task's measure.

    `until` is when this progress starts again from 0 or the task ends, whichever comes first; None means never.
    """

    task: Task
    levels: Sequence[TaskLevel]
    joined: bool
    count: int
    level: int
    until: datetime | None

    @property
    def next(self) -> TaskLevel | None:
        return next((level for level in self.levels if level.level > self.level), None)

    @property
    def left(self) -> int:
        return max(self.next.goal - self.count, 0) if self.next else 0

    @property
    def goal(self) -> int:
        """Return the goal of the next level, or of the last one when the task is completed."""
        return (self.next or self.levels[-1]).goal

    @property
    def completed(self) -> bool:
        return self.next is None


def with_levels(tasks: QuerySet[Task]) -> QuerySet[Task]:
    levels = TaskLevel.objects.select_related("badge").order_by("level")
    return tasks.select_related("program").prefetch_related(Prefetch("levels", queryset=levels))


def standings(member: Member, codes: Sequence[str] | None = None) -> list[TaskStanding]:
    """Return every running task, or those of these codes, with the member's progress in the present period."""
    now = clock.now()
    tasks = Task.objects.running(now).filter(program=member.program)
    if codes is not None:
        tasks = tasks.filter(code__in=codes)
    running_tasks = list(with_levels(tasks))
    if not running_tasks:
        return []
    zone = member.program.time_zone
    today = local_day(now, zone)
    starts = {task.pk: period_start(task.period, today) for task in running_tasks}
    rows = TaskProgress.objects.filter(member=member, task__in=running_tasks, period_start__in=set(starts.values()))
    progress = {row.task_id: row for row in rows if row.period_start == starts[row.task_id]}
    joined = set(TaskJoin.objects.filter(member=member, task__in=running_tasks).values_list("task_id", flat=True))
    return [
        _standing(task, progress.get(task.pk), not task.join or task.pk in joined, starts[task.pk], today, zone)
        for task in running_tasks
    ]


def _standing(
    task: Task, progress: TaskProgress | None, joined: bool, start: date, today: date, zone: str
) -> TaskStanding:
    end = period_end(task.period, start)
    ends = [moment for moment in (midnight(end, zone) if end else None, task.ends_at) if moment]
    levels = list(task.levels.all())
    count, level = (progress.count, progress.level) if progress else (0, 0)
    if progress and task.measure == Measure.DAYS:
        done = level >= levels[-1].level
        count = progress.best if done else current_run(count, progress.last_on, today)
    return TaskStanding(task, levels, joined, count, level, min(ends, default=None))


def standing_of(member: Member, code: str) -> TaskStanding:
    """Return the member's progress with one task. Raises NotFound `unknown_task` when it does not run now."""
    rows = standings(member, [code])
    if not rows:
        raise NotFound(_("This task is not running."), code="unknown_task")
    return rows[0]


def begun(member: Member) -> list[TaskStanding]:
    """Return the running tasks that the member has begun in the present period, the latest first."""
    now = clock.now()
    zone = member.program.time_zone
    today = local_day(now, zone)
    starts = {period_start(period, today) for period in Period.values}
    tasks = with_levels(Task.objects.running(now))
    rows = TaskProgress.objects.filter(
        member=member, period_start__in=list(starts), task__in=tasks.order_by().values("pk")
    )
    begun_tasks = []
    for row in rows.order_by("-updated_at").prefetch_related(Prefetch("task", queryset=tasks)):
        if row.period_start == period_start(row.task.period, today) and row.task.levels.all():
            begun_tasks.append(_standing(row.task, row, True, row.period_start, today, zone))
    return begun_tasks


def held_badges(member: Member) -> QuerySet[MemberBadge]:
    return MemberBadge.objects.filter(member=member).select_related("badge").order_by("-awarded_at", "-pk")


@dataclass(frozen=True)
class BadgeStanding:
    """A badge and when the member got it; None when not yet."""

    badge: Badge
    awarded_at: datetime | None


def badges(member: Member) -> list[BadgeStanding]:
    """Return the member's badges, newest first, then those that can still be earned."""
    held = list(held_badges(member))
    rest = Badge.objects.filter(program=member.program, active=True).exclude(pk__in=[one.badge_id for one in held])
    return [
        *(BadgeStanding(one.badge, one.awarded_at) for one in held),
        *(BadgeStanding(badge, None) for badge in rest),
    ]


def on_levels(tasks: Sequence[Task], now: datetime) -> dict[int, dict[int, int]]:
    """Return {task id: {level: members on it in the present period}}. Level 0 are members who have begun only."""
    if not tasks:
        return {}
    starts = [period_start(task.period, local_day(now, task.program.time_zone)) for task in tasks]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.task_id, p.level, count(*) FROM loyalty_taskprogress p
               JOIN unnest(%s::bigint[], %s::date[]) AS given(task, period)
                    ON given.task = p.task_id AND given.period = p.period_start
               GROUP BY p.task_id, p.level""",
            [[task.pk for task in tasks], starts],
        )
        counts: dict[int, dict[int, int]] = {task.pk: {} for task in tasks}
        for task, level, count in cursor.fetchall():
            counts[task][level] = count
    return counts


@dataclass(frozen=True)
class Rung:
    """One level in a task's funnel: members who reached it in the present period, and how often it was given in all."""

    level: TaskLevel
    members: int
    share: int
    given: int


def funnel(task: Task, now: datetime) -> tuple[int, list[Rung]]:
    """Return (members who began in the present period, one rung per level). Shares are percentages of those members."""
    counts = on_levels([task], now)[task.pk]
    began = sum(counts.values())
    times_given = dict(
        LevelReached.objects.filter(progress__task=task)
        .values_list("level")
        .annotate(count=Count("pk"))
        .values_list("level", "count")
    )
    rungs = []
    for level in task.levels.all():
        members = sum(count for number, count in counts.items() if number >= level.level)
        rungs.append(
            Rung(level, members, round(100 * members / began) if began else 0, times_given.get(level.level, 0))
        )
    return began, rungs


def holders(badges: Sequence[Badge]) -> dict[int, int]:
    """Return how many members have each badge."""
    rows = MemberBadge.objects.filter(badge__in=badges).values_list("badge_id").annotate(count=Count("pk"))
    return dict(rows)
