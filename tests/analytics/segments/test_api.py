"""Segment endpoints: rules as text, changes, fixed lists in batches, and every refusal."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.segments.models import Segment, SegmentMembership
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from analytics.segments.services.lists import add_to_list, create_list
from analytics.segments.tasks import compute_segment
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.customers.models import Customer
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queued(monkeypatch):
    """Return the segments whose computation was queued."""
    found: list[int] = []
    monkeypatch.setattr(
        "analytics.segments.services.segments.enqueue_after_commit", lambda _task, segment, **_: found.append(segment)
    )
    return found


def send(api, method, path, body=None, key=""):
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return getattr(api, method)(f"/api/v1/{path}", body, format="json", **headers)


def fault(response) -> tuple:
    body = response.json()
    return response.status_code, body["errors"][0]["code"], body["errors"][0]["attr"]


def test_a_segment_is_made_and_changed_by_text(api, store, make_customer, make_order, settle, queued):
    customer = make_customer()
    make_order(customer, 1_000)
    make_order(customer, 240)
    settle()
    segment_runs.refresh_changed()
    made = send(api, "post", "segments", {"name": " Regulars ", "text": "order_count >= 2"})
    assert made.status_code == 201
    pk = made.json()["id"]
    assert made.json() == {
        "id": pk, "name": "Regulars", "description": "", "kind": "rule", "text": "order_count >= 2", "size": 0,
        "computed_at": None,
        "rule": {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 2}]},
        "unknown_skus": [],
    }  # fmt: skip
    assert queued == [pk]
    # when it is computed, then the answer has its size
    compute_segment(pk)
    one = send(api, "get", f"segments/{pk}").json()
    assert (one["size"], one["computed_at"] is not None) == (1, True)
    # a new text creates a new version, and values that were not sent stay unchanged
    changed = send(
        api, "patch", f"segments/{pk}", {"text": "order_count >= 2 and net_spend <= 12.50", "description": "Small"}
    )
    assert (changed.status_code, changed.json()["name"], changed.json()["text"]) == (
        200, "Regulars", "order_count >= 2 and net_spend <= 12.50",
    )  # fmt: skip
    assert (Segment.objects.get().version, Segment.objects.get().description, queued) == (2, "Small", [pk, pk])
    # a new name alone queues no computation
    renamed = send(api, "patch", f"segments/{pk}", {"name": "Small regulars"}).json()
    assert (renamed["name"], renamed["description"], queued) == ("Small regulars", "Small", [pk, pk, pk])
    # the values of an answer can be sent again, as text and as a tree
    again = send(api, "patch", f"segments/{pk}", {"rule": renamed["rule"]}).json()
    assert (again["text"], Segment.objects.get().version) == ("order_count >= 2 and net_spend <= 12.50", 2)


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "token"),
    [
        ("order_count >= 2 and\nlikes cats", "unknown_condition", 2, 1, "likes"),
        ('tag is "vip', "unclosed_string", 1, 8, '"'),
        ("order_count 2", "unexpected", 1, 13, "2"),
        ("order_count >=", "unexpected", 1, 15, ""),
        ("stage is asleep", "wrong_value", 1, 10, "asleep"),
        ("order_count >= 2 §", "wrong_character", 1, 18, "§"),
    ],
)
def test_a_wrong_text_is_refused_with_its_place(api, store, text, code, line, column, token):
    refused = send(api, "post", "segments", {"name": "Wrong", "text": text})
    assert fault(refused) == (400, code, "text")
    details = refused.json()["details"]
    assert (details["line"], details["column"], details["token"]) == (line, column, token)
    assert text[details["offset"] :].startswith(token)
    assert refused.json()["errors"][0]["detail"].startswith(f"Line {line}, column {column}: ")
    assert Segment.objects.count() == 0
    # and such a text does not change an existing segment
    kept = segments.create_segment(name="Kept", rule={"op": "and", "children": []}, actor=SYSTEM)
    assert fault(send(api, "patch", f"segments/{kept.pk}", {"text": text, "name": "Other"})) == (400, code, "text")
    kept.refresh_from_db()
    assert (kept.name, kept.version, kept.rule) == ("Kept", 1, {"op": "and", "children": []})


def test_other_invalid_requests_are_refused(api, store, queued):
    everyone = {"op": "and", "children": []}
    kept = segments.create_segment(name="Everyone", rule=everyone, actor=SYSTEM)
    listed = create_list(name="Guests", actor=SYSTEM)
    for body, expected in (
        ({"name": "A"}, (400, "required", "text")),
        ({"name": "A", "text": "everyone", "rule": everyone}, (400, "one_of", "text")),
        ({"name": "A", "kind": "static", "text": "everyone"}, (400, "not_for_lists", "text")),
        ({"name": "A", "rule": {"op": "xor", "children": []}}, (400, "unknown_operation", "rule")),
        ({"name": "Everyone", "text": "everyone"}, (400, "name_taken", "name")),
        ({"name": "Everyone", "kind": "static"}, (400, "name_taken", "name")),
        ({"text": "everyone"}, (400, "required", "name")),
    ):
        assert fault(send(api, "post", "segments", body)) == expected
    cycle = send(api, "patch", f"segments/{kept.pk}", {"text": 'in_segment "Everyone"'})
    assert fault(cycle) == (400, "cycle", "text")
    assert fault(send(api, "patch", f"segments/{listed.pk}", {"text": "everyone"})) == (400, "not_for_lists", "text")
    assert fault(send(api, "get", "segments/999999")) == (404, "unknown_segment", None)
    segments.archive_segment(segment=kept, actor=SYSTEM)
    assert fault(send(api, "patch", f"segments/{kept.pk}", {"name": "B"})) == (404, "unknown_segment", None)
    assert (Segment.objects.count(), queued) == (2, [kept.pk])


def test_the_same_key_makes_one_segment_and_another_request_under_it_is_refused(api, store):
    body = {"name": "Regulars", "text": "order_count >= 2"}
    first, again = (send(api, "post", "segments", body, key="k1") for _ in range(2))
    assert (first.status_code, first.content) == (201, again.content)
    assert fault(send(api, "post", "segments", {**body, "name": "Others"}, key="k1")) == (
        409, "idempotency_key_reused", "Idempotency-Key",
    )  # fmt: skip
    assert Segment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_requests_with_one_name_create_one_segment(store):
    def make():
        try:
            return segments.create_segment(name="One", rule={"op": "and", "children": []}, actor=SYSTEM).pk
        except Exception as error:
            return getattr(error, "code", error)

    answers = at_once([make] * 4)
    assert sorted(str(answer) for answer in answers if answer == "name_taken") == ["name_taken"] * 3
    assert Segment.objects.count() == 1


def test_a_list_is_made_filled_and_emptied_in_batches(api, make_customer):
    ann, bob, eve = make_customer("Ann"), make_customer("Bob"), make_customer("Eve")
    Customer.objects.filter(pk=eve.pk).update(state="merged", merged_into=bob)
    made = send(api, "post", "segments", {"name": "Guests", "kind": "static", "description": "Of the gala"}).json()
    assert (made["kind"], made["text"], made["rule"], made["size"], made["computed_at"] is not None) == (
        "static", "", None, 0, True,
    )  # fmt: skip
    path = f"segments/{made['id']}/members"
    # given a repeated number, a number merged into Bob's, and a number without a customer
    added = send(api, "post", path, {"customers": [ann.number, ann.number, eve.number, "NOBODY"]})
    assert (added.status_code, added.json()) == (200, {"added": 2, "already": 0, "unknown": ["NOBODY"], "size": 2})
    again = send(api, "post", path, {"customers": [ann.number, bob.number]}).json()
    assert again == {"added": 0, "already": 2, "unknown": [], "size": 2}
    listed = send(api, "get", path).json()["results"]
    assert {row["customer"] for row in listed} == {ann.number, bob.number}
    removed = send(api, "post", f"{path}/remove", {"customers": [bob.number, "NOBODY"]}).json()
    assert removed == {"removed": 1, "absent": 0, "unknown": ["NOBODY"], "size": 1}
    assert send(api, "post", f"{path}/remove", {"customers": [bob.number]}).json() == {
        "removed": 0, "absent": 1, "unknown": [], "size": 1,
    }  # fmt: skip
    assert send(api, "get", f"segments/{made['id']}").json()["size"] == 1
    moves = DomainEvent.objects.filter(kind__startswith="analytics.segment_").values_list("kind", "subject_id")
    assert sorted(moves) == [
        ("analytics.segment_entered", ann.pk),
        ("analytics.segment_entered", bob.pk),
        ("analytics.segment_left", bob.pk),
    ]


def test_a_segment_by_rule_refuses_customers_and_a_batch_has_a_limit(api, make_customer):
    customer = make_customer()
    rule = segments.create_segment(name="Rule", rule={"op": "or", "children": []}, actor=SYSTEM)
    listed = create_list(name="Guests", actor=SYSTEM)
    body = {"customers": [customer.number]}
    assert fault(send(api, "post", f"segments/{rule.pk}/members", body)) == (409, "not_a_list", None)
    assert fault(send(api, "post", f"segments/{rule.pk}/members/remove", body)) == (409, "not_a_list", None)
    assert fault(send(api, "post", "segments/999999/members", body)) == (404, "unknown_segment", None)
    path = f"segments/{listed.pk}/members"
    assert fault(send(api, "post", path, {"customers": []})) == (400, "min_length", "customers")
    assert fault(send(api, "post", path, {"customers": ["X"] * 1001})) == (400, "max_length", "customers")
    assert SegmentMembership.objects.count() == 0


def test_the_list_has_kind_text_and_size_with_equal_queries_for_one_and_twenty(api, make_customer):
    customer = make_customer()
    guests = create_list(name="Guests", actor=SYSTEM)
    add_to_list(segment=guests, customer_ids=[customer.pk], actor=SYSTEM)
    rule = {"op": "and", "children": [{"condition": "in_segment", "operator": "has", "values": [str(guests.pk)]}]}
    segments.create_segment(name="Of guests", rule=rule, actor=SYSTEM)

    def listed() -> tuple[list, int]:
        with CaptureQueriesContext(connection) as queries:
            found = send(api, "get", "segments").json()["results"]
        return [(row["name"], row["kind"], row["text"], row["size"]) for row in found], len(queries)

    listed()
    rows, few = listed()
    assert rows == [("Guests", "static", "", 1), ("Of guests", "rule", 'in_segment ("Guests")', 0)]
    for place in range(20):
        segments.create_segment(name=f"Again {place}", rule=rule, actor=SYSTEM)
    rows, many = listed()
    assert (len(rows), many) == (22, few)
