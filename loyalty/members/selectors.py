"""Reads of members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL

from core.base import clock
from core.db.statements import statement
from crm.orders.models import Order
from crm.orders.selectors.bought import order_counts
from loyalty.program.models import Member, MemberState, Program
from loyalty.tiers.models import Tier

PERIOD_DAYS = 30
NOTHING = {"net": 0, "orders": 0, "buyers": 0, "repeat": 0}


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


def members_periods(days: int = PERIOD_DAYS) -> dict[str, Any]:
    """Return what members bought in the last days and in the days before, in a form that can be kept.

    `repeat` are the buyers who had bought before, or bought again in the period.
    """
    program = Program.objects.default()
    if program is None:
        return {"currency": "", "now": NOTHING, "before": NOTHING}
    now = clock.now()
    since, earlier = now - timedelta(days=days), now - timedelta(days=2 * days)
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "periods", order_counts=order_counts("o")),
            {
                "names": ["now", "before"],
                "starts": [since, earlier],
                "ends": [now, since],
                "currency": program.currency,
                "program": program.pk,
            },
        )
        rows = {
            name: {"net": net, "orders": orders, "buyers": buyers, "repeat": repeat}
            for name, net, orders, buyers, repeat in cursor.fetchall()
        }
    return {"currency": program.currency, "now": rows.get("now", NOTHING), "before": rows.get("before", NOTHING)}


def buyers(program: Program, *, repeat: bool = False, days: int = PERIOD_DAYS) -> RawSQL:
    """Return the ids of the customers that `members_periods` counts as buyers of the last days, or as repeat buyers."""
    now = clock.now()
    sql = statement(__package__, "buyers", order_counts=order_counts("o"))
    return RawSQL(sql, [program.pk, now - timedelta(days=days), now, program.currency, repeat])  # noqa: S611


def orders_of_members(orders: QuerySet[Order], program: Program, days: int = PERIOD_DAYS) -> QuerySet[Order]:
    """Return these orders as far as `members_periods` counts them for the last days."""
    now = clock.now()
    members = Member.objects.active().filter(program=program, customer=OuterRef("customer"))
    counted = orders.bought().filter(  # type: ignore[attr-defined]
        paid_at__gte=now - timedelta(days=days), paid_at__lt=now, currency=program.currency
    )
    return counted.filter(Exists(members))  # type: ignore[no-any-return]
