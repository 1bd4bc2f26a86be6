"""Reads of members."""

from __future__ import annotations

from django.db.models import QuerySet

from loyalty.program.models import Member, MemberState, Program
from loyalty.tiers.models import Tier


def members(program: Program, tier_code: str) -> QuerySet[Member]:
    """Return active members, of one tier if its code is known. "none" is below the first tier.

    "suspended" returns the suspended members instead.
    """
    everyone = Member.objects.filter(program=program).select_related("customer", "tier")
    if tier_code == MemberState.SUSPENDED:
        return everyone.filter(state=MemberState.SUSPENDED)
    rows = everyone.active()  # type: ignore[attr-defined]
    if tier_code == "none":
        return rows.filter(tier=None)
    if tier_code and (tier := Tier.objects.filter(program=program, code=tier_code).first()):
        return rows.filter(tier=tier)
    return rows
