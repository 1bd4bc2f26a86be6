"""Test refusals of campaigns that no other test covers: code, field, and that nothing changed."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from analytics.segments.models import Segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.care.models import CareRule
from campaigns.care.services.care import create_care_rule
from campaigns.channels.models import ChannelAccount
from campaigns.channels.services.accounts import save_account
from campaigns.experiments.models import Experiment
from campaigns.experiments.services.experiments import (
    Arm,
    create_experiment,
    end_experiment,
    start_experiment,
    update_experiment,
)
from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.services.entries import enter_by_call
from campaigns.journeys.services.journeys import (
    create_journey,
    delete_draft,
    publish_journey,
    resume_journey,
    stop_journey,
)
from campaigns.journeys.services.presets import draft_from_preset
from campaigns.messages.models import Message
from campaigns.messages.services.inbox import mark_read
from campaigns.messages.services.messages import mark_sent
from campaigns.templates.models import Template
from campaigns.templates.services.sending_tests import read_addresses, send_tests
from campaigns.templates.services.templates import Text, restore_version, save_template, texts_of
from core.base.actor import SYSTEM
from core.base.errors import Conflict, DomainError, Invalid, NotFound
from core.security.roles import Role
from tests.campaigns.journeys.conftest import make_journey  # noqa: F401

pytestmark = pytest.mark.django_db
PLAN = {"name": "Subject lines", "effect": Decimal("0.05"), "window_days": 7}
WAIT = [{"id": "w", "kind": "wait", "amount": 2, "unit": "days"}]


def snapshot() -> tuple:
    return (
        list(Experiment.objects.order_by("pk").values_list("pk", "state", "name", "window_days")),
        list(Journey.objects.order_by("pk").values_list("pk", "state", "version_id")),
        list(Template.objects.order_by("pk").values_list("pk", "version", "message_class")),
        list(Message.objects.order_by("pk").values_list("pk", "state")),
    )


def refused(kind: type[DomainError], call, **arguments) -> tuple[str, str | None]:
    """Return (code, field) of the refusal, after showing that it changed nothing."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        call(**arguments)
    assert snapshot() == before
    return caught.value.code, caught.value.field


@pytest.fixture
def template(store):
    return save_template(name="Hello", channel="inbox", texts=[Text("en", "Hi")], actor=SYSTEM)


def test_an_experiment_starts_once_is_fixed_and_ends_once(store):
    arms = [Arm("As it is"), Arm("Shorter")]
    experiment = create_experiment(actor=SYSTEM, arms=arms, **PLAN)
    other = create_experiment(actor=SYSTEM, arms=arms, **{**PLAN, "name": "Other"})
    assert refused(Conflict, end_experiment, experiment=experiment, actor=SYSTEM)[0] == "experiment_not_running"
    start_experiment(experiment=experiment, actor=SYSTEM)
    assert refused(Conflict, start_experiment, experiment=experiment, actor=SYSTEM)[0] == "experiment_not_draft"
    code, _field = refused(Conflict, update_experiment, experiment=experiment, actor=SYSTEM, window_days=9)
    assert code == "experiment_running"
    winner = other.arms.first()
    code, field = refused(Invalid, end_experiment, experiment=experiment, actor=SYSTEM, winner=winner)
    assert (code, field) == ("invalid_choice", "winner")
    end_experiment(experiment=experiment, actor=SYSTEM)
    code, _field = refused(Conflict, update_experiment, experiment=experiment, actor=SYSTEM, name="Late")
    assert code == "experiment_ended"


def test_a_journey_is_published_resumed_stopped_and_deleted_only_when_it_can_be(make_journey, make_customer):  # noqa: F811
    journey, draft = make_journey(WAIT), make_journey(WAIT, draft=True)
    assert refused(Conflict, publish_journey, journey=journey, actor=SYSTEM)[0] == "not_changed"
    assert refused(Conflict, delete_draft, journey=journey, actor=SYSTEM)[0] == "published"
    assert refused(Conflict, resume_journey, journey=draft, actor=SYSTEM)[0] == "journey_not_paused"
    assert refused(Conflict, stop_journey, journey=draft, actor=SYSTEM)[0] == "journey_not_running"
    code, _field = refused(Conflict, enter_by_call, journey=draft, customer=make_customer(), key="k")
    assert code == "journey_not_running"
    delete_draft(journey=draft, actor=SYSTEM)
    assert list(Journey.objects.values_list("state", flat=True)) == [JourneyState.RUNNING]


def test_an_unknown_ready_made_journey_is_refused(store):
    assert refused(Invalid, draft_from_preset, code="none", store=store, actor=SYSTEM) == ("unknown_preset", "preset")


def test_a_journey_can_not_begin_by_an_event_that_does_not_exist(store):
    draft = {"entry": {"kind": "event", "event": "points.invented"}, "steps": WAIT}
    journey = create_journey(name="J", draft=draft, actor=SYSTEM)
    before = snapshot()
    with pytest.raises(Invalid) as caught:
        publish_journey(journey=journey, actor=SYSTEM)
    assert snapshot() == before
    assert caught.value.code == "journey_invalid"
    assert ("unknown_event", "event") in [(item["code"], item["field"]) for item in caught.value.details["problems"]]


def test_a_template_that_campaigns_send_stays_marketing(store, template):
    values = {"name": "Hello", "channel": "inbox", "texts": [Text("en", "Hi")], "actor": SYSTEM, "template": template}
    create_care_rule(name="Birthday", trigger="birthday", template=template, actor=SYSTEM)
    code, field = refused(Conflict, save_template, message_class="transactional", **values)
    assert (code, field) == ("used_by_care_rule", "message_class")
    CareRule.objects.all().delete()
    segment = Segment.objects.create(name="All", rule={"op": "and", "children": []})
    create_broadcast(name="News", segment=segment, template=template, actor=SYSTEM)
    code, field = refused(Conflict, save_template, message_class="transactional", **values)
    assert (code, field) == ("used_by_broadcast", "message_class")
    assert Broadcast.objects.count() == 1


def test_an_unknown_version_is_not_restored(template):
    assert refused(NotFound, restore_version, template=template, version=9, actor=SYSTEM) == ("unknown_version", None)


def test_only_an_uncertain_message_is_settled_by_a_person(template, make_customer, open_policy):
    customer = make_customer()
    message = Message.objects.create(
        customer=customer,
        template=template,
        channel="inbox",
        origin="o",
        state="sent",
        template_version=1,
        sent_at=timezone.now(),
    )
    assert refused(Conflict, mark_sent, message=message, actor=SYSTEM)[0] == "message_state"


def test_a_message_of_someone_else_is_not_read(make_customer, store):
    code, _field = refused(NotFound, mark_read, customer=make_customer(), message_id=uuid.uuid4())
    assert code == "unknown_message"


def test_a_short_key_of_receipts_is_refused(store):
    values = {"access_key_id": "id", "access_key_secret": "top", "sign_name": "S", "callback_key": "short"}
    code, field = refused(Invalid, save_account, provider="aliyun", values=values, actor=SYSTEM)
    assert (code, field) == ("too_short", "callback_key")
    assert not ChannelAccount.objects.exists()


def test_a_test_that_the_server_does_not_take_is_reported(store, staff, monkeypatch, settings):
    template = save_template(name="Mail", channel="email", texts=[Text("en", "<p>Hi</p>", "Hi")], actor=SYSTEM)
    user = staff(Role.MARKETER)
    settings.EMAIL_BACKEND = "tests.campaigns.test_refusals.Refusing"
    sent = {
        "texts": list(texts_of(template).values()), "message_class": "marketing", "addresses": ["me@shop.example"],
        "context_of": lambda text: {}, "user": user,
    }  # fmt: skip
    assert refused(Conflict, send_tests, **sent)[0] == "not_sent"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (" ", "required"),
        ("someone", "invalid_address"),
        ("a@x.example, b@x.example c@x.example;d@x.example\ne@x.example，f@x.example", "too_many"),
    ],
)
def test_wrong_addresses_of_a_test_are_refused(text, code):
    assert refused(Invalid, read_addresses, text=text) == (code, "addresses")


class Refusing(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise OSError("Connection refused")
