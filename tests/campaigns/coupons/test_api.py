"""Test the coupon and inbox endpoints: their answers, and access to them."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from campaigns.coupons.models import CouponUse
from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message, send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.api.authentication import make_member_token
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    def make(customer) -> APIClient:
        client = APIClient()
        token = make_member_token(customer, source="storefront", seconds=600)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    return make


def cart(code, customer=None, **fields):
    return {
        "code": code,
        "cart_amount": 10_000,
        "currency": "CNY",
        "customer": customer.number if customer else "",
        **fields,
    }


def post(client, path, body=None, key=""):
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(f"/api/v1/{path}", body or {}, format="json", **headers)


def test_a_coupon_from_validation_to_release(api, make_coupon, make_customer):
    coupon, customer = make_coupon(code="SAVE20", minimum_spend=5_000), make_customer()
    quote = post(api, "coupons/validate", cart("save-20", customer)).json()
    assert quote == {"code": "SAVE20", "valid": True, "discount": 2_000, "reason": "", "details": {}}
    refused = post(api, "coupons/validate", cart("SAVE20", customer, cart_amount=4_999)).json()
    assert (refused["valid"], refused["reason"]) == (False, "condition_failed")
    assert refused["details"] == {"condition": "minimum_spend", "minimum_spend": 5_000}

    first = post(api, "coupons/reservations", cart("SAVE20", customer, reference="cart-1"), key="k1")
    again = post(api, "coupons/reservations", cart("SAVE20", customer, reference="cart-1"), key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    reservation = first.json()["reservation"]
    assert first.json()["coupon"] == coupon.pk
    other = post(api, "coupons/reservations", cart("SAVE20", customer, reference="cart-2"), key="k1")
    assert (other.status_code, other.json()["errors"][0]["code"]) == (409, "idempotency_key_reused")
    second = post(api, "coupons/reservations", cart("SAVE20", customer, reference="cart-2"), key="k2")
    assert (second.status_code, second.json()["errors"][0]["code"]) == (422, "customer_limit")

    assert post(api, f"coupons/reservations/{reservation}/redeem", key="k3").json()["state"] == "redeemed"
    assert post(api, f"coupons/reservations/{reservation}/release", key="k4").json()["state"] == "released"
    gone = post(api, f"coupons/reservations/{reservation}/redeem", key="k5")
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (409, "reservation_released")
    missing = post(api, f"coupons/reservations/{uuid.uuid4()}/redeem", key="k6")
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "unknown_reservation")
    keyless = post(api, f"coupons/reservations/{reservation}/redeem")
    assert (keyless.status_code, keyless.json()["errors"][0]["code"]) == (400, "idempotency_key_missing")


def test_codes_are_issued_once_per_cause_and_listed(api, make_coupon, make_customer):
    coupon, customer = make_coupon(name="Gift", valid_days=7), make_customer()
    first = post(api, f"coupons/{coupon.pk}/issue", {"customer": customer.number, "cause": "apology 1"}).json()
    again = post(api, f"coupons/{coupon.pk}/issue", {"customer": customer.number, "cause": "apology 1"}).json()
    assert first == again
    assert (first["state"], first["uses_left"], first["value"]) == ("valid", 1, 2_000)
    assert api.get(f"/api/v1/customers/{customer.number}/coupons").json() == [first]
    coupon.refresh_from_db()
    assert coupon.issued_count == 1
    public = make_coupon(code="PUBLIC")
    refused = post(api, f"coupons/{public.pk}/issue", {"customer": customer.number, "cause": "x"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "public_coupon")
    assert post(api, "coupons/999999/issue", {"customer": customer.number, "cause": "x"}).status_code == 404


def test_guessing_is_stopped_with_429(api, make_customer):
    customer = make_customer()
    answers = [post(api, "coupons/validate", cart(f"GUESS{n}", customer)) for n in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].json()["errors"][0]["code"] == "too_many_guesses"


def test_a_members_token_is_limited_to_its_own_customer(member, make_coupon, make_customer):
    make_coupon(code="SAVE20")
    ada, bob = make_customer("Ada"), make_customer("Bob")
    client = member(ada)
    assert post(client, "coupons/validate", cart("SAVE20")).json()["valid"]
    assert post(client, "coupons/validate", cart("SAVE20", bob)).status_code == 404
    own = post(client, "coupons/reservations", cart("SAVE20"), key="k1").json()["reservation"]
    assert CouponUse.objects.get().customer_id == ada.pk
    assert post(client, f"coupons/reservations/{own}/redeem", key="k2").status_code == 403
    assert post(member(bob), f"coupons/reservations/{own}/release", key="k3").status_code == 404
    assert post(client, f"coupons/reservations/{own}/release", key="k4").status_code == 200
    assert client.get(f"/api/v1/customers/{bob.number}/coupons").status_code == 404
    assert client.get(f"/api/v1/customers/{bob.number}/inbox").status_code == 404
    assert client.get(f"/api/v1/customers/{ada.number}/coupons").json() == []


def test_scopes_close_what_they_do_not_open(server_key, make_customer):
    customer = make_customer()
    reader = APIClient()
    reader.credentials(HTTP_AUTHORIZATION=f"Bearer {server_key('coupons:read')}")
    assert post(reader, "coupons/validate", cart("X", customer)).status_code == 200
    assert post(reader, "coupons/reservations", cart("X", customer), key="k").status_code == 403
    assert reader.get(f"/api/v1/customers/{customer.number}/inbox").status_code == 403
    assert APIClient().get(f"/api/v1/customers/{customer.number}/coupons").status_code == 401


def test_the_inbox_is_listed_counted_and_read(api, member, make_customer):
    policy()
    template = save_template(
        name="In", channel="inbox", texts=[Text("en", "Hello {{ customer.name }}", "Hi")], actor=SYSTEM
    )
    ada, bob = make_customer("Ada"), make_customer("Bob")
    for customer in (ada, bob):
        for occurrence in range(3):
            queue_message(customer=customer, template=template, origin="test", occurrence=str(occurrence))
    send_due()
    client = member(ada)
    page = client.get(f"/api/v1/customers/{ada.number}/inbox?limit=2").json()
    assert len(page["results"]) == 2
    assert page["results"][0]["body"] == "Hello Ada"
    assert len(client.get(page["next"]).json()["results"]) == 1
    assert client.get(f"/api/v1/customers/{ada.number}/inbox/unread").json() == {"unread": 3}
    one = page["results"][0]["id"]
    read = post(client, f"customers/{ada.number}/inbox/{one}/read")
    assert read.json()["read_at"] is not None
    assert client.get(f"/api/v1/customers/{ada.number}/inbox/unread").json() == {"unread": 2}
    others = Message.objects.filter(customer=bob).first()
    assert post(client, f"customers/{ada.number}/inbox/{others.pk}/read").status_code == 404
    assert post(api, f"customers/{ada.number}/inbox/read").json() == {"unread": 0}
    assert Message.objects.filter(customer=bob, read_at=None).count() == 3
    assert Message.objects.filter(customer=ada, opened_at__lte=timezone.now()).count() == 3
