"""Test the pages of journeys: editing with plain forms and the canvas, publishing, live counts, switching."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from campaigns.journeys.models import Journey, JourneyRun
from campaigns.journeys.services.entries import enter_by_call
from campaigns.journeys.services.presets import PRESETS
from core.security.roles import Role
from tests.campaigns.journeys.conftest import go

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


def draft(client, name="Care") -> Journey:
    response = client.post(reverse("journey_new"), {"name": name})
    journey = Journey.objects.get(name=name)
    assert response["Location"] == reverse("journey_edit", args=[journey.pk])
    return journey


def url(name, journey, *args):
    return reverse(name, args=[journey.pk, *args])


def test_a_journey_is_built_with_plain_forms_published_and_counted(marketer, store, template, make_customer):
    journey = draft(marketer)
    settings = {"name": "Care", "kind": "api", "reentry": "never", "exit": "never", "holdout": "0", "do": "save"}
    marketer.post(url("journey_step", journey, "entry"), settings)
    assert marketer.post(url("journey_add", journey), {"kind": "wait"})["Location"].endswith("?step=s1")
    marketer.post(
        url("journey_step", journey, "s1"), {"amount": "3", "unit": "hours", "note": "A breath", "do": "save"}
    )
    marketer.post(url("journey_add", journey), {"kind": "branch", "after": "s1"})
    rule = {
        "rule.op": "and", "rule.children.0.condition": "order_count", "rule.children.0.was": "order_count",
        "rule.children.0.operator": "gte", "rule.children.0.value": "1", "do": "save",
    }  # fmt: skip
    marketer.post(url("journey_step", journey, "s2"), rule)
    marketer.post(url("journey_add", journey), {"kind": "message", "after": "s2:no"})
    marketer.post(url("journey_step", journey, "s3"), {"template": str(template.pk), "do": "save"})
    page = marketer.get(url("journey_edit", journey) + "?step=s2&problems=1").content.decode()
    assert "A breath" in page
    assert "step-wrong" not in page
    response = marketer.post(url("journey_publish", journey), follow=True)
    assert "published as version 1" in response.content.decode()
    journey.refresh_from_db()
    assert journey.version.definition["steps"] == [
        {"id": "s1", "kind": "wait", "amount": 3, "unit": "hours", "note": "A breath"},
        {"id": "s2", "kind": "branch",
         "rule": {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]},
         "arms": {"yes": [], "no": [{"id": "s3", "kind": "message", "template": str(template.pk)}]}},
    ]  # fmt: skip
    customer = make_customer("Ada")
    enter_by_call(journey=journey, customer=customer, key="1")
    go(hours=3)
    part = marketer.get(url("journey_counts", journey), headers=PART).content.decode()
    assert part.count('1 <span class="sub">done</span>') == 3
    run = JourneyRun.objects.get()
    way = marketer.get(reverse("journey_run", args=[run.pk])).content.decode()
    assert "A breath" in way
    assert "Completed" in way
    shown = marketer.get(reverse("customer", args=[customer.number])).content.decode()
    assert reverse("journey_run", args=[run.pk]) in shown
    found = marketer.get(url("journey", journey) + f"?who={customer.number}").content.decode()
    assert "Ada" in found


def test_publishing_an_unfinished_draft_opens_the_step_with_the_problem(marketer, store):
    journey = draft(marketer)
    marketer.post(
        url("journey_step", journey, "entry"), {"kind": "api", "reentry": "never", "exit": "never", "do": "save"}
    )
    marketer.post(url("journey_add", journey), {"kind": "message"})
    response = marketer.post(url("journey_publish", journey))
    assert response["Location"] == url("journey_edit", journey) + "?step=s1&problems=1"
    page = marketer.get(response["Location"]).content.decode()
    assert "step-wrong" in page
    assert "Fill this in." in page
    journey.refresh_from_db()
    assert journey.state == "draft"


def test_the_canvas_sends_its_tree_and_steps_keep_their_content(marketer, store, template):
    journey = draft(marketer)
    marketer.post(url("journey_add", journey), {"kind": "message"})
    marketer.post(url("journey_step", journey, "s1"), {"template": str(template.pk), "do": "save"})
    tree = [
        {"id": "s2", "kind": "wait_event", "ways": {"happened": [], "timeout": [{"id": "s1", "kind": "message"}]}},
        {"id": "s3", "kind": "exit"},
    ]
    answer = marketer.post(url("journey_tree", journey), json.dumps(tree), content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["problems"] == ["entry", "s2"]
    journey.refresh_from_db()
    wait = journey.draft["steps"][0]
    assert wait["arms"]["timeout"][0]["template"] == str(template.pk)
    assert (wait["amount"], wait["unit"]) == (1, "days")
    before = journey.draft
    for wrong in ("no json", "5", '[{"id": "s1"}]', '[{"id": "x", "kind": "wait"}, {"id": "x", "kind": "wait"}]',
                  '[{"id": "A B", "kind": "wait"}]', "[" * 5000):  # fmt: skip
        answer = marketer.post(url("journey_tree", journey), wrong, content_type="application/json")
        assert answer.status_code == 400, wrong
    journey.refresh_from_db()
    assert journey.draft == before


def test_steps_are_moved_and_removed(marketer, store):
    journey = draft(marketer)
    for _step in range(3):
        marketer.post(url("journey_add", journey), {"kind": "wait", "after": ""})
    marketer.post(url("journey_change", journey), {"do": "down:s3"})
    marketer.post(url("journey_change", journey), {"do": "remove:s1"})
    journey.refresh_from_db()
    assert [step["id"] for step in journey.draft["steps"]] == ["s2", "s3"]
    marketer.post(url("journey_add", journey), {"kind": "split"})
    marketer.post(url("journey_step", journey, "s4"), {
        "split_code": ["a", "b", ""], "split_label": ["Old", "New", "Third"], "split_weight": ["50", "30", "20"],
        "do": "save",
    })  # fmt: skip
    journey.refresh_from_db()
    assert journey.draft["steps"][0]["split"] == [
        {"code": "a", "label": "Old", "weight": 50}, {"code": "b", "label": "New", "weight": 30},
        {"code": "c", "label": "Third", "weight": 20},
    ]  # fmt: skip
    assert set(journey.draft["steps"][0]["arms"]) == {"a", "b", "c"}


def test_a_rule_is_built_in_the_panel_part_by_part(marketer, store):
    journey = draft(marketer)
    marketer.post(url("journey_add", journey), {"kind": "branch"})
    sent = {"rule.op": "and", "rule.children.0.condition": "order_count", "rule.children.0.operator": ""}
    part = marketer.post(url("journey_step", journey, "s1"), sent, headers=PART).content.decode()
    assert 'id="builder"' in part
    assert "rule.children.0.value" in part
    part = marketer.post(url("journey_step", journey, "s1"), {**sent, "do": "add:rule"}, headers=PART).content.decode()
    assert "rule.children.1.condition" in part
    journey.refresh_from_db()
    assert journey.draft["steps"][0]["rule"] == {"op": "and", "children": []}, "nothing is saved before it is said so"


def test_pause_resume_and_stop_name_their_effect_in_numbers(marketer, make_journey, make_customer):
    journey = make_journey([{"id": "w", "kind": "wait", "amount": 5, "unit": "days"}])
    for number in range(3):
        enter_by_call(journey=journey, customer=make_customer(), key=str(number))
    page = marketer.get(url("journey", journey)).content.decode()
    assert "3 customers stay at their step" in page
    marketer.post(url("journey_pause", journey))
    page = marketer.get(url("journey", journey)).content.decode()
    assert "3 customers continue in" in page
    marketer.post(url("journey_resume", journey))
    page = marketer.post(url("journey_stop", journey), follow=True).content.decode()
    assert "It ended for 3 customers." in page
    assert JourneyRun.objects.filter(end_reason="stopped").count() == 3


def test_a_preset_is_one_click_and_is_tried_on_a_person(marketer, program, make_customer):
    page = marketer.get(reverse("journey_new")).content.decode()
    assert page.count('name="preset"') == len(PRESETS)
    response = marketer.post(reverse("journey_new"), {"preset": "cart"})
    journey = Journey.objects.get()
    assert response["Location"] == url("journey_edit", journey)
    customer = make_customer("Ada")
    page = marketer.get(url("journey_try", journey) + f"?who={customer.number}").content.decode()
    assert "加购券" in page
    assert "No address on this channel" in page, "the gate says what would become of the message"
    assert not JourneyRun.objects.exists()
    assert (
        "There is no customer with this number" in marketer.get(url("journey_try", journey) + "?who=1").content.decode()
    )
    marketer.post(url("journey_delete", journey))
    assert not Journey.objects.exists()


def test_the_list_costs_the_same_for_any_number_of_journeys(marketer, make_journey, django_assert_max_num_queries):
    for _one in range(12):
        make_journey([{"id": "s", "kind": "exit"}])
    marketer.get(reverse("journeys"))
    with django_assert_max_num_queries(17):
        page = marketer.get(reverse("journeys")).content.decode()
    assert page.count("data-row>") == 12


def test_a_user_who_may_only_view_changes_nothing(client, staff, make_journey):
    journey = make_journey([{"id": "s", "kind": "exit"}])
    client.force_login(staff(Role.ANALYST))
    page = client.get(url("journey", journey)).content.decode()
    assert url("journey_pause", journey) not in page
    for name in ("journey_pause", "journey_stop", "journey_publish", "journey_add"):
        assert client.post(url(name, journey)).status_code == 403
    journey.refresh_from_db()
    assert journey.state == "running"


def test_the_api_enters_a_customer_once_per_key(api, make_journey, make_customer):
    journey, customer = make_journey([{"id": "s", "kind": "exit"}]), make_customer()
    path = f"/api/v1/journeys/{journey.pk}/entries"
    body = {"customer": customer.number}
    assert api.post(path, body, format="json").json()["errors"][0]["code"] == "idempotency_key_missing"
    first = api.post(path, body, format="json", headers={"Idempotency-Key": "k1"})
    assert first.status_code == 200
    run = JourneyRun.objects.get()
    assert first.json() == {"result": "entered", "run": run.pk, "journey": journey.pk, "customer": customer.number}
    again = api.post(path, body, format="json", headers={"Idempotency-Key": "k1"}).json()
    assert (again["result"], again["run"]) == ("repeated", run.pk)
    assert api.post(path, body, format="json", headers={"Idempotency-Key": "k2"}).json()["result"] == "refused"
    assert api.post(path, {"customer": "nobody"}, format="json", headers={"Idempotency-Key": "k"}).status_code == 404
    other = make_journey([{"id": "s", "kind": "exit"}], entry={"kind": "event", "event": "crm.order_paid"})
    answer = api.post(f"/api/v1/journeys/{other.pk}/entries", body, format="json", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "journey_not_by_call")
    assert JourneyRun.objects.count() == 1
