"""Fields that a member's token can see: `member_fields.txt` lists every field of every endpoint; no other is returned.

A new field fails here until its line is in the file, where a reviewer sees it. Write the file with `manage.py shell -c
"from tests.api import test_member_fields as fields; fields.FILE.write_text(fields.listing())"` and read each new line
before you commit it: may the customer read this field?
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from campaigns.coupons.services.coupons import create_coupon
from core.api.shapes import fields_of
from core.base.actor import SYSTEM, Actor, of_user
from core.security.roles import Role
from crm.customers.api.authentication import make_member_token
from crm.customers.models import AttributeDefinition, Customer
from crm.customers.services.customers import add_tag, update_customer
from crm.desk.services import open_ticket, reply_to_ticket
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors
from loyalty.rewards.services.redemptions import cancel_redemption, redeem_reward
from loyalty.rewards.services.rewards import create_reward
from loyalty.tiers.models import Tier
from loyalty.tiers.services.set_tiers import set_tier
from tests.crm.customers.test_member_writes import WRITES, bodies
from tests.loyalty.growth.samples import make_task  # noqa: F401
from tests.loyalty.rewards.samples import ADDRESS
from tests.test_roles import API, table

FILE = Path(__file__).with_name("member_fields.txt")
SECRET = "STAFF-ONLY"


def views(resolver=None, prefix: str = "") -> Iterator[tuple[str, str, Any, str]]:
    """Yield (route, method, view class, action) of every operation that a member's token may call."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from views(pattern, route)
        elif route.startswith("api/v1/") and (cls := getattr(pattern.callback, "cls", None)):
            actions = getattr(pattern.callback, "actions", None) or {
                name: name for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)
            }
            for method, action in actions.items():
                if action in getattr(cls, "member_actions", ()) and method != "head":
                    yield route.removeprefix("api/v1/"), method.upper(), cls, action


def listing() -> str:
    lines = []
    for route, method, cls, action in sorted(views(), key=lambda row: row[:2]):
        shape = cls.member_shapes.get(action)
        lines += [f"{method} {route}", *(f"    {field}" for field in (fields_of(shape) if shape else ["MISSING"])), ""]
    return "\n".join(lines)


def paths_in(value: Any, place: str = "") -> set[str]:
    """Return the fields of a JSON answer in the notation of the file."""
    if isinstance(value, list):
        return set().union(*(paths_in(item, f"{place}[]") for item in value))
    if isinstance(value, dict):
        dot = f"{place}." if place else ""
        return set().union(*(paths_in(item, f"{dot}{name}") for name, item in value.items()))
    return {place}


def test_every_field_that_a_member_can_see_is_listed():
    assert listing() == FILE.read_text(encoding="utf-8")


def test_what_members_may_call_is_what_the_role_matrix_says():
    assert {(route, method) for route, method, _cls, _action in views()} == {
        (row[0], row[1]) for row in table(API) if row[3] == "member"
    }


def test_members_are_shown_shapes_of_their_own():
    for route, method, cls, action in views():
        assert cls.member_shapes[action] is not getattr(cls, "serializer_class", None), (route, method)


@pytest.fixture
def ann(program, make_customer, make_order, settle) -> Customer:
    customer = make_customer("Ann", phone="13800138000")
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    make_order(customer, 50_000, number="A-1")
    settle()
    return customer


@pytest.fixture
def shop(program, ann, make_customer, make_task, staff):  # noqa: F811
    """Create a shop whose staff wrote SECRET in every text that members must not see."""
    bob = make_customer("Bob")
    enrol_member(customer=bob, program=program, actor=SYSTEM)
    program.transfer_daily_points, program.transfer_daily_count = 1_000, 10
    program.save()
    agent = of_user(staff(Role.ADMINISTRATOR, username=f"agent-{SECRET}"))
    account = selectors.spendable_account(program_selectors.member_of(ann))
    adjust_points(
        account=account, points=1_000, reason="fraud", key="a", actor=agent, reference="For the wait", note=SECRET
    )
    add_tag(customer=ann, name=SECRET, actor=agent)
    AttributeDefinition.objects.create(code="shoe_size", label="Shoe size", type="number", member_writable=True)
    AttributeDefinition.objects.create(code="risk", label="Risk", type="text")
    update_customer(customer=ann, changes={"attributes": {"shoe_size": 38, "risk": SECRET}}, actor=agent)
    ticket = open_ticket(customer=ann, subject="First", text="Hello", actor=SYSTEM, priority=4)
    reply_to_ticket(ticket=ticket, text=SECRET, actor=agent, internal=True)
    hidden = open_ticket(customer=ann, subject=SECRET, text=SECRET, actor=SYSTEM, internal=True, from_customer=False)
    reply_to_ticket(ticket=hidden, text=SECRET, actor=agent)
    set_tier(
        member=program_selectors.member_of(ann),
        tier=Tier.objects.order_by("-rank").first(),
        until=timezone.now() + timedelta(days=30),
        reason="goodwill",
        note=SECRET,
        lock=True,
        actor=agent,
    )
    Tier.objects.filter(code="gold").update(paid_price=19_900)
    gift = create_reward(program=program, kind="gift", points=100, name="A gift", actor=SYSTEM)
    member, key = program_selectors.member_of(ann), Actor("key", 1)
    redemption = redeem_reward(member=member, reward=gift, key="r1", actor=key, address=ADDRESS)["redemption"]
    other = redeem_reward(member=member, reward=gift, key="r2", actor=key, address=ADDRESS)["redemption"]
    cancel_redemption(redemption=member.redemptions.get(pk=other), actor=agent, reason=SECRET)
    create_coupon(
        name="Summer", kind="amount", value=500, mode="public", code="SUMMER", actor=SYSTEM, limit_per_customer=None
    )
    task = make_task(code="joined", join=True)

    def path(route: str) -> str:
        number = {"tickets": ticket.number, "orders": "A-1"}.get(route.partition("/")[0], ann.number)
        for name, value in {
            "<ref:number>": number, "<ref:task>": task.code, "<uuid:redemption>": redemption,
            "<uuid:reservation>": reservation(ann), "<uuid:message>": str(uuid.UUID(int=7)),
        }.items():  # fmt: skip
            route = route.replace(name, str(value))
        return "/api/v1/" + route

    allowed = {(row[0], row[1]): set(row[2:]) for row in table(WRITES)}
    sent = {
        route: {name: value for name, value in body.items() if name in allowed[route, method]}
        for route, body in bodies(ann, bob, gift.code, "SUMMER").items()
        for method in [next(row[1] for row in table(WRITES) if row[0] == route)]
    }
    return path, sent, hidden


def reservation(customer: Customer) -> str:
    from campaigns.coupons.services.uses import reserve_coupon

    return reserve_coupon(
        code="SUMMER",
        customer=customer,
        cart_amount=10_000,
        currency="CNY",
        key=uuid.uuid4().hex,
        actor=Actor("member", customer.pk),
    )["reservation"]


def browser(customer: Customer) -> APIClient:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION="Bearer " + make_member_token(customer, source="storefront", seconds=600),
    )
    return client


@pytest.mark.django_db
def test_every_answer_to_a_member_has_listed_fields_alone_and_nothing_of_the_staff(shop, ann):
    # given
    path, sent, hidden = shop
    wrong, seen = [], 0
    for route, method, cls, action in sorted(views(), key=lambda row: row[:2]):
        # when
        answer = browser(ann).generic(
            method,
            path(route),
            json.dumps(sent.get(route, {})) if method != "GET" else "",
            content_type="application/json",
            HTTP_IDEMPOTENCY_KEY=uuid.uuid4().hex,
        )
        # then
        body = answer.json()
        if "<uuid:message>" in route:
            assert answer.status_code == 404
            continue
        if answer.status_code not in {200, 201}:
            wrong.append((route, method, answer.status_code, body))
            continue
        listed = set(fields_of(cls.member_shapes[action]))
        rows = body["results"] if isinstance(body, dict) and "results" in body else body
        for row in rows if isinstance(rows, list) else [rows]:
            for found in paths_in(row):
                seen += 1
                open_part = any(one.endswith(".*") and found.startswith(one[:-1]) for one in listed)
                # An empty or missing nested part has no field paths.
                empty_part = any(one.startswith((f"{found}.", f"{found}[]")) for one in listed)
                if found not in listed and not open_part and not empty_part:
                    wrong.append((route, method, found))
        if SECRET in answer.content.decode():
            wrong.append((route, method, answer.content.decode()))
    assert wrong == []
    assert seen > 200
    answer = browser(ann).get(f"/api/v1/tickets/{hidden.number}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknown_ticket")


@pytest.mark.django_db
def test_a_member_reads_the_history_in_words_with_the_balance_after_each(shop, ann, api):
    # given the entries of the shop above: 1,000 points by hand, two rewards of 100, one of them cancelled
    account = selectors.spendable_account(program_selectors.member_of(ann))
    adjust_points(account=account, points=-50, reason="correction", key="b", actor=SYSTEM, note=SECRET)
    # when
    first = browser(ann).get(f"/api/v1/members/{ann.number}/points/history?limit=4").json()
    second = browser(ann).get(first["next"]).json()
    # then
    rows = [
        (row["text"], row["available"], row["held"], row["balance"], row["reference"])
        for row in first["results"] + second["results"]
    ]
    assert rows == [
        ("Adjustment", -50, 0, 1_450, ""),
        ("Available again", 100, -100, 1_500, "A gift"),
        ("Set aside for a purchase", -100, 100, 1_500, "A gift"),
        ("Set aside for a purchase", -100, 100, 1_500, "A gift"),
        ("Adjustment", 1_000, 0, 1_500, "For the wait"),
        ("Earned", 500, 0, 500, "A-1"),
    ]
    account.refresh_from_db()
    assert account.balance == 1_450
    # and the shop's own server still sees the reasons
    reasons = {row["reason"] for row in api.get(f"/api/v1/members/{ann.number}/points/history").json()["results"]}
    assert {"fraud", "correction"} <= reasons


@pytest.mark.django_db
def test_a_member_sets_the_birthday_once_and_staff_change_it_later(ann, staff):
    # given
    path = f"/api/v1/customers/{ann.number}"
    assert browser(ann).patch(path, {"birthday": "1990-05-01"}, format="json").status_code == 200
    # when the member sends the same date again, another date, and no date
    same = browser(ann).patch(path, {"birthday": "1990-05-01", "name": "Ann B"}, format="json")
    refused = [
        browser(ann).patch(path, {"birthday": value, "name": "Ann C"}, format="json") for value in ("1990-06-01", None)
    ]
    # then the same date changes nothing, and the others are refused without a change
    assert (same.status_code, same.json()["name"]) == (200, "Ann B")
    for answer in refused:
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"], error["attr"]) == (409, "birthday_set", "birthday")
    ann.refresh_from_db()
    assert (ann.birthday, ann.name) == ("1990-05-01", "Ann B")
    update_customer(customer=ann, changes={"birthday": "1990-06-01"}, actor=of_user(staff(Role.AGENT)))
    ann.refresh_from_db()
    assert ann.birthday == "1990-06-01"
