"""Test held sending: nothing is sent, by hand or after a restore, until a person has decided."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services import runs as broadcast_runs
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.journeys.models import JourneyRun
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services.entries import enter_by_call
from campaigns.journeys.services.journeys import create_journey, publish_journey
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.messages.services.messages import claim_batch, deliver_batch, queue_message, send_due, sweep_leases
from campaigns.templates.services.sending_tests import send_tests
from campaigns.templates.services.templates import texts_of
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from core.sending import services as sending_hold
from core.sending.marker import marker
from core.sending.models import HoldCause, SendingHold
from core.webhooks import sending as webhook_sending
from core.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.campaigns.channels.test_email import mailbox, queue, reachable, template  # noqa: F401
from tests.segments import put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(settings, tmp_path, monkeypatch):
    """Use marker files of this test alone, and a process that has seen nothing."""
    monkeypatch.setattr("core.sending.marker._path", lambda line: tmp_path / "lines" / str(line))
    monkeypatch.setattr(marker, "line", None)
    monkeypatch.setattr(marker, "seen", 0)
    monkeypatch.setattr(marker, "_written", 0)
    return tmp_path / "lines"


def restored() -> SendingHold:
    """Set the state that the restore command leaves, before anything is marked."""
    sending_hold.state()
    with connection.cursor() as cursor:
        cursor.execute(sending_hold.RESTORED_SQL)
    return SendingHold.objects.get()


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Message.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def test_an_emergency_stop_holds_due_messages_and_the_start_releases_them(mailbox, template, reachable):  # noqa: F811
    message = queue(reachable(), template)
    sending_hold.hold(note="wrong price", actor=SYSTEM)

    assert send_due() == 0
    assert mailbox.received == []
    message.refresh_from_db()
    assert message.state == "queued"

    sending_hold.start(actor=SYSTEM)
    assert send_due() == 1
    assert len(mailbox.received) == 1
    kinds = DomainEvent.objects.filter(kind__startswith="core.sending").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["core.sending_held", "core.sending_started"]


def test_messages_claimed_before_the_stop_are_not_handed_over(mailbox, template, reachable):  # noqa: F811
    queue(reachable(), template)
    batch = claim_batch()
    sending_hold.hold(actor=SYSTEM)

    deliver_batch(batch)

    assert mailbox.received == []
    Message.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert sweep_leases()["queued"] == 1
    assert send_due() == 0
    sending_hold.start(actor=SYSTEM)
    assert send_due() == 1
    assert len(mailbox.received) == 1


def test_after_a_restore_nothing_due_is_sent_until_a_person_has_decided(mailbox, template, reachable):  # noqa: F811
    due = [queue(reachable(), template) for _ in range(3)]
    Message.objects.filter(pk=due[1].pk).update(state="held", reason="quiet_hours", decided_at=timezone.now())
    Message.objects.filter(pk=due[2].pk).update(state="sending", claim=uuid.uuid4(), leased_until=timezone.now())
    later = queue_message(
        customer=reachable(),
        template=template,
        origin="test",
        occurrence="later",
        due_at=timezone.now() + timedelta(days=3),
    )
    restored()

    with pytest.raises(Conflict) as refused:
        sending_hold.start(actor=SYSTEM)
    assert refused.value.code == "held_not_ready"
    sweep_leases()
    assert send_due() == 0

    assert sending_hold.doubt_due()["messages.other"] == 3
    assert states() == {"uncertain": 3, "queued": 1}
    later.refresh_from_db()
    assert later.state == "queued"
    # A restart or a second run changes nothing, and no provider is asked.
    assert sending_hold.doubt_due() == {}
    assert sweep_leases() == {"queued": 0, "uncertain": 0, "reconciled": 0}
    with pytest.raises(Conflict) as refused:
        sending_hold.start(actor=SYSTEM)
    assert (refused.value.code, refused.value.details["kinds"]) == ("held_undecided", ["messages.other"])
    assert send_due() == 0
    assert mailbox.received == []

    assert sending_hold.decide(kind="messages.other", choice="release", actor=SYSTEM) == 3
    assert send_due() == 0, "decided, and still held"
    sending_hold.start(actor=SYSTEM)
    assert send_due() == 3
    assert len(mailbox.received) == 3
    assert states() == {"sent": 3, "queued": 1}


@pytest.mark.parametrize(("choice", "state"), [("sent", "sent"), ("drop", "suppressed")])
def test_messages_marked_as_sent_or_dropped_never_go_out(choice, state, mailbox, template, reachable):  # noqa: F811
    message = queue(reachable(), template)
    restored()
    sending_hold.doubt_due()

    assert sending_hold.decide(kind="messages.other", choice=choice, actor=SYSTEM) == 1
    sending_hold.start(actor=SYSTEM)
    send_due()

    assert mailbox.received == []
    message.refresh_from_db()
    assert (message.state, message.sent_at is not None) == (state, state == "sent")
    assert DomainEvent.objects.get(kind="core.held_settled").payload == {
        "kind": "messages.other",
        "choice": choice,
        "count": 1,
    }


def test_unknown_items_can_not_be_decided(template, reachable):  # noqa: F811
    with pytest.raises(Conflict) as refused:
        sending_hold.start(actor=SYSTEM)
    assert refused.value.code == "not_held"
    sending_hold.hold(actor=SYSTEM)
    for kind, choice, code in (("nothing", "sent", "invalid_choice"), ("webhooks", "burn", "invalid_choice")):
        with pytest.raises(Invalid) as invalid:
            sending_hold.decide(kind=kind, choice=choice, actor=SYSTEM)
        assert invalid.value.code == code
    with pytest.raises(Conflict) as refused:
        sending_hold.decide(kind="webhooks", choice="sent", actor=SYSTEM)
    assert refused.value.code == "not_restored"
    with pytest.raises(Invalid) as invalid:
        sending_hold.hold(note="x" * 401, actor=SYSTEM)
    assert invalid.value.code == "too_long"


@pytest.fixture
def broadcast(template, reachable):  # noqa: F811
    from analytics.segments.services.segments import create_segment

    segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    for _ in range(4):
        put_in(segment, reachable())
    made = create_broadcast(name="Sale", segment=segment, template=template, actor=SYSTEM)
    schedule_broadcast(broadcast=made, actor=SYSTEM)
    return made


def test_a_broadcast_that_was_to_start_is_counted_and_sends_nothing(broadcast, mailbox):  # noqa: F811
    restored()
    assert broadcast_runs.run_broadcasts()["made"] == 0
    assert Message.objects.count() == 0

    assert sending_hold.doubt_due()["messages.broadcasts"] == 4
    figures = sending_hold.count_waiting()["messages.broadcasts"]
    assert (figures.uncertain, figures.waiting) == (4, 0)

    assert sending_hold.decide(kind="messages.broadcasts", choice="sent", actor=SYSTEM) == 4
    sending_hold.start(actor=SYSTEM)
    broadcast_runs.run_broadcasts()
    send_due()
    assert mailbox.received == []
    assert Broadcast.objects.get().state == "done"


def test_a_scheduled_broadcast_waits_under_a_stop_and_starts_afterwards(broadcast, mailbox):  # noqa: F811
    sending_hold.hold(actor=SYSTEM)
    broadcast_runs.run_broadcasts()
    assert (Broadcast.objects.get().state, Message.objects.count()) == ("scheduled", 0)
    sending_hold.start(actor=SYSTEM)
    broadcast_runs.run_broadcasts()
    send_due()
    assert len(mailbox.received) == 4


def test_webhooks_wait_and_after_a_restore_are_decided_about(store):
    endpoint = WebhookEndpoint.objects.create(url="https://example.com/", event_types=["order.paid"])
    row = WebhookDelivery.objects.create(endpoint=endpoint, event_id=1, event_type="order.paid", body="{}")
    restored()
    assert webhook_sending.owed_endpoints() == []
    assert webhook_sending.send_due(endpoint.pk) == 0

    assert sending_hold.doubt_due()["webhooks"] == 1
    row.refresh_from_db()
    assert row.state == "uncertain"
    sending_hold.decide(kind="webhooks", choice="release", actor=SYSTEM)
    assert webhook_sending.owed_endpoints() == []
    sending_hold.start(actor=SYSTEM)
    assert webhook_sending.owed_endpoints() == [endpoint.pk]


@pytest.mark.parametrize(
    ("choice", "state", "mails"), [("release", "ended", 1), ("sent", "ended", 0), ("drop", "ended", 0)]
)
def test_runs_with_a_due_step_wait_until_decided(choice, state, mails, template, reachable, mailbox):  # noqa: F811
    steps = [{"id": "a", "kind": "message", "template": str(template.pk)}]
    journey = create_journey(name="Hello", draft={"entry": {"kind": "api"}, "steps": steps}, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    journey.refresh_from_db()
    assert enter_by_call(journey=journey, customer=reachable(), key="1")[0] == "entered"
    restored()
    assert journey_engine.advance_due() == 0
    assert JourneyRun.objects.get().state == "active"
    assert sending_hold.doubt_due()["journeys"] == 1

    sending_hold.decide(kind="journeys", choice=choice, actor=SYSTEM)
    sending_hold.start(actor=SYSTEM)
    journey_engine.advance_due()
    send_due()

    assert (JourneyRun.objects.get().state, len(mailbox.received)) == (state, mails)


def test_an_older_copy_that_was_put_back_by_hand_holds_itself(lines, mailbox, template, reachable):  # noqa: F811
    row = sending_hold.state()
    assert sending_hold.notice_restore() == ""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('core_sending_seq')")
        number = cursor.fetchone()[0]
    marker.saw(number + 5)
    marker.flush()
    assert (lines / str(row.line)).read_text() == f"{number + 5}\n"
    message = queue(reachable(), template)

    # Even before any process has looked, no claim takes a message.
    assert send_due() == 0
    assert sending_hold.is_held()
    assert not SendingHold.objects.get().held
    # Another process, which only knows the file.
    marker.line, marker.seen = None, 0
    assert sending_hold.notice_restore() == HoldCause.OLDER
    held = SendingHold.objects.get()
    assert (held.held, held.cause) == (True, "older")
    sending_hold.doubt_due()
    message.refresh_from_db()
    assert message.state == "uncertain"

    # Once accepted as the truth, it is not compared with the older copy.
    sending_hold.decide(kind="messages.other", choice="release", actor=SYSTEM)
    sending_hold.start(actor=SYSTEM)
    assert sending_hold.notice_restore() == ""
    assert send_due() == 1
    assert len(mailbox.received) == 1


def test_a_copy_in_another_database_holds_itself(lines):
    sending_hold.state()
    SendingHold.objects.update(home="7000000000000000000/16384")
    assert sending_hold.notice_restore() == HoldCause.MOVED
    held = SendingHold.objects.get()
    assert (held.held, held.cause, held.uncertain_before is not None) == (True, "moved", True)


@pytest.mark.django_db(transaction=True)
def test_each_batch_moves_the_marker_before_the_provider_is_called(lines, mailbox, template, reachable):  # noqa: F811
    row = sending_hold.state()
    sending_hold.notice_restore()
    before = marker.seen
    seen = []
    mailbox.before_answer = lambda: seen.append(marker.seen)
    for _ in range(3):
        queue(reachable(), template)
    send_due()
    assert len(seen) == 3
    assert before < seen[0] < seen[1] < seen[2]
    assert int((lines / str(row.line)).read_text()) == marker.seen


def test_the_command_holds_decides_and_releases(template, reachable, capsys):  # noqa: F811
    queue(reachable(), template)
    call_command("sending", "hold", note="wrong price")
    assert "Sending is held since" in capsys.readouterr().out
    call_command("sending", "release")
    assert capsys.readouterr().out == "Sending is not held.\n"
    restored()
    with pytest.raises(CommandError, match="held_undecided"):
        call_command("sending", "release")
    call_command("sending", "decide", kind="messages.other", choice="drop")
    assert "messages.other: drop for 1" in capsys.readouterr().out
    call_command("sending", "release")
    assert states() == {"suppressed": 1}


def test_everyone_reads_the_banner_and_marketers_find_the_page(client, staff, template, reachable):  # noqa: F811
    queue(reachable(), template)
    client.force_login(staff(Role.AGENT))
    assert "Sending is held." not in client.get("/").content.decode()
    restored()
    sending_hold.shown.forget()
    sending_hold.doubt_due()
    page = client.get("/").content.decode()
    assert "Sending is held." in page
    assert "/sending/hold/" not in page
    assert client.post("/sending/hold/start/").status_code == 403

    client.force_login(staff(Role.MARKETER))
    page = client.get("/sending/hold/").content.decode()
    assert "Other messages, such as replies and satisfaction questions" in page
    assert "Decisions are missing for: Other messages" in page
    assert client.post("/sending/hold/start/").status_code == 302
    assert SendingHold.objects.get().held, "undecided, so refused"
    client.post("/sending/hold/decide/", {"kind": "messages.other", "choice": "sent"})
    client.post("/sending/hold/start/")
    assert not SendingHold.objects.get().held
    assert states() == {"sent": 1}
    client.post("/sending/hold/stop/", {"note": "wrong price"})
    held = SendingHold.objects.get()
    assert (held.held, held.cause, held.note) == (True, "manual", "wrong price")
    assert "Sending is held." in client.get("/").content.decode()


def test_a_test_of_a_template_is_refused_too(template, staff):  # noqa: F811
    sending_hold.hold(actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        send_tests(
            texts=list(texts_of(template).values()),
            message_class="marketing",
            addresses=["marketer@example.com"],
            context_of=lambda text: {},
            user=staff(Role.MARKETER),
        )
    assert refused.value.code == "sending_held"
    assert mail.outbox == []


def test_a_restore_that_is_counted_in_one_transaction_is_not_left_half_decided(template, reachable, monkeypatch):  # noqa: F811
    message = queue(reachable(), template)
    restored()
    sending_hold.doubt_due()
    monkeypatch.setattr("core.sending.services.emit", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sending_hold.decide(kind="messages.other", choice="sent", actor=SYSTEM)
    message.refresh_from_db()
    assert (message.state, SendingHold.objects.get().decisions) == ("uncertain", {})


def test_messages_are_claimed_in_sql_only_while_nothing_holds(template, reachable):  # noqa: F811
    queue(reachable(), template)
    SendingHold.objects.update_or_create(pk=1, defaults={"held": True, "cause": "manual", "held_at": timezone.now()})
    assert messages.claim_batch() is None
