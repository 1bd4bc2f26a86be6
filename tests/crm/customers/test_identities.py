"""Identities that belong to one customer, tokens that speak for one customer, and every refusal."""

from __future__ import annotations

import time

import pytest
from rest_framework.test import APIClient

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from crm.customers.api.authentication import make_member_token
from crm.customers.models import Customer, Identity
from crm.customers.services.customers import update_customer
from crm.customers.services.identities import GivenIdentity, add_identity, resolve_customer
from crm.customers.services.registration import register_customer

pytestmark = pytest.mark.django_db
ME = "/api/v1/customers/{}"


def speaking(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def errors(answer) -> list[tuple]:
    return [(item["code"], item["attr"]) for item in answer.json()["errors"]]


def test_a_verified_identity_stays_with_its_owner(make_customer):
    # given
    owner, other = make_customer(phone="+8613800138000"), make_customer()
    # when another customer claims it, verified or not
    for verified in (True, False):
        with pytest.raises(Conflict) as refused:
            add_identity(
                customer=other, kind="phone", value="13800138000", verified=verified, actor=SYSTEM, country="CN"
            )
        # then
        assert (refused.value.code, refused.value.field) == ("identity_taken", "identity.value")
    assert Identity.objects.get(kind="phone").customer_id == owner.pk
    assert list(other.identities.values_list("kind", flat=True)) == ["storefront"]


def test_an_unknown_kind_of_identity_is_named(store, api):
    with pytest.raises(Invalid) as refused:
        resolve_customer(
            [GivenIdentity("email", "a@example.com"), GivenIdentity("fax", "1")], actor=SYSTEM, source="x", country="CN"
        )
    assert (refused.value.code, refused.value.field) == ("unknown_kind", "identities.1.kind")
    assert errors(api.get("/api/v1/customers?kind=fax&value=1")) == [("unknown_kind", "kind")]
    assert Customer.objects.count() == 0


def test_a_device_alone_creates_no_customer(store):
    with pytest.raises(Invalid) as refused:
        register_customer(
            identities=[GivenIdentity("device", "abc")], profile={}, actor=SYSTEM, source="x", country="CN"
        )
    assert (refused.value.code, refused.value.field) == ("device_only", "identities")
    assert Customer.objects.count() == 0


@pytest.mark.parametrize("value", ["31.12.1990", "1899-12-31", "2101-01-01"])
def test_a_birthday_that_is_no_date_or_out_of_range_is_refused(make_customer, value):
    customer = make_customer()
    with pytest.raises(Invalid) as refused:
        update_customer(customer=customer, changes={"birthday": value}, actor=SYSTEM)
    assert (refused.value.code, refused.value.field) == ("invalid_date", "birthday")
    customer.refresh_from_db()
    assert customer.birthday is None


def test_a_forged_an_expired_and_a_malformed_token_have_different_errors(make_customer):
    customer = make_customer()
    path = ME.format(customer.number)
    token = make_member_token(customer, source="storefront", seconds=60)
    assert speaking(token).get(path).status_code == 200
    expired = make_member_token(customer, source="storefront", seconds=0)
    time.sleep(1.1)
    answers = {
        name: speaking(text).get(path)
        for name, text in {
            "forged": token[:-1] + ("A" if token[-1] != "A" else "B"), "malformed": "lkm_x", "expired": expired,
        }.items()
    }  # fmt: skip
    assert {name: (answer.status_code, answer.json()["errors"][0]["code"]) for name, answer in answers.items()} == {
        "forged": (401, "token_invalid"),
        "malformed": (401, "token_invalid"),
        "expired": (401, "token_expired"),
    }


def test_an_unknown_server_key_is_refused(store):
    answer = speaking("lk_" + "a" * 43).get("/api/v1/orders")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "invalid_key")


def test_a_mistyped_parameter_is_refused_instead_of_ignored(store, api):
    answer = api.get("/api/v1/orders?custommer=1")
    assert (answer.status_code, errors(answer)) == (400, [("unknown_field", "custommer")])


def test_an_activity_with_an_unknown_kind_of_identity_is_refused_whole(store, api):
    body = {
        "events": [
            {
                "id": "1",
                "kind": "view",
                "occurred_at": "2026-01-01T00:00:00Z",
                "identity": {"kind": "fax", "value": "1"},
            }
        ]
    }
    answer = api.post("/api/v1/activity", body, format="json")
    assert (answer.status_code, errors(answer)) == (400, [("unknown_kind", "events.0.identity.kind")])
