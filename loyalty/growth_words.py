"""Tasks in words: what counts, how it is measured, what a level asks for and gives."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.formatting import money, number
from loyalty.models import Measure, Task, TaskLevel
from loyalty.triggers import TRIGGERS


def what_counts(task: Task) -> str:
    trigger = TRIGGERS.get(task.trigger)
    if trigger is None:
        return task.trigger
    if not task.event_kind or trigger.kinds is None:
        return str(trigger.label)
    return f"{trigger.label}: {dict(trigger.kinds()).get(task.event_kind, task.event_kind)}"


def quantity(task: Task, count: int) -> str:
    """So many of what the task measures."""
    if task.measure == Measure.AMOUNT:
        return money(count, task.program.currency)
    if task.measure == Measure.DAYS:
        text = ngettext("%(count)s day in a row", "%(count)s days in a row", count)
    else:
        text = ngettext("%(count)s time", "%(count)s times", count)
    return text % {"count": number(count)}


def gives(level: TaskLevel) -> str:
    points = ngettext("%(count)s point", "%(count)s points", level.points) % {"count": number(level.points)}
    growth = _t("%(count)s growth value") % {"count": number(level.growth)}
    badge = _t("badge “%(name)s”") % {"name": level.badge.label} if level.badge else ""
    return " · ".join(part for part in (points if level.points else "", growth if level.growth else "", badge) if part)


def reasons(references: Iterable[str]) -> dict[str, str]:
    """What badges were given for, in words: `task:first-review` by the task's name, anything else as it is."""
    wanted = set(references)
    codes = [reference.removeprefix("task:") for reference in wanted if reference.startswith("task:")]
    names = {f"task:{task.code}": task.label for task in Task.objects.filter(code__in=codes)} if codes else {}
    return {reference: names.get(reference, reference) for reference in wanted}
