"""Refusals of invalid requests, each named: unknown fields and parameters, methods, paths, missing scopes.

The endpoints come from the OpenAPI schema, so that a new endpoint is tested automatically.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from core.base.actor import SYSTEM, Actor
from core.events.models import DomainEvent
from core.security.scopes import SCOPES
from crm.customers.api.authentication import make_member_token
from crm.customers.models import Customer
from crm.desk.services import open_ticket
from crm.orders.models import Order
from loyalty.ledger.models import Entry
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors
from loyalty.rewards.services.redemptions import redeem_reward
from loyalty.rewards.services.rewards import create_reward
from tests.loyalty.growth.samples import make_task  # noqa: F401
from tests.loyalty.rewards.samples import ADDRESS
from tests.test_roles import API, table

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "options", "trace")


def schema() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def operations() -> list[tuple[str, str]]:
    return sorted((path, method) for path, item in schema()["paths"].items() for method in item if method in METHODS)


OPERATIONS = operations()


@pytest.fixture
def ann(program, make_customer, settle) -> Customer:
    customer = make_customer("Ann", phone="13800138000")
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    settle()
    adjust_points(
        account=selectors.spendable_account(program_selectors.member_of(customer)),
        points=1_000,
        reason="goodwill",
        key="start",
        actor=SYSTEM,
    )
    return customer


@pytest.fixture
def shop(program, ann, make_task, make_order, store):  # noqa: F811
    """Create a real row for every placeholder that is looked up before the body is read."""
    order = make_order(ann, 20_000, number="A-1")
    ticket = open_ticket(customer=ann, subject="First", text="Hello", actor=SYSTEM)
    gift = create_reward(program=program, kind="gift", points=100, name="A gift", actor=SYSTEM)
    redemption = redeem_reward(
        member=program_selectors.member_of(ann), reward=gift, key="shop", actor=Actor("key", 1), address=ADDRESS
    )
    nothing = dict.fromkeys(("reservation", "hold", "message"), uuid.UUID(int=7)) | dict.fromkeys(
        ("coupon", "generation", "segment", "broadcast", "journey", "suppression"), 999_999
    )
    values = {**nothing, "task": make_task(code="joined", join=True).code, "redemption": redemption["redemption"]}

    def path(route: str) -> str:
        numbers = {"/api/v1/orders/": order.number, "/api/v1/tickets/": ticket.number}
        number = next((value for start, value in numbers.items() if route.startswith(start)), ann.number)
        for name, value in {**values, "number": number}.items():
            route = route.replace(f"{{{name}}}", str(value))
        assert "{" not in route
        return route

    return path


def counts() -> tuple[int, ...]:
    return (Order.objects.count(), Entry.objects.count(), DomainEvent.objects.count(), Customer.objects.count())


def send(client: APIClient, method: str, path: str, body: Any = None):
    if method in {"get", "options", "trace"}:
        return client.generic(method.upper(), path, **({"QUERY_STRING": body} if body else {}))
    return getattr(client, method)(path, body or {}, format="json", HTTP_IDEMPOTENCY_KEY=uuid.uuid4().hex)


def first_error(answer) -> tuple[int, str, str | None]:
    error = answer.json()["errors"][0]
    return answer.status_code, error["code"], error["attr"]


def test_the_schema_has_every_operation():
    assert len(OPERATIONS) == len(table(API))


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_unknown_field_is_refused_and_nothing_happens(api, shop, path, method):
    # given
    before = counts()
    # when
    answer = send(api, method, shop(path), "referense=1" if method == "get" else {"referense": "A-1"})
    # then
    assert first_error(answer) == (400, "unknown_field", "referense")
    assert "'referense'" in answer.json()["errors"][0]["detail"]
    assert counts() == before


@pytest.mark.parametrize("path", sorted({path for path, _method in OPERATIONS}))
def test_a_wrong_method_is_answered_with_the_right_ones(api, shop, path):
    right = {method.upper() for known, method in OPERATIONS if known == path}
    for method in METHODS:
        if method.upper() in right:
            continue
        answer = send(api, method, shop(path))
        assert first_error(answer) == (405, "method_not_allowed", None), method
        assert set(answer["Allow"].replace(" ", "").split(",")) - {"HEAD"} == right


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_key_without_the_scope_is_told_which_one(shop, server_key, path, method):
    # given a key with every scope but the one that is needed
    scope = scopes_by_operation()[path, method]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {server_key(*sorted(set(SCOPES.names()) - {scope}))}")
    # when
    answer = send(client, method, shop(path))
    # then
    assert first_error(answer) == (403, "missing_scope", None)
    assert scope in answer.json()["errors"][0]["detail"]
    assert answer.json()["details"] == {"scope": scope}


def scopes_by_operation() -> dict[tuple[str, str], str]:
    def plain(route: str) -> str:
        return "/api/v1/" + "/".join(
            "{" + part[1:-1].partition(":")[2] + "}" if part.startswith("<") else part for part in route.split("/")
        )

    return {(plain(route), method.lower()): scope for route, method, scope, _member in table(API)}


def test_a_member_is_told_that_a_server_key_is_needed(shop, ann):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(ann, source="storefront", seconds=60))
    answer = send(client, "post", shop("/api/v1/members/{number}/points/holds"), {"points": 1})
    assert first_error(answer) == (403, "not_for_members", None)


def test_a_wrong_method_without_a_key_is_still_401(shop):
    answer = APIClient().delete("/api/v1/orders")
    assert first_error(answer) == (401, "not_authenticated", None)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v1/orders/",
        "/api/v1/",
        "/api/",
        "/api/v2/orders",
        "/api/v1/points/holds/no-uuid/release",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_path_is_answered_in_the_envelope(api, store, path, method):
    answer = send(api, method, path)
    assert answer["Content-Type"] == "application/json"
    assert first_error(answer) == (404, "not_found", None)


def test_the_description_still_gets_its_slash(client, store):
    answer = client.get("/api/schema")
    assert (answer.status_code, answer["Location"]) == (301, "/api/schema/")


@pytest.mark.parametrize(
    ("path", "body", "place", "detail"),
    [
        (
            "/api/v1/members/{number}/points/redemptions",
            {"points": 50, "referense": "A-1"},
            "referense",
            "Unknown field 'referense'; did you mean 'reference'?",
        ),
        (
            "/api/v1/customers",
            {"identities": [{"kind": "storefront", "value": "u"}, {"kind": "email", "valeu": "a@example.com"}]},
            "identities.1.valeu",
            "Unknown field 'valeu'; did you mean 'value'?",
        ),
        (
            "/api/v1/orders",
            {"number": "N-1", "customer": {"nunber": "1"}, "lines": []},
            "customer.nunber",
            "Unknown field 'nunber'; did you mean 'number'?",
        ),
        (
            "/api/v1/activity",
            {"events": [{"id": "1"}, {"id": "2", "sku": "A", "ocurred_at": "2026-01-01T00:00:00Z"}]},
            "events.1.ocurred_at",
            "Unknown field 'ocurred_at'; did you mean 'occurred_at'?",
        ),
        (
            "/api/v1/points/redemptions",
            {"redemptions": [{"customer": "1", "points": 1, "key": "k", "referense": "A-1"}]},
            "redemptions.0.referense",
            "Unknown field 'referense'; did you mean 'reference'?",
        ),
        (
            "/api/v1/members/{number}/rewards/redemptions",
            {"reward": "a", "address": {"name": "Ann", "zip": "1"}},
            "address.zip",
            "Unknown field 'zip'.",
        ),
    ],
)
def test_nested_fields_and_list_items_are_looked_at_too(api, shop, path, body, place, detail):
    before = counts()
    answer = send(api, "post", shop(path), body)
    assert (first_error(answer), answer.json()["errors"][0]["detail"]) == ((400, "unknown_field", place), detail)
    assert counts() == before


def test_an_order_of_a_batch_with_an_unknown_field_is_refused_alone(api, shop):
    # given two orders, one with a mistyped field in its second line
    line = {"sku": "A", "quantity": "1", "unit_amount": 1_000}
    right = {"number": "B-1", "placed_at": "2026-03-01T12:00:00Z", "lines": [line]}
    wrong = right | {"number": "B-2", "lines": [line, line | {"quantitty": "2"}]}
    # when
    results = send(api, "post", "/api/v1/orders/batch", {"orders": [right, wrong]}).json()["results"]
    # then
    assert [(one["number"], one["outcome"]) for one in results] == [("B-1", "created"), ("B-2", "refused")]
    assert results[1]["errors"] == [
        {
            "code": "unknown_field",
            "detail": "Unknown field 'quantitty'; did you mean 'quantity'?",
            "attr": "lines.1.quantitty",
        }
    ]
    assert not Order.objects.filter(number="B-2").exists()


def test_a_mistyped_filter_names_the_nearest(api, shop):
    answer = api.get("/api/v1/orders", {"custmer": "1"})
    assert first_error(answer) == (400, "unknown_field", "custmer")
    assert answer.json()["errors"][0]["detail"] == "Unknown parameter 'custmer'; did you mean 'customer'?"


def test_the_old_name_of_a_price_leads_to_the_new_one(api, shop):
    body = {"number": "C-1", "placed_at": "2026-03-01T12:00:00Z", "lines": [{"quantity": "1", "unit_price": "1.00"}]}
    answer = send(api, "post", "/api/v1/orders", body)
    assert answer.json()["errors"][0]["detail"] == "Unknown field 'unit_price'; did you mean 'unit_amount'?"


@pytest.mark.parametrize("path", ["orders", "tickets/{number}", "members/{number}"])
def test_head_is_answered_where_get_is(api, shop, path):
    assert api.head(shop(f"/api/v1/{path}")).status_code == 200
