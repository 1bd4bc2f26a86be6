"""Helpers to put customers into segments without a computation: they write the resulting tables."""

from __future__ import annotations

from datetime import datetime

from analytics.segments.models import CustomerSegments, Segment, SegmentLeaving
from core.base import clock
from crm.customers.models import Customer


def put_in(segment: Segment, *customers: Customer | int, at: datetime | None = None) -> None:
    """Add customers to a segment since `at` or now. Existing members keep their time."""
    Segment.objects.filter(pk=segment.pk).update(computed_version=segment.version)
    segment.computed_version = segment.version
    for customer in customers:
        row = _row(customer)
        _keep(row, {segment.pk: at or clock.now()} | dict(zip(row.inside, row.since, strict=True)))


def take_out(segment: Segment, *customers: Customer | int, at: datetime | None = None) -> None:
    for customer in customers:
        row = _row(customer)
        held = dict(zip(row.inside, row.since, strict=True))
        SegmentLeaving.objects.create(
            segment=segment, left_at=at or clock.now(), customers=[row.pk], entered=[held.pop(segment.pk)]
        )
        _keep(row, held)


def empty(*segments: int) -> None:
    """Delete all memberships of these segments, past and present."""
    SegmentLeaving.objects.filter(segment__in=segments).delete()
    for row in CustomerSegments.objects.all():
        held = zip(row.inside, row.since, strict=True)
        _keep(row, {segment: since for segment, since in held if segment not in segments})


def _row(customer: Customer | int) -> CustomerSegments:
    pk = customer if isinstance(customer, int) else customer.pk
    return CustomerSegments.objects.get_or_create(customer_id=pk, defaults={"inside": [], "since": []})[0]


def _keep(row: CustomerSegments, held: dict[int, datetime]) -> None:
    row.inside = sorted(held)
    row.since = [held[segment] for segment in row.inside]
    row.save()
