"""Test the broadcast endpoints: draft, preview, sending and commands, with the refusals of each."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from analytics.segments.services.segments import archive_segment, create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.templates.models import TemplateText
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.customers.models import Consent
from tests.segments import put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(store, memory):
    return save_template(name="News", channel="memory", texts=[Text("en", "<p>Hi</p>", "News")], actor=SYSTEM)


@pytest.fixture
def segment(store):
    return create_segment(name="Everyone", rule={"op": "and", "children": []}, actor=SYSTEM)


@pytest.fixture
def audience(open_policy, segment, make_customer):
    """Create three reachable customers, two without consent, one without an address."""
    for number in range(6):
        customer = make_customer(email=f"m{number}@example.com" if number else "")
        put_in(segment, customer)
        if number < 4:
            Consent.objects.create(
                customer=customer, channel="memory", purpose="marketing", decision="granted", source="test",
                given_at=timezone.now(),
            )  # fmt: skip


@pytest.fixture
def draft(segment, template):
    return create_broadcast(name="Spring", segment=segment, template=template, actor=SYSTEM)


def send(api, method, path, body=None, key=""):
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return getattr(api, method)(f"/api/v1/{path}", body, format="json", **headers)


def fault(response) -> tuple:
    body = response.json()
    return response.status_code, body["errors"][0]["code"], body["errors"][0]["attr"]


def told() -> list[str]:
    kinds = DomainEvent.objects.filter(kind__startswith="campaigns.broadcast_").order_by("pk")
    return [kind.removeprefix("campaigns.broadcast_") for kind in kinds.values_list("kind", flat=True)]


def test_a_broadcast_from_its_draft_to_its_counts(api, audience, segment, template, memory):
    made = send(api, "post", "broadcasts", {"name": "Spring", "segment": segment.pk, "template": template.pk})
    pk = made.json()["id"]
    assert (made.status_code, made.json()) == (201, {
        "id": pk, "name": "Spring", "state": "draft", "segment": segment.pk, "template": template.pk,
        "template_version": 0, "coupon": None, "experiment": None, "send_on": None, "send_time": None,
        "customer_zone": False, "per_minute": 0, "holdout_percent": 0, "attribution_days": 7, "audience": 0,
        "starts_at": None, "finished_at": None,
    })  # fmt: skip
    # the preview shows the audience and writes nothing
    preview = send(api, "get", f"broadcasts/{pk}/preview")
    assert (preview.status_code, preview.json()) == (200, {
        "total": 6, "sent": 3, "held": 0, "suppressed": 3, "reasons": {"no_consent": 2, "no_address": 1},
    })  # fmt: skip
    assert Message.objects.count() == 0
    # when it is scheduled without a time and the workers have run
    scheduled = send(api, "post", f"broadcasts/{pk}/schedule", key="go").json()
    assert (scheduled["state"], scheduled["template_version"], scheduled["starts_at"] is not None) == (
        "scheduled", 1, True,
    )  # fmt: skip
    run_broadcasts()
    messages.send_due()
    run_broadcasts()
    # then the result is the preview
    one = send(api, "get", f"broadcasts/{pk}").json()
    assert (one["state"], one["audience"], one["finished_at"] is not None) == ("done", 6, True)
    assert (one["states"], one["reasons"]) == ({"sent": 3, "suppressed": 3}, {"no_consent": 2, "no_address": 1})
    assert (one["coupons_redeemed"], one["discount_given"]) == (0, 0)
    assert len(memory.taken) == 3
    # and a late repeat of the same command starts nothing again
    assert send(api, "post", f"broadcasts/{pk}/schedule", key="go").json()["state"] == "done"
    assert fault(send(api, "post", f"broadcasts/{pk}/schedule", key="again")) == (409, "broadcast_state", None)
    assert (told(), Message.objects.count()) == (["scheduled", "finished"], 6)


def test_pause_resume_and_stop_are_idempotent(api, audience, draft, memory):
    path = f"broadcasts/{draft.pk}"
    assert send(api, "post", f"{path}/schedule").json()["state"] == "scheduled"
    assert send(api, "post", f"{path}/unschedule").json()["state"] == "draft"
    assert fault(send(api, "post", f"{path}/pause")) == (409, "broadcast_state", None)
    send(api, "post", f"{path}/schedule")
    run_broadcasts()
    for command, state in (("pause", "paused"), ("resume", "sending"), ("pause", "paused"), ("stop", "stopped")):
        first, again = (send(api, "post", f"{path}/{command}") for _ in range(2))
        assert [(one.status_code, one.json()["state"]) for one in (first, again)] == [(200, state)] * 2
    assert fault(send(api, "post", f"{path}/resume")) == (409, "broadcast_state", None)
    assert told() == ["scheduled", "scheduled", "paused", "resumed", "paused", "stopped"]
    run_broadcasts()
    assert messages.send_due() == 0
    one = send(api, "get", path).json()
    assert (one["states"], one["reasons"], memory.taken) == ({"suppressed": 6}, {"stopped": 6}, [])


def test_only_the_sent_fields_of_a_draft_change(api, draft, make_coupon):
    gift = make_coupon(name="Gift")
    TemplateText.objects.update(body="Hi {% if coupon.code %}{{ coupon.code }}{% endif %}")
    path = f"broadcasts/{draft.pk}"
    changed = send(
        api, "patch", path, {"coupon": gift.pk, "send_on": "2030-05-01", "send_time": "09:30", "customer_zone": True}
    ).json()
    assert {name: changed[name] for name in ("name", "coupon", "send_on", "send_time", "customer_zone")} == {
        "name": "Spring", "coupon": gift.pk, "send_on": "2030-05-01", "send_time": "09:30:00", "customer_zone": True,
    }  # fmt: skip
    refused = send(api, "patch", path, {"coupon": None})
    assert fault(refused) == (400, "coupon_missing", "coupon")
    TemplateText.objects.update(body="Hi")
    assert send(api, "patch", path, {"coupon": None}).json()["coupon"] is None
    assert fault(send(api, "patch", path, {"coupon": gift.pk})) == (400, "coupon_not_shown", "coupon")
    send(api, "post", f"{path}/schedule")
    assert fault(send(api, "patch", path, {"name": "Summer"})) == (409, "broadcast_state", None)
    assert fault(send(api, "patch", "broadcasts/999999", {"name": "Summer"})) == (404, "unknown_broadcast", None)
    assert Broadcast.objects.get().name == "Spring"


def test_invalid_fields_are_refused_and_nothing_is_created(api, segment, template, draft, make_coupon):
    right = {"name": "Summer", "segment": segment.pk, "template": template.pk}
    public = make_coupon(code="PUBLIC")
    receipt = save_template(
        name="Receipt", channel="memory", texts=[Text("en", "<p>Hi</p>", "Hi")], actor=SYSTEM,
        message_class="transactional",
    )  # fmt: skip
    for wrong, expected in (
        ({"name": ""}, (400, "blank", "name")),
        ({"name": "Spring"}, (400, "name_taken", "name")),
        ({"segment": 999999}, (400, "unknown_segment", "segment")),
        ({"template": 999999}, (400, "unknown_template", "template")),
        ({"template": receipt.pk}, (400, "transactional_template", "template")),
        ({"coupon": 999999}, (400, "unknown_coupon", "coupon")),
        ({"coupon": public.pk}, (400, "public_coupon", "coupon")),
        ({"experiment": 999999}, (400, "unknown_experiment", "experiment")),
        ({"send_on": "2030-05-01"}, (400, "required", "send_time")),
        ({"customer_zone": True}, (400, "required", "send_on")),
        ({"holdout_percent": 91}, (400, "max_value", "holdout_percent")),
        ({"per_minute": -1}, (400, "min_value", "per_minute")),
    ):
        assert fault(send(api, "post", "broadcasts", {**right, **wrong})) == expected
    archive_segment(segment=segment, actor=SYSTEM)
    assert fault(send(api, "post", "broadcasts", right)) == (400, "unknown_segment", "segment")
    assert fault(send(api, "post", f"broadcasts/{draft.pk}/schedule")) == (409, "segment_archived", "segment")
    assert [(row.name, row.state) for row in Broadcast.objects.all()] == [("Spring", "draft")]


def test_a_past_time_is_refused(api, draft):
    send(api, "patch", f"broadcasts/{draft.pk}", {"send_on": "2020-05-01", "send_time": "09:30"})
    assert fault(send(api, "post", f"broadcasts/{draft.pk}/schedule")) == (400, "in_the_past", "send_on")
    assert Broadcast.objects.get().state == "draft"


def test_the_same_key_drafts_one(api, segment, template):
    body = {"name": "Spring", "segment": segment.pk, "template": template.pk}
    first, again = (send(api, "post", "broadcasts", body, key="k1") for _ in range(2))
    assert (first.status_code, first.content) == (201, again.content)
    assert fault(send(api, "post", "broadcasts", {**body, "name": "Summer"}, key="k1")) == (
        409, "idempotency_key_reused", "Idempotency-Key",
    )  # fmt: skip
    assert Broadcast.objects.count() == 1


def test_a_key_that_may_draft_may_not_send(server_key, draft):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {server_key('broadcasts:write', 'broadcasts:read')}")
    assert send(client, "patch", f"broadcasts/{draft.pk}", {"per_minute": 60}).status_code == 200
    assert send(client, "post", f"broadcasts/{draft.pk}/schedule").status_code == 403
    assert Broadcast.objects.get().state == "draft"


def test_the_list_is_newest_first_by_state_with_as_many_queries_for_one_as_for_twenty(api, segment, template):
    def listed(query="") -> tuple[list, int]:
        with CaptureQueriesContext(connection) as queries:
            found = send(api, "get", f"broadcasts{query}").json()["results"]
        return [row["name"] for row in found], len(queries)

    def make(name):
        return create_broadcast(name=name, segment=segment, template=template, actor=SYSTEM)

    make("First")
    listed()
    rows, few = listed()
    assert rows == ["First"]
    second = make("Second")
    send(api, "post", f"broadcasts/{second.pk}/schedule")
    for number in range(18):
        make(f"More {number}")
    rows, many = listed()
    assert (len(rows), rows[-2:], many) == (20, ["Second", "First"], few)
    assert listed("?state=scheduled")[0] == ["Second"]
    assert fault(send(api, "get", "broadcasts?state=lost")) == (400, "invalid_choice", "state")
