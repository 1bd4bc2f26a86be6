"""Versions of the stage limits and RFM cut points, and the preview of a new one.

A preview is a job: it compares every stored row with the row of the new version, and changes nothing. Only a finished
preview can be saved, and only while no other version was saved since it began.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from analytics.features.models import ScoringVersion
from analytics.features.rules.lifecycle import LIMITS
from analytics.features.services import features
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_name
from core.jobs import services as jobs
from core.jobs.models import Job, JobState
from core.security.models import User

KIND = "analytics.scoring_preview"
# Registered by segments, because they follow the figures.
RESCORE = "analytics.rescore"
KEPT = timedelta(hours=24)
MOST_DAYS = 3650
DAYS = ("new_days", "active_days", "at_risk_days", "lapsed_days")
CUTS = ("recency_cuts", "frequency_cuts", "money_cuts")
NUMBER_OF_CUTS = 4


def present_values() -> dict[str, Any]:
    """Return the limits and cut points that apply now; empty cut points mean quintiles."""
    version = features.newest_version()
    limits = features.stage_limits(version)
    values: dict[str, Any] = {name: getattr(limits, name) for name in DAYS}
    return {**values, **{name: list(getattr(version, name)) if version else [] for name in CUTS}}


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a version. Raises Invalid naming the field."""
    cleaned: dict[str, Any] = {}
    for name in DAYS:
        days = values[name]
        if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
        cleaned[name] = days
    for shorter, longer in pairwise(DAYS):
        # New customers may be new as long as they are active.
        least = cleaned[shorter] + (0 if shorter == "new_days" else 1)
        if cleaned[longer] < least:
            raise Invalid(_("Each stage must last longer than the one before."), code="not_ascending", field=longer)
    for name in CUTS:
        cleaned[name] = _cuts(name, values.get(name) or [])
    return cleaned


def start_preview(*, values: Mapping[str, Any], user: User | None = None) -> Job:
    """Create the job; the task `core.run_job` hands it to a worker. Raises Invalid naming the field."""
    plan = {"values": checked(values), "version": _number()}
    return jobs.create_job(kind=KIND, label=str(_("Stages and RFM")), created_by=user, plan=plan, total=1)


def run(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Run a planned job, always from the start, because a run changes nothing."""
    progress(0, 1, force=True)
    figures = preview(job.result["values"], at=clock.now())
    progress(1, 1, force=True)
    return {"figures": figures}


def preview(values: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """Return how many customers would change stage or RFM group, and the sizes before and after.

    `stages` and `groups` are [code, customers now, customers then]. `anyway` counts the changes that the nightly
    computation would make with the present version, because windows move with time.
    """
    proposed = ScoringVersion(**values)
    moves = _moves(proposed, at)
    anyway = _moves(features.newest_version(), at)
    return {
        "at": at.isoformat(),
        "customers": sum(moves.values()),
        "stage_changes": _changed(moves, 0),
        "group_changes": _changed(moves, 1),
        "stage_anyway": _changed(anyway, 0),
        "group_anyway": _changed(anyway, 1),
        "stages": _sizes(moves, 0),
        "groups": _sizes(moves, 1),
    }


def apply(*, job: Job, actor: Actor) -> ScoringVersion:
    """Save the version of a finished preview. The caller starts the job RESCORE, which computes everyone again.

    Raises Conflict: `not_finished`, or `preview_outdated` when the job is old or another version was saved.
    """
    plan = job.result
    if job.kind != KIND or job.state != JobState.DONE or "figures" not in plan:
        raise Conflict(_("Wait until the preview has finished."), code="not_finished")
    with transaction.atomic():
        lock_name("analytics.scoring")
        number = _number()
        is_old = job.finished_at is None or job.finished_at < clock.now() - KEPT
        if is_old or plan["version"] != number:
            raise Conflict(
                _("Another version was saved since this preview, or it is too old. Preview it again."),
                code="preview_outdated",
            )
        return ScoringVersion.objects.create(number=number + 1, created_by=str(actor), **checked(plan["values"]))


# (stage, group) now, (stage, group) then
Move = tuple[tuple[str, str], tuple[str, str]]


def _moves(version: ScoringVersion | None, at: datetime) -> Counter[Move]:
    """Count the customers by what they are now and what a version would make of them."""
    cuts = features.cut_points(as_of=at, version=version)
    values = features.scoring_values(at, features.stage_limits(version), cuts)
    stage = features.STAGE.replace("{row}", "f")
    computed = f"(SELECT f.*, {stage} AS next_stage FROM analytics_customerfeature f)"  # noqa: S608 - constant fragments; values are parameters
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT stage, rfm_group, next_stage, coalesce(grid.name, ''), count(*)
                FROM {features.SCORED.format(computed=computed)} GROUP BY 1, 2, 3, 4""",  # noqa: S608 - constant fragments; values are parameters
            values,
        )
        return Counter({((stage, group), (then, cell)): count for stage, group, then, cell, count in cursor.fetchall()})


def _changed(moves: Counter[Move], place: int) -> int:
    return sum(count for (now, then), count in moves.items() if now[place] != then[place])


def _sizes(moves: Counter[Move], place: int) -> list[list[Any]]:
    now: Counter[str] = Counter()
    then: Counter[str] = Counter()
    for (before, after), count in moves.items():
        now[before[place]] += count
        then[after[place]] += count
    return [[code, now[code], then[code]] for code in sorted(now.keys() | then.keys())]


def _number() -> int:
    version = features.newest_version()
    return version.number if version else 0


def _cuts(name: str, values: Sequence[float]) -> list[float]:
    if not values:
        return []
    cuts = [float(value) for value in values]
    if len(cuts) != NUMBER_OF_CUTS or not all(math.isfinite(cut) for cut in cuts):
        raise Invalid(_("Enter four cut points, or none."), code="invalid", field=name)
    if any(later <= earlier for earlier, later in pairwise(cuts)):
        raise Invalid(_("Each cut point must be larger than the one before."), code="not_ascending", field=name)
    return cuts


__all__ = ["CUTS", "DAYS", "KIND", "LIMITS", "RESCORE", "apply", "present_values", "preview", "run", "start_preview"]
