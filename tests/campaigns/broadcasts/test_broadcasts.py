"""Test broadcasts: once to each customer of a segment, at its time and pace; the preview is the result (J1)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services import runs as broadcast_runs
from campaigns.broadcasts.services.broadcasts import (
    create_broadcast,
    pause_broadcast,
    preview_broadcast,
    resume_broadcast,
    schedule_broadcast,
    stop_broadcast,
    unschedule_broadcast,
    update_broadcast,
)
from campaigns.broadcasts.services.runs import run_broadcasts, take_audience
from campaigns.coupons.models import CouponCode
from campaigns.experiments.services import queueing as experiments_queueing
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.messages.services.suppressions import suppress_customer
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from crm.customers.models import Consent
from tests.campaigns.conftest import policy
from tests.segments import put_in, take_out
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(store, memory):
    text = Text("en", "<p>Hi {{ customer.first_name }}</p>", "News")
    return save_template(name="News", channel="memory", texts=[text], actor=SYSTEM)


@pytest.fixture
def gift_template(store, memory):
    text = Text("en", "<p>Hi {{ customer.first_name }} {{ coupon.code }}</p>", "Gift")
    return save_template(name="Gift", channel="memory", texts=[text], actor=SYSTEM)


@pytest.fixture
def segment(store):
    return create_segment(name="Everyone", rule={"op": "and", "children": []}, actor=SYSTEM)


@pytest.fixture
def member(make_customer, segment):
    made = 0

    def make(*, consent=True, address=True, zone=""):
        nonlocal made
        made += 1
        customer = make_customer(email=f"m{made}@example.com" if address else "", time_zone=zone)
        put_in(segment, customer)
        if consent:
            Consent.objects.create(
                customer=customer, channel="memory", purpose="marketing", decision="granted", source="test",
                given_at=timezone.now(),
            )  # fmt: skip
        return customer

    return make


@pytest.fixture
def make(template, segment):
    def make(**fields):
        return create_broadcast(
            **{"name": "Spring", "segment": segment, "template": template, "actor": SYSTEM, **fields}
        )

    return make


def begin(broadcast, now=None):
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    return run_broadcasts(now=now)


def outcome(broadcast) -> dict:
    rows = Message.objects.filter(origin=broadcast.origin)
    return dict(Counter(row.reason or row.state for row in rows))


@pytest.mark.parametrize("holdout", [0, 50])
def test_the_preview_is_the_result(open_policy, make, member, memory, holdout):
    policy(cap_per_day=1)
    for _ in range(6):
        member()
    for _ in range(3):
        member(consent=False)
    member(address=False)
    suppress_customer(customer=member(), channel="memory", reason="manual", actor=SYSTEM)
    capped = member()
    Message.objects.create(
        customer=capped, channel="memory", message_class="marketing", origin="x", occurrence="1",
        template=make().template, template_version=1, state="sent", sent_at=timezone.now(),
    )  # fmt: skip
    broadcast = make(name="Big", holdout_percent=holdout)
    found = preview_broadcast(broadcast)
    assert Message.objects.filter(origin=broadcast.origin).count() == 0, "a preview writes nothing"
    assert found.total == 12
    assert begin(broadcast)["made"] == 12
    assert messages.send_due() == 12 - found.reasons.get("holdout", 0)
    broadcast.refresh_from_db()
    result = outcome(broadcast)
    # The random split may leave no customer at all.
    assert result.pop("sent", 0) == found.sent
    assert result == found.reasons
    if not holdout:
        assert found.reasons == {"no_consent": 3, "no_address": 1, "suppressed": 1, "cap_day": 1}
        assert found.sent == 6
    assert len(memory.taken) == found.sent
    assert run_broadcasts()["finished"] == 1
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.audience_count) == ("done", 12)


def test_taking_the_audience_again_makes_no_new_messages(open_policy, make, member):
    for _ in range(3):
        member()
    broadcast = make()
    begin(broadcast)
    Broadcast.objects.update(prepared_at=None)
    assert take_audience(broadcast_id=broadcast.pk) == 0
    assert Message.objects.count() == 3


@pytest.mark.parametrize("per_minute", [0, 60])
def test_a_worker_that_dies_in_the_audience_leaves_whole_chunks_and_the_next_continues(
    open_policy, make, member, monkeypatch, per_minute
):
    """Given seven people in chunks of two, when the worker dies in the third chunk, four have a message; a retry adds
    the rest once (F2).
    """
    people = [member() for _ in range(7)]
    broadcast = make(per_minute=per_minute)
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    monkeypatch.setattr(broadcast_runs, "CHUNK", 2)
    monkeypatch.setattr(broadcast_runs, "PACED_CHUNK", 2)
    whole, chunks = experiments_queueing.queue_selected, []

    def dies_in_the_third(**given):
        made = whole(**given)
        chunks.append(made)
        if len(chunks) == 3:
            raise SystemExit
        return made

    with monkeypatch.context() as patched:
        patched.setattr(broadcast_runs, "queue_selected", dies_in_the_third)
        with pytest.raises(SystemExit):
            run_broadcasts()
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    assert sorted(Message.objects.values_list("customer_id", flat=True)) == [person.pk for person in people[:4]]
    broadcast.refresh_from_db()
    assert (broadcast.prepared_at, broadcast.audience_count) == (None, 0)
    assert run_broadcasts()["made"] == 3
    assert sorted(Message.objects.values_list("customer_id", flat=True)) == [person.pk for person in people]
    broadcast.refresh_from_db()
    assert broadcast.prepared_at is not None
    assert broadcast.audience_count == 7
    if per_minute:
        due = Message.objects.order_by("customer_id").values_list("due_at", flat=True)
        steps = [(later - sooner).total_seconds() for sooner, later in pairwise(due)]
        assert min(steps) >= 0.999, "a second apart, over the ends of chunks too"


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_make_each_message_once(open_policy, make, member):
    for _ in range(5):
        member()
    schedule_broadcast(broadcast=make(), actor=SYSTEM)
    made = storm(6, lambda _n: run_broadcasts()["made"])
    assert sum(made) == 5
    assert Message.objects.count() == 5


def test_a_coupon_is_issued_to_each_and_named_in_the_message(
    open_policy, make, member, make_coupon, memory, gift_template
):
    coupon = make_coupon()
    ada, wang = member(), member()
    broadcast = make(coupon=coupon, template=gift_template)
    begin(broadcast)
    messages.send_due()
    codes = {code.customer_id: code.code for code in CouponCode.objects.filter(coupon=coupon)}
    assert codes.keys() == {ada.pk, wang.pk}
    for item in memory.taken:
        assert codes[item.customer_id] in item.body.replace("-", "")
    coupon.refresh_from_db()
    assert coupon.issued_count == 2


def test_in_each_customers_zone_it_is_due_at_their_local_hour(open_policy, make, member):
    shanghai, london, honolulu = (
        member(zone="Asia/Shanghai"),
        member(zone="Europe/London"),
        member(zone="Pacific/Honolulu"),
    )
    day = (timezone.now() + timedelta(days=3)).date()
    broadcast = make(send_on=day, send_time=time(10), customer_zone=True)
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    broadcast.refresh_from_db()
    start = datetime.combine(day, time(10), tzinfo=UTC) - timedelta(hours=14)
    assert broadcast.starts_at == start
    assert run_broadcasts(now=start - timedelta(seconds=1))["started"] == 0
    assert run_broadcasts(now=start)["made"] == 3
    due = dict(Message.objects.values_list("customer_id", "due_at"))
    for customer, zone in ((shanghai, "Asia/Shanghai"), (london, "Europe/London"), (honolulu, "Pacific/Honolulu")):
        local = due[customer.pk].astimezone(ZoneInfo(zone))
        assert (local.date(), local.hour, local.minute) == (day, 10, 0), zone


def test_in_the_shops_zone_everyone_is_due_at_once(open_policy, make, member):
    member(zone="Europe/London")
    day = (timezone.now() + timedelta(days=2)).date()
    broadcast = make(send_on=day, send_time=time(10))
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    broadcast.refresh_from_db()
    assert broadcast.starts_at == datetime.combine(day, time(2), tzinfo=UTC), "10:00 in Shanghai"
    run_broadcasts(now=broadcast.starts_at)
    assert Message.objects.get().due_at == broadcast.starts_at


def test_messages_are_spaced_and_no_minute_takes_more_than_its_share(open_policy, make, member, memory, monkeypatch):
    for _ in range(7):
        member()
    now = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
    broadcast = make(per_minute=3)
    Broadcast.objects.update(state="sending", starts_at=now)
    run_broadcasts(now=now)
    due = sorted(Message.objects.values_list("due_at", flat=True))
    assert [round((at - now).total_seconds()) for at in due] == [0, 20, 40, 60, 80, 100, 120]
    Message.objects.update(due_at=now, state="queued")
    monkeypatch.setattr("core.base.clock.now", lambda: now + timedelta(seconds=30))
    assert messages.send_due() == 7
    assert len(memory.taken) == 3
    later = sorted(Message.objects.filter(state="queued").values_list("due_at", flat=True))
    assert [round((at - now).total_seconds()) for at in later] == [60, 80, 100, 120]
    monkeypatch.setattr("core.base.clock.now", lambda: now + timedelta(seconds=59))
    assert messages.send_due() == 0
    monkeypatch.setattr("core.base.clock.now", lambda: now + timedelta(seconds=101))
    messages.send_due()
    assert len(memory.taken) == 6
    monkeypatch.setattr("core.base.clock.now", lambda: now + timedelta(seconds=121))
    messages.send_due()
    assert len(memory.taken) == 7
    broadcast.refresh_from_db()
    assert (broadcast.minute, broadcast.minute_count) == (now + timedelta(minutes=2), 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_pass_the_limit_together(open_policy, make, member, memory):
    for _ in range(12):
        member()
    begin(make(per_minute=5))
    Message.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    held = [batch for batch in storm(4, lambda _n: messages.claim_batch(limit=3)) if batch]
    for batch in held:
        messages.deliver_batch(batch)
    # The clock may have passed into the next minute, which has a share of its own.
    minutes = Counter(Message.objects.filter(state="sent").values_list("decided_at__minute", flat=True))
    assert sum(minutes.values()) >= 5
    assert all(count <= 5 for count in minutes.values())


def test_a_pause_holds_due_messages_and_a_resume_sends_them_once(open_policy, make, member, memory):
    for _ in range(4):
        member()
    broadcast = make()
    begin(broadcast)
    pause_broadcast(broadcast=broadcast, actor=SYSTEM)
    messages.send_due()
    assert memory.taken == []
    assert outcome(broadcast) == {"paused": 4}
    assert run_broadcasts()["finished"] == 0
    resume_broadcast(broadcast=broadcast, actor=SYSTEM)
    assert run_broadcasts()["resumed"] == 4
    messages.send_due()
    assert len(memory.taken) == 4
    assert outcome(broadcast) == {"sent": 4}
    assert run_broadcasts()["finished"] == 1
    kinds = [
        kind.split(".")[1]
        for kind in DomainEvent.objects.filter(kind__startswith="campaigns.broadcast_")
        .order_by("id")
        .values_list("kind", flat=True)
    ]
    assert kinds == ["broadcast_scheduled", "broadcast_paused", "broadcast_resumed", "broadcast_finished"]


def test_a_long_pause_makes_nothing_stale(open_policy, make, member, memory):
    policy(stale_hours=1)
    member()
    broadcast = make()
    begin(broadcast)
    pause_broadcast(broadcast=broadcast, actor=SYSTEM)
    messages.send_due()
    Message.objects.update(decided_at=timezone.now() - timedelta(days=3))
    resume_broadcast(broadcast=broadcast, actor=SYSTEM)
    run_broadcasts()
    messages.send_due()
    assert outcome(broadcast) == {"sent": 1}


def test_stopping_is_permanent_and_stored_as_the_reason(open_policy, make, member, memory):
    for _ in range(3):
        member()
    broadcast = make()
    begin(broadcast)
    Message.objects.filter(pk=Message.objects.first().pk).update(state="sent", sent_at=timezone.now())
    stop_broadcast(broadcast=broadcast, actor=SYSTEM)
    run_broadcasts()
    messages.send_due()
    assert memory.taken == []
    assert outcome(broadcast) == {"sent": 1, "stopped": 2}
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.finished_at is not None) == ("stopped", True)
    with pytest.raises(Conflict):
        resume_broadcast(broadcast=broadcast, actor=SYSTEM)


def test_the_gate_stops_messages_before_the_scheduled_task_does(open_policy, make, member, memory):
    member()
    broadcast = make()
    begin(broadcast)
    stop_broadcast(broadcast=broadcast, actor=SYSTEM)
    messages.send_due()
    assert outcome(broadcast) == {"stopped": 1}


def test_customers_who_left_the_segment_get_nothing(open_policy, make, member, memory, segment):
    stays, leaves = member(), member()
    broadcast = make()
    begin(broadcast)
    take_out(segment, leaves)
    messages.send_due()
    assert [item.customer_id for item in memory.taken] == [stays.pk]
    assert Message.objects.get(customer=leaves).reason == "left_segment"


def test_a_broadcast_keeps_the_template_version_of_its_scheduling(open_policy, make, member, memory, template):
    member()
    broadcast = make()
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    save_template(
        name="News", channel="memory", texts=[Text("en", "<p>other</p>", "Other")], actor=SYSTEM, template=template
    )
    run_broadcasts()
    messages.send_due()
    assert memory.taken[0].subject == "News"


def test_only_a_draft_changes_and_a_schedule_can_be_undone(make):
    broadcast = make()
    update_broadcast(broadcast=broadcast, name="Summer", per_minute=9, actor=SYSTEM)
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    with pytest.raises(Conflict):
        update_broadcast(broadcast=broadcast, name="Late", actor=SYSTEM)
    unschedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    broadcast.refresh_from_db()
    assert (broadcast.name, broadcast.per_minute, broadcast.state, broadcast.starts_at) == ("Summer", 9, "draft", None)
    assert run_broadcasts()["started"] == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Spring"}, "name"),
        ({"send_on": date(2030, 1, 1)}, "send_time"),
        ({"send_time": time(9)}, "send_on"),
        ({"customer_zone": True}, "send_on"),
        ({"per_minute": -1}, "per_minute"),
        ({"holdout_percent": 91}, "holdout_percent"),
    ],
)
def test_invalid_values_are_refused_at_their_field(make, fields, field):
    make()
    with pytest.raises(Invalid) as caught:
        make(**{"name": "Other", **fields})
    assert caught.value.field == field
    assert Broadcast.objects.count() == 1


def test_a_past_time_and_a_transactional_template_are_refused(make, store):
    with pytest.raises(Invalid) as caught:
        schedule_broadcast(broadcast=make(send_on=date(2026, 1, 1), send_time=time(9)), actor=SYSTEM)
    assert caught.value.field == "send_on"
    assert Broadcast.objects.get().state == "draft"
    receipt = save_template(
        name="Receipt", channel="inbox", texts=[Text("en", "x")], message_class="transactional", actor=SYSTEM
    )
    with pytest.raises(Invalid) as caught:
        make(name="Receipts", template=receipt)
    assert caught.value.field == "template"


def test_a_broadcasts_template_stays_marketing(make, template):
    make()
    with pytest.raises(Conflict):
        save_template(
            name="News", channel="memory", texts=[Text("en", "x", "y")], actor=SYSTEM, template=template,
            message_class="transactional",
        )  # fmt: skip
    template.refresh_from_db()
    assert template.message_class == "marketing"
