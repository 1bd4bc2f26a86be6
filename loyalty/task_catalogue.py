"""Reads of tasks and badges: how far a member is, what they have, how many members are on each level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Count, Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import NotFound
from loyalty.models import (
    Badge,
    LevelReached,
    Measure,
    Member,
    MemberBadge,
    Period,
    Task,
    TaskJoin,
    TaskLevel,
    TaskProgress,
)
from loyalty.rules.periods import local_day, midnight, period_end, period_start
from loyalty.rules.streaks import current_run


@dataclass(frozen=True)
class Standing:
    """A task as one member sees it now. `count` and `left` are in the task's measure.

    `until` is when this progress starts anew or the task ends, whichever comes first; None: never.
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
        """Of the next level, or of the last one when it is done."""
        return (self.next or self.levels[-1]).goal

    @property
    def completed(self) -> bool:
        return self.next is None


def with_levels(tasks: QuerySet[Task]) -> QuerySet[Task]:
    levels = TaskLevel.objects.select_related("badge").order_by("level")
    return tasks.select_related("program").prefetch_related(Prefetch("levels", queryset=levels))


def standings(member: Member, codes: Sequence[str] | None = None) -> list[Standing]:
    """Every task that runs now, or those of these codes, with the member's progress in the present period."""
    now = clock.now()
    tasks = Task.objects.running(now).filter(program=member.program)
    if codes is not None:
        tasks = tasks.filter(code__in=codes)
    found = list(with_levels(tasks))
    if not found:
        return []
    zone = member.program.time_zone
    today = local_day(now, zone)
    starts = {task.pk: period_start(task.period, today) for task in found}
    rows = TaskProgress.objects.filter(member=member, task__in=found, period_start__in=set(starts.values()))
    progress = {row.task_id: row for row in rows if row.period_start == starts[row.task_id]}
    joined = set(TaskJoin.objects.filter(member=member, task__in=found).values_list("task_id", flat=True))
    return [
        _standing(task, progress.get(task.pk), not task.join or task.pk in joined, starts[task.pk], today, zone)
        for task in found
    ]


def _standing(task: Task, progress: TaskProgress | None, joined: bool, start: date, today: date, zone: str) -> Standing:
    end = period_end(task.period, start)
    ends = [moment for moment in (midnight(end, zone) if end else None, task.ends_at) if moment]
    levels = list(task.levels.all())
    count, level = (progress.count, progress.level) if progress else (0, 0)
    if progress and task.measure == Measure.DAYS:
        done = level >= levels[-1].level
        count = progress.best if done else current_run(count, progress.last_on, today)
    return Standing(task, levels, joined, count, level, min(ends, default=None))


def standing_of(member: Member, code: str) -> Standing:
    """Raises NotFound `unknown_task` for one that does not run now."""
    found = standings(member, [code])
    if not found:
        raise NotFound(_("There is no such task now."), code="unknown_task")
    return found[0]


def begun(member: Member) -> list[Standing]:
    """The running tasks in which the member has done something in the present period, the latest first."""
    now = clock.now()
    zone = member.program.time_zone
    today = local_day(now, zone)
    starts = {period_start(period, today) for period in Period.values}
    tasks = with_levels(Task.objects.running(now))
    rows = TaskProgress.objects.filter(
        member=member, period_start__in=list(starts), task__in=tasks.order_by().values("pk")
    )
    found = []
    for row in rows.order_by("-updated_at").prefetch_related(Prefetch("task", queryset=tasks)):
        if row.period_start == period_start(row.task.period, today) and row.task.levels.all():
            found.append(_standing(row.task, row, True, row.period_start, today, zone))
    return found


def held_badges(member: Member) -> QuerySet[MemberBadge]:
    return MemberBadge.objects.filter(member=member).select_related("badge").order_by("-awarded_at", "-pk")


@dataclass(frozen=True)
class Shown:
    """A badge and since when the member has it; None: not yet."""

    badge: Badge
    awarded_at: datetime | None


def badges(member: Member) -> list[Shown]:
    """Those the member has, newest first, then those that can still be had."""
    held = list(held_badges(member))
    rest = Badge.objects.filter(program=member.program, active=True).exclude(pk__in=[one.badge_id for one in held])
    return [*(Shown(one.badge, one.awarded_at) for one in held), *(Shown(badge, None) for badge in rest)]


def on_levels(tasks: Sequence[Task], now: datetime) -> dict[int, dict[int, int]]:
    """{task id: {level: members on it in the present period}}, 0 for those who began and have reached none."""
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
        found: dict[int, dict[int, int]] = {task.pk: {} for task in tasks}
        for task, level, count in cursor.fetchall():
            found[task][level] = count
    return found


@dataclass(frozen=True)
class Rung:
    """A level of a task's funnel: members who came to it or above in the present period, and what it gave in all."""

    level: TaskLevel
    members: int
    share: int
    given: int


def funnel(task: Task, now: datetime) -> tuple[int, list[Rung]]:
    """(members who began in the present period, one rung per level); shares in percent of those who began."""
    counts = on_levels([task], now)[task.pk]
    began = sum(counts.values())
    given = dict(
        LevelReached.objects.filter(progress__task=task)
        .values_list("level")
        .annotate(count=Count("pk"))
        .values_list("level", "count")
    )
    rungs = []
    for level in task.levels.all():
        members = sum(count for number, count in counts.items() if number >= level.level)
        rungs.append(Rung(level, members, round(100 * members / began) if began else 0, given.get(level.level, 0)))
    return began, rungs


def holders(badges: Sequence[Badge]) -> dict[int, int]:
    """How many members have each badge."""
    rows = MemberBadge.objects.filter(badge__in=badges).values_list("badge_id").annotate(count=Count("pk"))
    return dict(rows)
