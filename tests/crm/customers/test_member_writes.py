"""Writes with a member's token: only the listed fields, never a field of the shop.

Idempotency keys of members never collide with those of other callers.
"""

from __future__ import annotations

import json
import uuid

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from campaigns.coupons.services.coupons import create_coupon
from campaigns.coupons.services.uses import reserve_coupon
from core.api.views import ApiMixin
from core.base.actor import SYSTEM, Actor
from core.db.models import IdempotencyRecord
from core.events.models import DomainEvent
from crm.customers.api.authentication import make_member_token
from crm.customers.models import AttributeDefinition, Consent, Customer
from crm.desk.models import Ticket
from crm.desk.services import open_ticket
from crm.orders.models import Order
from loyalty.ledger.models import Entry
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.redemption import redeem_points
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.services.redemptions import redeem_reward, ship_redemption
from loyalty.rewards.services.rewards import create_reward
from tests.loyalty.growth.samples import make_task  # noqa: F401
from tests.loyalty.rewards.samples import ADDRESS
from tests.test_roles import API, table

pytestmark = pytest.mark.django_db

# Route, method, and the fields that a member's body may contain there; "-" means none.
WRITES = """
customers/<ref:number>                           PATCH name birthday gender language time_zone country region attributes
customers/<ref:number>/consents                  POST channel purpose decision
tickets                                          POST subject text order
tickets/<ref:number>/replies                     POST text
members/<ref:number>/tier/products               POST skus
members/<ref:number>/points/quote                POST amount lines channel store
members/<ref:number>/points/transfers            POST to points note
members/<ref:number>/rewards/redemptions         POST reward address
members/<ref:number>/rewards/redemptions/<uuid:redemption>/cancel POST reason
members/<ref:number>/tasks/<ref:task>/join       POST -
members/<ref:number>/tasks/<ref:task>/leave      POST -
members/<ref:number>/leaderboard-name            PUT name
coupons/validate                                 POST code cart_amount currency customer reference
coupons/reservations                             POST code cart_amount currency customer reference
coupons/reservations/<uuid:reservation>/release  POST -
customers/<ref:number>/inbox/read                POST -
customers/<ref:number>/inbox/<uuid:message>/read POST -
"""


@pytest.fixture
def ann(program, make_customer, settle) -> Customer:
    customer = make_customer("Ann", phone="13800138000")
    settle()
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    return customer


@pytest.fixture
def bob(program, make_customer) -> Customer:
    customer = make_customer("Bob")
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    return customer


def browser(customer: Customer) -> APIClient:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION="Bearer " + make_member_token(customer, source="storefront", seconds=600),
    )
    return client


def account_of(customer: Customer):
    return selectors.spendable_account(program_selectors.member_of(customer))


def give(customer: Customer, points: int) -> None:
    adjust_points(account=account_of(customer), points=points, reason="goodwill", key=uuid.uuid4().hex, actor=SYSTEM)


def bodies(ann: Customer, bob: Customer, reward: str, coupon: str) -> dict[str, dict]:
    """Return a valid body for each route."""
    return {
        "customers/<ref:number>": {"name": "Ann B"},
        "customers/<ref:number>/consents": {"channel": "email", "purpose": "marketing", "decision": "granted"},
        "tickets": {"subject": "Hi", "text": "Hello"},
        "tickets/<ref:number>/replies": {"text": "And this"},
        "members/<ref:number>/tier/products": {"skus": ["SKU-1"]},
        "members/<ref:number>/points/quote": {"amount": 10_000},
        "members/<ref:number>/points/transfers": {"to": bob.number, "points": 10, "note": "for you"},
        "members/<ref:number>/rewards/redemptions": {"reward": reward, "address": ADDRESS},
        "members/<ref:number>/rewards/redemptions/<uuid:redemption>/cancel": {"reason": "changed my mind"},
        "members/<ref:number>/leaderboard-name": {"name": "Annie"},
        "coupons/validate": {"code": coupon, "cart_amount": 10_000, "currency": "CNY"},
        "coupons/reservations": {"code": coupon, "cart_amount": 10_000, "currency": "CNY"},
    }


# Fields of the shop: a server key may send some of them, a member's token none.
SHOPS = {
    "customers/<ref:number>": {"tags": ["vip"], "state": "erased"},
    "customers/<ref:number>/consents": {
        "source": "paper form",
        "evidence": "signed",
        "given_at": "2020-01-01T00:00:00Z",
    },
    "tickets": {"priority": 4, "customer": "1", "created_at": "2020-01-01"},
    "tickets/<ref:number>/replies": {"internal": True, "author": "staff"},
    "members/<ref:number>/rewards/redemptions": {"reference": "paid 100"},
    "coupons/validate": {"guest": "x"},
    "coupons/reservations": {"guest": "x"},
}


@pytest.fixture
def shop(program, ann, bob, make_task):  # noqa: F811
    """Create everything that the routes name. Returns {placeholder of the route: path}, and bodies."""
    program.transfer_daily_points, program.transfer_daily_count = 1_000, 10
    program.save()
    give(ann, 1_000)
    gift = create_reward(program=program, kind="gift", points=100, name="A gift", actor=SYSTEM)
    ticket = open_ticket(customer=ann, subject="First", text="Hello", actor=SYSTEM)
    task = make_task(code="joined", join=True)
    coupon = create_coupon(
        name="Summer", kind="amount", value=500, mode="public", code="SUMMER", actor=SYSTEM, limit_per_customer=None
    )
    reservation = reserve_coupon(
        code="SUMMER", customer=ann, cart_amount=10_000, currency="CNY", key="shop-1", actor=Actor("key", 1)
    )["reservation"]
    redemption = redeem_reward(
        member=program_selectors.member_of(ann), reward=gift, key="shop-2", actor=Actor("key", 1), address=ADDRESS
    )["redemption"]
    assert coupon

    def path(route: str) -> str:
        number = ticket.number if route.startswith("tickets") else ann.number
        return "/api/v1/" + route.replace("<ref:number>", number).replace("<ref:task>", task.code).replace(
            "<uuid:reservation>", reservation
        ).replace("<uuid:redemption>", redemption).replace("<uuid:message>", str(uuid.UUID(int=7)))

    return path, bodies(ann, bob, gift.code, "SUMMER"), redemption


def test_every_write_operation_of_members_is_listed():
    written = {(row[0], row[1]) for row in table(API) if row[3] == "member" and row[1] != "GET"}
    assert {(row[0], row[1]) for row in table(WRITES)} == written


def test_a_member_writes_these_fields_and_no_others(shop, ann, monkeypatch):
    # given
    path, sent, _redemption = shop
    read: list[type] = []
    valid = ApiMixin.valid

    def watched(serializer, request):
        read.append(serializer)
        return valid(serializer, request)

    monkeypatch.setattr(ApiMixin, "valid", staticmethod(watched))
    wrong = []
    for route, method, *fields in table(WRITES):
        # when
        read.clear()
        answer = browser(ann).generic(
            method,
            path(route),
            json.dumps(sent.get(route, {})),
            content_type="application/json",
            HTTP_IDEMPOTENCY_KEY=f"member-{route}"[:200],
        )
        # then
        found = [name for serializer in read for name in serializer().fields] or ["-"]
        if found != fields or (answer.status_code >= 400 and "<uuid:message>" not in route):
            wrong.append((route, found, answer.status_code, answer.content[:200]))
    assert wrong == []
    opened = Ticket.objects.get(subject="Hi")
    assert (opened.customer_id, opened.priority) == (ann.pk, 2)
    assert timezone.now() - opened.created_at < timezone.timedelta(minutes=5)
    consent = Consent.objects.get()
    assert (consent.source, consent.evidence) == ("storefront", "member token")
    assert timezone.now() - consent.given_at < timezone.timedelta(minutes=5)
    reply = Ticket.objects.get(subject="First").messages.order_by("-pk").first()
    assert (reply.text, reply.internal, reply.author_kind) == ("And this", False, "customer")
    ann.refresh_from_db()
    assert (ann.name, ann.state, ann.customer_tags.count()) == ("Ann B", "active", 0)
    assert RewardRedemption.objects.filter(member__customer=ann).order_by("-placed_at").first().reference == ""


def test_a_field_that_is_the_shops_is_refused_from_a_member_and_nothing_is_written(shop, ann):
    path, sent, _redemption = shop
    before = (Ticket.objects.count(), Consent.objects.count(), Entry.objects.count(), IdempotencyRecord.objects.count())
    for route, method, *_fields in table(WRITES):
        for name, value in SHOPS.get(route, {}).items():
            answer = browser(ann).generic(
                method,
                path(route),
                json.dumps({**sent[route], name: value}),
                content_type="application/json",
                HTTP_IDEMPOTENCY_KEY=uuid.uuid4().hex,
            )
            error = answer.json()["errors"][0]
            assert (answer.status_code, error["code"], error["attr"]) == (400, "unknown_field", name), route
    ann.refresh_from_db()
    assert (ann.name, ann.customer_tags.count()) == ("Ann", 0)
    assert before == (
        Ticket.objects.count(), Consent.objects.count(), Entry.objects.count(), IdempotencyRecord.objects.count(),
    )  # fmt: skip


def test_keys_of_members_shop_and_product_never_collide(shop, ann, bob, program):
    # given a member who sends the keys of the shop and of the product wherever a key is accepted
    path, sent, redemption = shop
    keys = ["shop-1", "shop-2", "k", f"reward:{redemption}:capture", f"reward:{redemption}:release"]
    before = set(IdempotencyRecord.objects.values_list("pk", flat=True))
    for key in keys:
        for route, method, *_fields in table(WRITES):
            browser(ann).generic(
                method,
                path(route).replace(redemption, str(uuid.UUID(int=9))),
                json.dumps(sent.get(route, {})),
                content_type="application/json",
                HTTP_IDEMPOTENCY_KEY=key,
            )
    # then every key of the member is stored in a scope of their own, and the product's keys for them are in a scope
    # that no caller can use
    own = IdempotencyRecord.objects.exclude(pk__in=before)
    theirs = own.filter(key__in=keys)
    member = Member.objects.get(customer=ann)
    assert theirs.count() > len(keys)
    assert {scope.rpartition(":member:")[2] for scope in theirs.values_list("scope", flat=True)} <= {
        str(ann.pk),
        str(member.pk),
    }
    rest = set(own.exclude(key__in=keys).values_list("scope", flat=True))
    assert rest <= {f"loyalty:{program.pk}:internal"}
    # and commands of the shop and the product under the same keys still work
    for actor in (Actor("key", 1), Actor("key", 2), Actor("user", 1), SYSTEM):
        answer = redeem_points(account=account_of(ann), points=1, key="k", actor=actor)
        assert redeem_points(account=account_of(ann), points=1, key="k", actor=actor) == answer
    assert Entry.objects.filter(kind="redeem", available=-1).count() == 4
    row = RewardRedemption.objects.get(pk=redemption)
    assert ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM).state == "shipped"


def test_a_member_changes_only_member_writable_attributes(ann):
    AttributeDefinition.objects.create(code="shoe_size", label="Shoe size", type="number", member_writable=True)
    AttributeDefinition.objects.create(code="credit", label="Credit", type="number")
    path = f"/api/v1/customers/{ann.number}"
    refused = browser(ann).patch(path, {"name": "X", "attributes": {"credit": 9}}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "read_only_attribute")
    ann.refresh_from_db()
    assert (ann.name, ann.attributes) == ("Ann", {})
    assert browser(ann).patch(path, {"attributes": {"shoe_size": 38}}, format="json").status_code == 200
    ann.refresh_from_db()
    assert ann.attributes == {"shoe_size": 38}


def post(client: APIClient, path: str, body: dict):
    return client.post(f"/api/v1/{path}", body, format="json", HTTP_IDEMPOTENCY_KEY=uuid.uuid4().hex)


def line() -> dict:
    return {"sku": "SKU-1", "quantity": "1", "unit_amount": 1_000}


def writes(customer: Customer) -> dict[str, dict]:
    at = timezone.now().isoformat()
    return {
        "orders": {"number": f"N-{customer.pk}", "placed_at": at, "customer": {"number": customer.number},
                   "lines": [line()]},
        "activity": {"events": [{"id": f"e-{customer.pk}", "kind": "view", "occurred_at": at,
                                 "customer": customer.number}]},
        "tickets": {"customer": customer.number, "subject": "Hi", "text": "Hello"},
        f"customers/{customer.number}/consents": {
            "channel": "email", "purpose": "marketing", "decision": "granted", "source": "checkout",
        },
        f"members/{customer.number}/points/redemptions": {"points": 1},
        f"members/{customer.number}/points/holds": {"points": 1},
        "coupons/reservations": {
            "code": "SUMMER", "cart_amount": 10_000, "currency": "CNY", "customer": customer.number,
        },
    }  # fmt: skip


def test_an_erased_customer_is_not_changed(api, shop, ann):
    # given
    client = browser(ann)
    assert client.get(f"/api/v1/members/{ann.number}").status_code == 200
    Customer.objects.filter(pk=ann.pk).update(state="erased")
    before = (
        Order.objects.count(), Ticket.objects.count(), Consent.objects.count(), Entry.objects.count(),
        DomainEvent.objects.count(), IdempotencyRecord.objects.count(),
    )  # fmt: skip
    # when, then
    for method, path in (("get", f"members/{ann.number}"), ("post", "coupons/reservations")):
        answer = getattr(client, method)(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "token_revoked")
    answers = {path: post(api, path, body) for path, body in writes(ann).items()}
    codes = {path.split("/")[-1]: (one.status_code, one.json()["errors"][0]["code"]) for path, one in answers.items()}
    assert codes == {
        "orders": (409, "customer_not_active"),
        "activity": (409, "customer_not_active"),
        "tickets": (404, "unknown_customer"),
        "consents": (404, "unknown_customer"),
        "redemptions": (404, "not_a_member"),
        "holds": (404, "not_a_member"),
        "reservations": (404, "unknown_customer"),
    }
    assert before == (
        Order.objects.count(), Ticket.objects.count(), Consent.objects.count(), Entry.objects.count(),
        DomainEvent.objects.count(), IdempotencyRecord.objects.count(),
    )  # fmt: skip


def test_references_to_a_merged_customer_reach_the_remaining_customer(api, shop, ann, bob):
    # given that Ann was merged into Bob
    give(bob, 100)
    client = browser(ann)
    Customer.objects.filter(pk=ann.pk).update(state="merged", merged_into=bob)
    # when
    answers = {path: post(api, path, body).status_code for path, body in writes(ann).items()}
    # then
    assert set(answers.values()) <= {200, 201, 202}, answers
    assert Order.objects.get(number=f"N-{ann.pk}").customer_id == bob.pk
    assert Ticket.objects.get(subject="Hi").customer_id == bob.pk
    assert Entry.objects.filter(kind="redeem").get().account == account_of(bob)
    batch = api.post(
        "/api/v1/points/redemptions",
        {"redemptions": [{"customer": ann.number, "points": 2, "key": "b1"}]},
        format="json",
    )
    assert (batch.json()["done"], batch.json()["results"][0]["redemption"]["available"]) == (1, 96)
    own = client.get(f"/api/v1/members/{ann.number}")
    assert (own.status_code, own.json()["customer"]) == (200, bob.number)


@pytest.mark.parametrize("points", ["\uff11\uff12", "1_2", " 12", "1\u0662", "12.0", True])
def test_points_and_amounts_are_written_with_plain_digits(api, shop, ann, points):
    before = Entry.objects.count()
    for path in (f"members/{ann.number}/points/redemptions", f"members/{ann.number}/points/holds"):
        answer = post(api, path, {"points": points})
        assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "points")
    cart = {"code": "SUMMER", "cart_amount": points, "currency": "CNY"}
    assert post(api, "coupons/validate", cart).json()["errors"][0]["attr"] == "cart_amount"
    batch = {"redemptions": [{"customer": ann.number, "points": points, "key": "b"}]}
    refused = post(api, "points/redemptions", batch)
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "redemptions.0.points")
    assert Entry.objects.count() == before
