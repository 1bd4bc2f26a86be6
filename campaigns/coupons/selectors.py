"""Reads of coupons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from campaigns.channels.selectors import since
from campaigns.coupons.models import GENERATE, ISSUE, Coupon, CouponCode, CouponUse, UseState
from campaigns.coupons.rules import codes
from core.jobs.models import Job, JobState
from crm.customers.models import Customer


def jobs_of(coupon: Coupon, limit: int = 5) -> list[Job]:
    kinds = [ISSUE, GENERATE]
    return list(Job.objects.filter(kind__in=kinds, result__coupon=coupon.pk).order_by("-pk")[:limit])


def is_open(job: Job) -> bool:
    return job.state in {JobState.QUEUED, JobState.RUNNING}


def redeemed_lately(days: int = 7) -> list[tuple[str, int, int]]:
    """Return (currency, uses, discount), the currency with most uses first."""
    rows = CouponUse.objects.filter(state=UseState.REDEEMED, redeemed_at__gte=since(days))
    totals: dict[str, tuple[int, int]] = {}
    for currency, discount, count in (
        rows.values_list("coupon__currency", "discount").annotate(count=Count("pk")).order_by()
    ):
        uses, amount = totals.get(currency, (0, 0))
        totals[currency] = (uses + count, amount + discount * count)
    return sorted(((currency, *sums) for currency, sums in totals.items()), key=lambda item: -item[1])


@dataclass(frozen=True)
class HeldCoupon:
    """Hold one code of a customer. `state`: valid, used, expired."""

    code: str
    coupon: Coupon
    state: str
    expires_at: datetime | None
    uses_left: int | None


def coupons_of(customer: Customer, now: datetime) -> list[HeldCoupon]:
    """Return the customer's own codes, newest first."""
    rows = CouponCode.objects.filter(customer=customer).select_related("coupon").order_by("-created_at", "-pk")[:200]
    return [held_coupon(row, now) for row in rows]


def held_coupon(row: CouponCode, now: datetime) -> HeldCoupon:
    ends = [moment for moment in (row.expires_at, row.coupon.ends_at) if moment is not None]
    expires = min(ends) if ends else None
    uses_left = None if row.use_limit is None else row.use_limit - row.reserved_count - row.redeemed_count
    if uses_left == 0:
        state = "used"
    elif not row.coupon.active or (expires and expires <= now):
        state = "expired"
    else:
        state = "valid"
    return HeldCoupon(codes.shown(row.code), row.coupon, state, expires, uses_left)


def uses_of(coupon: Coupon) -> QuerySet[CouponUse]:
    return CouponUse.objects.filter(coupon=coupon).select_related("code", "customer").order_by("-reserved_at")
