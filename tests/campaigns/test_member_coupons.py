"""What a member's own token can do with coupons, also while the shop's server is at the same use."""

from __future__ import annotations

import threading
import uuid
from collections import Counter

import pytest
from rest_framework.test import APIClient

from campaigns.api import views
from campaigns.models import CouponUse
from campaigns.services.coupon_uses import redeem_coupon, reserve_coupon
from core.actor import SYSTEM
from core.errors import DomainError
from crm.api.authentication import make_member_token
from crm.models import Customer
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def browser(customer: Customer) -> APIClient:
    client = APIClient()
    token = make_member_token(customer, source="storefront", seconds=600)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def reserve(code: str, customer: Customer) -> uuid.UUID:
    answer = reserve_coupon(
        code=code, customer=customer, cart_amount=10_000, currency="CNY", key=str(uuid.uuid4()), actor=SYSTEM
    )
    return uuid.UUID(answer["reservation"])


def drop(client: APIClient, reservation: uuid.UUID, key: str = ""):
    return client.post(
        f"/api/v1/coupons/reservations/{reservation}/release", HTTP_IDEMPOTENCY_KEY=key or f"drop-{reservation}"
    )


def test_a_member_never_frees_what_the_shop_has_redeemed(make_coupon):
    # given a reservation for each of 40 customers
    coupon = make_coupon(code="EITHER")
    customers = [Customer.objects.create(name=f"C{n}") for n in range(40)]
    answers: Counter = Counter()
    for customer in customers:
        reservation = reserve("EITHER", customer)
        client = browser(customer)
        # when the shop's payment and the member's browser end it at the same moment
        paid, dropped = at_once(
            [
                lambda r=reservation: _outcome(lambda: redeem_coupon(reservation=r, key=f"pay-{r}", actor=SYSTEM)),
                lambda r=reservation, c=client: drop(c, r).status_code,
            ]
        )
        # then what the shop redeemed stays redeemed
        answers[paid, dropped] += 1
        state = CouponUse.objects.get(pk=reservation).state
        assert (paid, dropped, state) in {
            ("redeemed", 404, "redeemed"),
            ("reservation_released", 200, "released"),
        }
    coupon.refresh_from_db()
    redeemed = sum(count for (paid, _dropped), count in answers.items() if paid == "redeemed")
    assert (coupon.reserved_count, coupon.redeemed_count) == (0, redeemed)


def test_a_payment_between_the_members_request_and_the_lock_wins(make_coupon, monkeypatch):
    """The shop redeems after the member's request was let in and before the database function locks the use."""
    # given
    coupon = make_coupon(code="EITHER")
    customer = Customer.objects.create(name="Ann")
    reservation = reserve("EITHER", customer)
    release, let_in, paid = views.release_coupon, threading.Event(), threading.Event()

    def late(**values):
        let_in.set()
        assert paid.wait(10)
        return release(**values)

    monkeypatch.setattr(views, "release_coupon", late)

    def pay():
        assert let_in.wait(10)
        try:
            return redeem_coupon(reservation=reservation, key="pay", actor=SYSTEM)["state"]
        finally:
            paid.set()

    # when
    answer, state = at_once([lambda: drop(browser(customer), reservation), pay])
    # then
    assert (state, answer.status_code) == ("redeemed", 404)
    assert answer.json()["errors"][0]["code"] == "unknown_reservation"
    assert CouponUse.objects.get(pk=reservation).state == "redeemed"
    coupon.refresh_from_db()
    assert (coupon.redeemed_count, coupon.redeemed_amount) == (1, 2_000)


def test_a_member_drops_only_an_own_open_reservation(make_coupon):
    # given
    coupon = make_coupon(code="EITHER")
    ann, bob = Customer.objects.create(name="Ann"), Customer.objects.create(name="Bob")
    anns, bobs = reserve("EITHER", ann), reserve("EITHER", bob)
    # when, then
    refused = drop(browser(ann), bobs)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (404, "unknown_reservation")
    assert CouponUse.objects.get(pk=bobs).state == "reserved"
    first = drop(browser(ann), anns, key="once")
    assert (first.status_code, first.json()["state"]) == (200, "released")
    assert drop(browser(ann), anns, key="once").content == first.content
    again = drop(browser(ann), anns, key="other")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "reservation_released")
    coupon.refresh_from_db()
    assert (coupon.reserved_count, coupon.redeemed_count) == (1, 0)


def _outcome(command) -> str:
    try:
        return command()["state"]
    except DomainError as error:
        return error.code
