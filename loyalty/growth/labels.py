"""Words for tasks: what counts, how it is measured, the goal and the reward of a level."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.text.formatting import money, number
from loyalty.growth.models import Measure, Task, TaskLevel
from loyalty.triggers.registry import TRIGGERS


def what_counts(task: Task) -> str:
    trigger = TRIGGERS.get(task.trigger)
    if trigger is None:
        return task.trigger
    if not task.event_kind or trigger.kinds is None:
        return str(trigger.label)
    return f"{trigger.label}: {dict(trigger.kinds()).get(task.event_kind, task.event_kind)}"


def quantity(task: Task, count: int) -> str:
    """Return a count in the task's measure, in words."""
    if task.measure == Measure.AMOUNT:
        return money(count, task.program.currency)
    if task.measure == Measure.DAYS:
        text = ngettext("%(count)s day in a row", "%(count)s days in a row", count)
    else:
        text = ngettext("%(count)s time", "%(count)s times", count)
    return text % {"count": number(count)}


def progress(task: Task, count: int, goal: int) -> str:
    """Return the progress in words: 2 of 3, ¥120.00 of ¥500.00, 1 of 3 days in a row."""
    if task.measure == Measure.AMOUNT:
        values = {"done": money(count, task.program.currency), "goal": money(goal, task.program.currency)}
    else:
        values = {"done": number(count), "goal": number(goal)}
    text = _t("%(done)s of %(goal)s days in a row") if task.measure == Measure.DAYS else _t("%(done)s of %(goal)s")
    return text % values


def gives(level: TaskLevel) -> str:
    points = ngettext("%(count)s point", "%(count)s points", level.points) % {"count": number(level.points)}
    growth = _t("%(count)s growth value") % {"count": number(level.growth)}
    badge = _t("badge “%(name)s”") % {"name": level.badge.label} if level.badge else ""
    return " · ".join(part for part in (points if level.points else "", growth if level.growth else "", badge) if part)
