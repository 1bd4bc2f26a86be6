"""Segments: create, change and archive saved rules (S1-S3). `segment_runs` computes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from analytics.conditions.rules.dependencies import cycle_through
from analytics.conditions.rules.trees import Node
from analytics.conditions.services.compilation import clean_rule, compile_rule, is_time_based, used_segments
from analytics.segments.models import Segment, SegmentKind, SegmentState
from analytics.segments.services.figures import (
    LeafReason,
    RuleReason,
    SegmentFigures,
    count_rule,
    explain_rule,
    figures_of,
    reach_of_members,
)
from analytics.segments.services.memberships import lock_memberships, move
from analytics.segments.services.runs import compute_segments, due_segments, refresh_changed
from core.base.actor import Actor, RequestUser
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_name, lock_row
from core.jobs.queueing import enqueue_after_commit

# The lock prevents that two rules which name each other are saved at the same moment.
RULES_LOCK = "analytics.segment-rules"


def create_segment(
    *, name: str, rule: Any, actor: Actor, description: str = "", created_by: RequestUser | None = None
) -> Segment:
    """Save a new segment and queue its computation; until then its size is unknown, not 0."""
    cleaned = clean_rule(rule)
    check_name(name, None)
    segment = save_named(
        Segment(
            name=name.strip(),
            description=description.strip()[:400],
            rule=cleaned,
            created_by=created_by,
            owner_id=actor.user_id,
        )
    )
    enqueue_after_commit("analytics.compute_segment", segment.pk, seconds=300)
    return segment


def segments_by_rule(rules: Sequence[Any]) -> dict[int, Segment]:
    """Return the oldest active segment with each of these rules, by the place of the rule."""
    cleaned = [clean_rule(rule) for rule in rules]
    rows = Segment.objects.active().filter(kind=SegmentKind.RULE, rule__in=cleaned).order_by("-pk")
    return {place: row for row in rows for place, rule in enumerate(cleaned) if row.rule == rule}


def ensure_segment(*, name: str, rule: Any, actor: Actor, created_by: RequestUser | None = None) -> Segment:
    """Return the active segment with this rule; create it when there is none.

    When another segment has the name, the new one gets the next free number behind it.
    """
    with transaction.atomic():
        lock_name(RULES_LOCK)
        if existing := segments_by_rule([rule]):
            return existing[0]
        names = set(Segment.objects.filter(name__startswith=name).values_list("name", flat=True))
        free = next(one for number in count(1) if (one := name if number == 1 else f"{name} {number}") not in names)
        return create_segment(name=free, rule=rule, actor=actor, created_by=created_by)


def update_segment(
    *, segment: Segment, actor: Actor, name: str | None = None, rule: Any = None, description: str | None = None
) -> Segment:
    """Change the given values. Values that are not given keep the latest state, which another person may have saved.

    A changed rule is a new version; its computation compares with the members of the old version.

    Raises Invalid `cycle` when the rule would refer to the segment itself; the message names the path.
    """
    cleaned = None if rule is None else clean_rule(rule)
    with transaction.atomic():
        lock_name(RULES_LOCK)
        if cleaned is not None:
            _check_cycle(segment, cleaned)
        locked = lock_row(Segment.objects.filter(pk=segment.pk))
        describe(locked, name, description)
        if cleaned is not None and locked.rule != cleaned:
            locked.rule = cleaned
            locked.version += 1
        locked.updated_at = Now()  # type: ignore[assignment]
        save_named(locked)
        locked.refresh_from_db()
        if not locked.is_current:
            enqueue_after_commit("analytics.compute_segment", locked.pk, seconds=300)
    return locked


def archive_segment(*, segment: Segment, actor: Actor) -> Segment:
    """Archive a segment; its members leave now. Raises Conflict `in_use` while other segments use it."""
    with transaction.atomic():
        lock_name(RULES_LOCK)
        users = [row.name for row in Segment.objects.active() if segment.pk in used_segments(row.rule)]
        if users:
            text = _("Other segments use this one: %(names)s.") % {"names": ", ".join(users[:5])}
            raise Conflict(text, code="in_use")
        at = lock_memberships()
        locked = lock_row(Segment.objects.filter(pk=segment.pk))
        locked.state = SegmentState.ARCHIVED
        locked.save(update_fields=["state"])
        move(
            """SELECT k.customer_id, '{}'::bigint[], ARRAY[%s]::bigint[] FROM analytics_customersegments k
               WHERE %s = ANY(k.inside) ORDER BY k.customer_id""",
            [locked.pk, locked.pk],
            at=at,
        )
        locked.refresh_from_db()
    return locked


def _check_cycle(segment: Segment, rule: Node) -> None:
    rows = {row.pk: row for row in Segment.objects.active()}
    uses = {pk: used_segments(row.rule) for pk, row in rows.items()} | {segment.pk: used_segments(rule)}
    way = cycle_through(uses, segment.pk)
    if way:
        names = pgettext("way", " → ").join(rows[pk].name for pk in way)
        raise Invalid(_("A segment can't refer to itself: %(way)s.") % {"way": names}, code="cycle", field="rule")


def describe(segment: Segment, name: str | None, description: str | None) -> None:
    """Set the given name and description of a locked segment. Raises Invalid."""
    if name is not None:
        check_name(name, segment.pk)
        segment.name = name.strip()
    if description is not None:
        segment.description = description.strip()[:400]


def check_name(name: str, own: int | None) -> None:
    clean_name = name.strip()
    if not clean_name or len(clean_name) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if Segment.objects.filter(name=clean_name).exclude(pk=own).exists():
        raise Invalid(_("Another segment has this name."), code="name_taken", field="name")


def save_named(segment: Segment) -> Segment:
    """Save a segment. Raises Invalid `name_taken` when the name was taken after the check."""
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError:
        raise Invalid(_("Another segment has this name."), code="name_taken", field="name") from None
    return segment


__all__ = [
    "LeafReason",
    "RuleReason",
    "SegmentFigures",
    "archive_segment",
    "clean_rule",
    "compile_rule",
    "compute_segments",
    "count_rule",
    "create_segment",
    "due_segments",
    "explain_rule",
    "figures_of",
    "is_time_based",
    "reach_of_members",
    "refresh_changed",
    "update_segment",
]
