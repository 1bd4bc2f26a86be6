"""Test coupons with a member's own token, also while the shop's server works on the same use."""

from __future__ import annotations

import threading
import uuid
from collections import Counter

import pytest
from rest_framework.test import APIClient

from campaigns.coupons.api import views
from campaigns.coupons.models import CouponUse
from campaigns.coupons.services import uses as coupon_uses
from campaigns.coupons.services import uses as coupons_uses
from campaigns.coupons.services.uses import redeem_coupon, reserve_coupon, validate_coupon
from core.base.actor import SYSTEM
from core.base.errors import DomainError
from crm.customers.api.authentication import make_member_token
from crm.customers.models import Customer
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def browser(customer: Customer) -> APIClient:
    client = APIClient()
    token = make_member_token(customer, source="storefront", seconds=600)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def reserve(code: str, customer: Customer, cart: int = 10_000) -> uuid.UUID:
    answer = reserve_coupon(
        code=code, customer=customer, cart_amount=cart, currency="CNY", key=str(uuid.uuid4()), actor=SYSTEM
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
        # then a use that the shop redeemed stays redeemed
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
    """The shop redeems after the member's request was accepted and before the database function locks the use."""
    # given
    coupon = make_coupon(code="EITHER")
    customer = Customer.objects.create(name="Ann")
    reservation = reserve("EITHER", customer)
    release, let_in, paid = coupons_uses.release_coupon, threading.Event(), threading.Event()

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


def test_a_member_releases_only_an_own_open_reservation(make_coupon):
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


def test_a_browsers_cart_reserves_no_budget(api, make_coupon):
    # given a tenth off, 1,000 fen for all, and a browser that claims a far too large cart
    coupon = make_coupon(code="TENTH", kind="percent", value=10, budget=1_000, limit_per_customer=None)
    ann = Customer.objects.create(name="Ann")
    answer = browser(ann).post(
        "/api/v1/coupons/reservations",
        {"code": "TENTH", "cart_amount": 10_000, "currency": "CNY"},
        format="json",
        HTTP_IDEMPOTENCY_KEY="k1",
    )
    assert (answer.status_code, answer.json()["discount"]) == (201, 1_000)
    coupon.refresh_from_db()
    assert (coupon.reserved_count, coupon.reserved_amount) == (1, 0)
    reserve("TENTH", Customer.objects.create(name="Bob"), 9_000)
    pay = f"/api/v1/coupons/reservations/{answer.json()['reservation']}/redeem"
    # when the server sends no cart, or a cart beyond the budget
    without = api.post(pay, {}, format="json", HTTP_IDEMPOTENCY_KEY="k2")
    too_much = api.post(pay, {"cart_amount": 1_010}, format="json", HTTP_IDEMPOTENCY_KEY="k3")
    nothing = api.post(pay, {"cart_amount": 9}, format="json", HTTP_IDEMPOTENCY_KEY="k4")
    # then
    assert (without.status_code, without.json()["errors"][0]["attr"]) == (400, "cart_amount")
    assert (too_much.status_code, too_much.json()["errors"][0]["code"]) == (422, "budget_spent")
    assert (nothing.status_code, nothing.json()["errors"][0]["code"]) == (422, "condition_failed")
    coupon.refresh_from_db()
    assert (coupon.reserved_count, coupon.redeemed_count, coupon.reserved_amount) == (2, 0, 900)
    # and the order's own amount counts
    paid = api.post(pay, {"cart_amount": 1_000}, format="json", HTTP_IDEMPOTENCY_KEY="k5")
    assert (paid.json()["state"], paid.json()["discount"], paid.json()["cart_amount"]) == ("redeemed", 100, 1_000)
    assert api.post(pay, {"cart_amount": 1_000}, format="json", HTTP_IDEMPOTENCY_KEY="k5").content == paid.content
    coupon.refresh_from_db()
    assert (coupon.reserved_amount, coupon.redeemed_amount) == (900, 100)
    use = CouponUse.objects.get(state="redeemed")
    assert (use.discount, use.cart_amount) == (100, 1_000)


def test_a_minimum_applies_to_the_final_order_amount(api, make_coupon):
    make_coupon(code="LARGE", minimum_spend=5_000)
    reservation = reserve("LARGE", Customer.objects.create(name="Ann"))
    pay = f"/api/v1/coupons/reservations/{reservation}/redeem"
    small = api.post(pay, {"cart_amount": 4_999}, format="json", HTTP_IDEMPOTENCY_KEY="k1")
    assert (small.status_code, small.json()["errors"][0]["code"]) == (422, "condition_failed")
    assert CouponUse.objects.get().state == "reserved"
    assert api.post(pay, format="json", HTTP_IDEMPOTENCY_KEY="k2").json()["state"] == "redeemed"


@pytest.mark.parametrize("who", ["customer", "guest"])
def test_64_guesses_at_once_are_no_more_than_the_limit(make_coupon, monkeypatch, who):
    # given
    make_coupon(code="RIGHT")
    customer = Customer.objects.create(name="Ann") if who == "customer" else None
    looked_at = []
    is_mistyped = coupon_uses.codes.is_mistyped
    monkeypatch.setattr(
        coupon_uses.codes, "is_mistyped", lambda code: bool(looked_at.append(code)) or is_mistyped(code)
    )

    def guess(number: int) -> str:
        try:
            return validate_coupon(
                code=f"GUESS{number}", cart_amount=10_000, currency="CNY", customer=customer, actor=SYSTEM,
                guest="" if customer else "visitor-1",
            ).reason  # fmt: skip
        except coupon_uses.TooManyGuesses:
            return "too_many_guesses"

    # when
    answers = Counter(at_once([lambda n=n: guess(n) for n in range(64)]))
    # then
    assert answers == {"unknown_code": 10, "too_many_guesses": 54}
    assert len(looked_at) == 10


def test_wrong_guesses_stop_no_other_guest(api, make_coupon):
    make_coupon(code="RIGHT", limit_per_customer=None)

    def ask(code: str, **fields) -> int:
        body = {"code": code, "cart_amount": 10_000, "currency": "CNY", **fields}
        return api.post("/api/v1/coupons/validate", body, format="json").status_code

    assert [ask(f"GUESS{n}", guest="mallory") for n in range(11)] == [200] * 10 + [429]
    assert ask("RIGHT", guest="mallory") == 429
    assert ask("RIGHT", guest="ann") == 200
    assert ask("RIGHT") == 200


def test_guests_invented_by_one_caller_share_a_limit(api, make_coupon, monkeypatch):
    monkeypatch.setattr(coupon_uses, "GUESSES_OF_A_CALLER", 20)
    make_coupon(code="RIGHT", limit_per_customer=None)
    other = Customer.objects.create(name="Ann")

    def ask(code: str, **fields) -> int:
        body = {"code": code, "cart_amount": 10_000, "currency": "CNY", **fields}
        return api.post("/api/v1/coupons/validate", body, format="json").status_code

    assert [ask(f"GUESS{n}", guest=f"made-up-{n}") for n in range(21)] == [200] * 20 + [429]
    assert ask("RIGHT", customer=other.number) == 200, "customers are counted apart"


def test_right_codes_are_not_counted(make_coupon):
    make_coupon(code="RIGHT", limit_per_customer=None)
    customer = Customer.objects.create(name="Ann")
    for _ in range(30):
        quote = validate_coupon(code="RIGHT", cart_amount=10_000, currency="CNY", customer=customer, actor=SYSTEM)
        assert quote.valid


def _outcome(command) -> str:
    try:
        return command()["state"]
    except DomainError as error:
        return error.code
