"""Background tasks of coupons."""

from __future__ import annotations

from celery import shared_task

from campaigns.coupons.services import uses as coupon_uses


@shared_task(name="campaigns.sweep_reservations")
def sweep_reservations() -> int:
    return coupon_uses.sweep_reservations()
