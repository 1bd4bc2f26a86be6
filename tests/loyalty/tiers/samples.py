"""Helpers shared by the tests of tiers."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from core.events.models import DomainEvent
from loyalty.program.models import Member, Program
from loyalty.tiers.models import Tier, TierPeriod

NIGHT = timedelta(days=1)


def tier_of(member: Member) -> str:
    member.refresh_from_db()
    return member.tier.code if member.tier else ""


def intervals(member: Member) -> list[tuple[str, str, bool]]:
    """Return (tier, reason, still open), oldest first."""
    rows = TierPeriod.objects.filter(member=member).order_by("started_at", "pk").select_related("tier")
    return [(row.tier.code if row.tier else "", row.reason, row.ended_at is None) for row in rows]


def tier(program: Program, code: str) -> Tier:
    return Tier.objects.get(program=program, code=code)


def event_payloads(kind: str = "loyalty.tier_changed") -> list[dict]:
    return list(DomainEvent.objects.filter(kind=kind).order_by("pk").values_list("payload", flat=True))


def later(days: float) -> datetime:
    return timezone.now() + timedelta(days=days)
