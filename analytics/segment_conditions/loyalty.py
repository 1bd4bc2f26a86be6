"""Membership: tier and points."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from analytics.conditions import CONDITIONS, choice, flag, number
from loyalty.models import Program, Tier

GROUP = _("Membership")


def _tiers():
    program = Program.objects.default()
    tiers = Tier.objects.filter(program=program).order_by("rank") if program else []
    return [("0", _("No tier")), *((str(tier.rank), tier.label) for tier in tiers)]


def register() -> None:
    for condition in (
        flag("is_member", _("Is a member"), GROUP, "f.is_member"),
        choice("tier", _("Tier"), GROUP, "f.tier_rank", _tiers),
        number("tier_rank", _("Tier rank"), GROUP, "f.tier_rank"),
        number("points_available", _("Points available"), GROUP, "f.points_available"),
    ):
        CONDITIONS.register(condition.name, condition)
