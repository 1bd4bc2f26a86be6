"""Test that coupons given by hand stay within the daily limit of the staff member (L13)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.coupons.models import CouponBudget, CouponCode
from campaigns.coupons.services.coupons import create_coupon
from campaigns.coupons.services.giving import coupons_left, give_coupon
from core.base.actor import SYSTEM
from core.base.errors import DomainError, Refused
from core.security.roles import Role
from loyalty.ledger.rules.limits import Limits
from loyalty.ledger.services.limits import set_limits
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def coupon(store):
    set_limits(role=Role.AGENT.value, limits=Limits(500, 2000, 3), actor=SYSTEM)
    return create_coupon(name="Sorry", kind="percent", value=10, limit_per_customer=None, actor=SYSTEM)


def test_a_day_has_a_limit_and_a_repeat_does_not_count(coupon, staff, make_customer):
    # given an agent with three a day, who gives two, one of them by two clicks
    agent, other, customer = staff(Role.AGENT), staff(Role.AGENT), make_customer()
    for mark in ("a", "a", "b"):
        give_coupon(customer=customer, coupon=coupon, user=agent, mark=mark)
    assert (CouponCode.objects.count(), coupons_left(agent)) == (2, 1)

    # when a third and a fourth follow, then the fourth is refused and changes nothing
    give_coupon(customer=customer, coupon=coupon, user=agent, mark="c")
    with pytest.raises(Refused) as refused:
        give_coupon(customer=customer, coupon=coupon, user=agent, mark="d")
    assert (refused.value.code, refused.value.details) == ("coupon_budget_spent", {"left": 0})
    assert (CouponCode.objects.count(), CouponBudget.objects.get().given) == (3, 3)

    # then a repeat still answers, other users have their own limit, and tomorrow the limit is new
    assert give_coupon(customer=customer, coupon=coupon, user=agent, mark="a").issued_for == f"staff:{agent.pk}:a"
    assert coupons_left(other) == 3
    CouponBudget.objects.update(day=CouponBudget.objects.get().day - timedelta(days=1))
    assert coupons_left(agent) == 3


def test_the_page_shows_the_remaining_coupons_and_refuses_the_next(coupon, client, staff, make_customer):
    customer = make_customer()
    set_limits(role=Role.AGENT.value, limits=Limits(500, 2000, 1), actor=SYSTEM)
    client.force_login(staff(Role.AGENT))
    page = reverse("customer", args=[customer.number]) + "?tab=coupons"
    assert "Left today: 1 coupon." in " ".join(client.get(page).content.decode().split())
    for mark in ("a", "b"):
        client.post(reverse("coupon_give", args=[customer.number]), {"coupon": coupon.pk, "mark": mark})
    assert "Left today: 0 coupons." in " ".join(client.get(page).content.decode().split())
    assert CouponCode.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_clicks_stay_within_the_daily_limit(coupon, staff, make_customer):
    agent, customer = staff(Role.AGENT), make_customer()
    outcomes: list[str] = []

    def click(number: int) -> None:
        try:
            give_coupon(customer=customer, coupon=coupon, user=agent, mark=str(number))
            outcomes.append("done")
        except DomainError as error:
            outcomes.append(error.code)

    storm(8, click)
    assert sorted(outcomes) == ["coupon_budget_spent"] * 5 + ["done"] * 3
    assert (CouponCode.objects.count(), CouponBudget.objects.get().given) == (3, 3)
