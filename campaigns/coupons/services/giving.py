"""Give coupons by hand, within the daily limit of the staff member's role (L13)."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import Coupon, CouponBudget, CouponCode
from campaigns.coupons.services.codes import issue_coupon
from core.base import clock
from core.base.actor import of_user
from core.base.errors import Refused
from core.base.zones import shop_day
from core.security.models import User
from crm.customers.models import Customer
from loyalty.ledger.selectors.allowances import limits_of


def give_coupon(*, customer: Customer, coupon: Coupon, user: User, mark: str) -> CouponCode:
    """Give one customer a code by hand, once per `mark`, and count it in the staff member's day.

    Raises Refused `coupon_budget_spent` with the number left, and Conflict as `issue_coupon` does; then nothing is
    counted.
    """
    cause = f"staff:{user.pk}:{mark}"
    with transaction.atomic():
        # Lock the day's row first, so that concurrent clicks are counted one after another.
        given_today = _count(user, 0)
        if not CouponCode.objects.filter(coupon=coupon, customer=customer, issued_for=cause).exists():
            remaining = max(limits_of(user).coupons_per_day - given_today, 0)
            if not remaining:
                raise Refused(
                    _("You have reached the daily coupon limit of your role."),
                    code="coupon_budget_spent",
                    field="coupon",
                    left=remaining,
                )
            _count(user, 1)
        return issue_coupon(customer=customer, coupon=coupon, cause=cause, actor=of_user(user))


def coupons_left(user: User) -> int:
    """Return how many coupons the staff member may still give by hand today."""
    row = CouponBudget.objects.filter(user=user, day=shop_day(clock.now())).first()
    return max(limits_of(user).coupons_per_day - (row.given if row else 0), 0)


def _count(user: User, coupons: int) -> int:
    """Add to the number that the user has given today and return the total. The day's row stays locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO campaigns_couponbudget AS kept (user_id, day, given) VALUES (%s, %s, %s)
               ON CONFLICT (user_id, day) DO UPDATE SET given = kept.given + excluded.given RETURNING given""",
            [user.pk, shop_day(clock.now()), coupons],
        )
        return cursor.fetchone()[0]
