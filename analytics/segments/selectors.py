"""Reads for pages, API and other apps: segments with their trend, moves, and the figures of one customer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import BigIntegerField, Count, DateTimeField, Exists, F, Func, OuterRef, Q, QuerySet, Sum, Value
from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from analytics.features import events
from analytics.features.models import Stage
from analytics.segments.models import CustomerSegments, Segment, SegmentDay, SegmentMembership
from core.base import clock
from core.base.zones import shop_day, shop_midnight
from core.console.charts import Chart, Series
from core.events.models import DomainEvent
from core.text.formatting import day
from crm.customers.models import Customer

TREND_DAYS = 30
CHART_DAYS = 90


def trends(segments: Sequence[Segment]) -> dict[int, list[int]]:
    """Return the size at the end of each of the last 30 days, oldest first.

    Days before the first computation are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT given.id, last.size
               FROM unnest(%s::bigint[]) AS given(id)
               CROSS JOIN generate_series(%s - 1, 0, -1) AS back(days)
               CROSS JOIN LATERAL (SELECT z.size FROM analytics_segmentday z
                                   WHERE z.segment_id = given.id AND z.day <= %s::date - back.days
                                   ORDER BY z.day DESC LIMIT 1) AS last
               ORDER BY given.id, back.days DESC""",
            [[segment.pk for segment in segments], TREND_DAYS, shop_day(clock.now())],
        )
        sizes: dict[int, list[int]] = {segment.pk: [] for segment in segments}
        for pk, size in cursor.fetchall():
            sizes[pk].append(size)
    return sizes


class _At(Func):
    """An element of an array of times."""

    template, arg_joiner = "%(expressions)s]", "["
    output_field = DateTimeField()


def members(segment: Segment) -> QuerySet[CustomerSegments]:
    """Return the current members of a segment, with `entered_at`."""
    place = Func(F("inside"), Value(segment.pk, BigIntegerField()), function="array_position")
    return CustomerSegments.objects.filter(inside__contains=[segment.pk]).annotate(entered_at=_At("since", place))


def members_at(segment: Segment, moment: datetime) -> QuerySet[SegmentMembership]:
    """Return the members of a segment at a past moment (S1)."""
    rows = SegmentMembership.objects.filter(segment=segment, entered_at__lte=moment)
    return rows.filter(Q(left_at=None) | Q(left_at__gt=moment)).select_related("customer__features")


def moves(segment: Segment, *, entered: bool, since: date | None = None) -> QuerySet[SegmentMembership]:
    """Return the memberships that started, or that ended when `entered` is false: all, or those since a shop day."""
    rows = SegmentMembership.objects.filter(segment=segment).select_related("customer__features")
    if since is not None:
        first = shop_midnight(since)
        return rows.filter(entered_at__gte=first) if entered else rows.filter(left_at__gte=first)
    return rows if entered else rows.filter(left_at__isnull=False)


def size_charts(segment: Segment) -> list[Chart]:
    """Return two charts of the last 90 days: the size at the end of each day, and who entered and left on each day."""
    today = shop_day(clock.now())
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT given.day::date, last.size, coalesce(own.entered_count, 0), coalesce(own.left_count, 0)
               FROM generate_series(%s::date - %s + 1, %s::date, interval '1 day') AS given(day)
               CROSS JOIN LATERAL (SELECT z.size FROM analytics_segmentday z
                                   WHERE z.segment_id = %s AND z.day <= given.day ORDER BY z.day DESC LIMIT 1) AS last
               LEFT JOIN analytics_segmentday own ON own.segment_id = %s AND own.day = given.day ORDER BY 1""",
            [today, CHART_DAYS, today, segment.pk, segment.pk],
        )
        rows = cursor.fetchall()
    if not rows:
        return []
    labels = [day(row[0]) for row in rows]
    sizes = [Series(_t("Customers"), [row[1] for row in rows])]
    moved = [
        Series(pgettext("segment", "Entered"), [row[2] for row in rows], tone="good"),
        Series(pgettext("segment", "Left"), [row[3] for row in rows], below=True, tone="bad"),
    ]
    return [
        Chart(
            f"segment-{segment.pk}-size",
            _t("Size over time"),
            _t("Day"),
            labels,
            sizes,
            kind="line" if len(rows) > 1 else "bar",
        ),
        Chart(f"segment-{segment.pk}-moves", _t("Entered and left"), _t("Day"), labels, moved),
    ]


def inside_of(customer_ids: Collection[int]) -> dict[int, dict[int, datetime]]:
    """Return {customer: {segment: time of entry}} for customers that are in any segment now."""
    rows = CustomerSegments.objects.filter(customer__in=customer_ids).values_list("customer_id", "inside", "since")
    return {customer: dict(zip(inside, since, strict=True)) for customer, inside, since in rows}


def segments_of(customer: Customer) -> list[SegmentMembership]:
    """Return the current segments of a customer, by name."""
    inside = inside_of([customer.pk]).get(customer.pk, {})
    return [
        SegmentMembership(segment=segment, customer=customer, entered_at=inside[segment.pk])
        for segment in Segment.objects.filter(pk__in=inside).order_by("name")
    ]


def since_when(segment: Segment, customer: Customer) -> datetime | None:
    """Return since when a customer is in a segment, or None when the customer is not in it."""
    return inside_of([customer.pk]).get(customer.pk, {}).get(segment.pk)


@dataclass(frozen=True)
class Moves:
    entered: int
    left: int


def first_day_of_moves(days: int = 7) -> date:
    """Return the first of the last days of the shop; the last one is today."""
    return shop_day(clock.now()) - timedelta(days=days - 1)


def segment_moves(days: int = 7) -> Moves:
    """Count how often customers entered and left active segments, today and on the days before."""
    active = SegmentDay.objects.filter(segment__in=Segment.objects.active(), day__gte=first_day_of_moves(days))
    sums = active.aggregate(entered=Sum("entered_count", default=0), left=Sum("left_count", default=0))
    return Moves(**sums)


def stage_changes(days: int = 7) -> QuerySet[DomainEvent]:
    """Return the changes of stages in the last days."""
    since = clock.now() - timedelta(days=days)
    return DomainEvent.objects.filter(kind=events.STAGE_CHANGED.kind, recorded_at__gte=since)


def stage_moves(days: int = 7) -> dict[str, int]:
    """Count the active customers that came into each stage from another one, each once."""
    active = Customer.objects.active().filter(pk=OuterRef("subject_id"))
    rows = (
        stage_changes(days)
        .filter(Exists(active))
        .values_list("payload__to")
        .annotate(count=Count("subject_id", distinct=True))
    )
    counts = dict(rows)
    return {stage: counts[stage] for stage in Stage.values if counts.get(stage)}


def moves_of(segments: Sequence[Segment]) -> dict[int, Moves]:
    """Return {segment id: moves of the last seven days}, without segments that had none."""
    days = SegmentDay.objects.filter(segment__in=segments, day__gte=first_day_of_moves())
    rows = days.values_list("segment").annotate(Sum("entered_count"), Sum("left_count")).order_by()
    return {pk: Moves(entered, left) for pk, entered, left in rows}


@dataclass(frozen=True)
class SegmentMove:
    """Hold the size of a segment and how it moved in the last days."""

    segment: Segment
    entered: int
    left: int

    @property
    def change(self) -> int:
        return self.entered - self.left


def biggest_moves(days: int = 7, limit: int = 8) -> list[SegmentMove]:
    """Return the active segments by their moves of the last days, most first, then by size."""
    recent = Q(days__day__gte=first_day_of_moves(days))
    rows = Segment.objects.active().annotate(
        entered=Sum("days__entered_count", filter=recent, default=0),
        left=Sum("days__left_count", filter=recent, default=0),
    )
    ordered = rows.order_by(-(F("entered") + F("left")), "-size", "name")
    return [SegmentMove(row, row.entered, row.left) for row in ordered[:limit]]
