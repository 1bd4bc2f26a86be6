"""Test care for points that are about to expire, and the notice for the merchant's systems (L10)."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from campaigns.care.models import CareRule
from campaigns.care.services.audiences import preview_select
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.care.services.runs import run_care_rule
from campaigns.messages.models import Message
from campaigns.templates.services.contexts import Contexts
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from loyalty.ledger.models import Account, ExpiryNotice, Lot
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.expiry_notices import announce_expiries

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.fixture
def member(program, make_customer):
    """Create a member with lots of (points, moment of expiry) in the shop's zone."""

    def make(name: str, *lots: tuple[int, str], **changes):
        customer = make_customer(name, **changes)
        enrol_member(customer=customer, program=program, actor=SYSTEM)
        account = Account.objects.select_related("member__program").get(member__customer=customer)
        for number, (points, ends) in enumerate(lots):
            adjust_points(account=account, points=points, reason="goodwill", key=f"{name}{number}", actor=SYSTEM)
            Lot.objects.filter(account=account, expires_at=None).update(expires_at=at(ends))
        return customer

    return make


@pytest.fixture
def rule(store):
    template = save_template(
        name="Expiring", channel="inbox", actor=SYSTEM,
        texts=[Text("en", "{{ expiring.points }} until {{ expiring.on }}", "Points")],
    )  # fmt: skip

    def make(days: int, **fields) -> CareRule:
        made = create_care_rule(
            name=f"Expiring {days}", trigger="points_expiring", template=template, days=days, actor=SYSTEM, **fields
        )
        activate_care_rule(rule=made, actor=SYSTEM)
        CareRule.objects.filter(pk=made.pk).update(activated_at=at("2029-01-01T00:00"))
        return made

    return make


def made(rule: CareRule) -> list[tuple]:
    rows = Message.objects.filter(origin=f"care:{rule.pk}").order_by("customer__name", "occurrence")
    return [(row.customer.name, row.occurrence, row.context["expiring"]["points"]) for row in rows]


def test_one_message_per_expiry_day_the_given_days_before(rule, member):
    # given 30 + 20 that end with the 31st, 5 that end at noon of the 31st, 70 that end later
    member("A", (30, "2030-04-01T00:00"), (20, "2030-04-01T00:00"), (5, "2030-03-31T12:00"), (70, "2030-05-01T00:00"))
    member("B", (9, "2030-04-02T00:00"))
    fourteen = rule(14, send_at=time(10, 0))
    # when it is the 16th, 17th and 18th
    assert run_care_rule(rule_id=fourteen.pk, now=at("2030-03-16T09:00")) == 0
    assert run_care_rule(rule_id=fourteen.pk, now=at("2030-03-17T09:00")) == 1
    assert run_care_rule(rule_id=fourteen.pk, now=at("2030-03-17T15:00")) == 0
    assert run_care_rule(rule_id=fourteen.pk, now=at("2030-03-18T09:00")) == 1
    # then
    assert made(fourteen) == [("A", "expiry:2030-03-31", 55), ("B", "expiry:2030-04-01", 9)]
    assert Message.objects.get(customer__name="A").due_at == at("2030-03-17T10:00")


def test_a_rule_for_the_last_day_uses_each_customers_local_day(rule, member):
    member("A", (30, "2030-04-01T00:00"), time_zone="America/New_York")
    last = rule(0)
    assert run_care_rule(rule_id=last.pk, now=at("2030-03-31T11:59")) == 0, "it is still the 30th in New York"
    assert run_care_rule(rule_id=last.pk, now=at("2030-03-31T12:00")) == 1


def test_spent_or_permanent_points_are_not_announced(rule, member):
    customer = member("A", (30, "2030-04-01T00:00"))
    Lot.objects.update(remaining=0, held=30)
    member("B")
    fourteen = rule(14)
    assert run_care_rule(rule_id=fourteen.pk, now=at("2030-03-18T09:00")) == 0
    assert not Message.objects.filter(customer=customer).exists()


def test_the_preview_counts_customers_of_today(rule, member):
    member("A", (30, "2030-04-01T00:00"))
    select, params, basis = preview_select(rule(14), at("2030-03-17T09:00"))
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(select, params)
        assert (len(cursor.fetchall()), basis) == (1, "now")


@pytest.mark.parametrize(("language", "day"), [("en", "Mar 31, 2030"), ("zh-hans", "2030年3月31日")])
def test_the_template_formats_the_day_for_the_reader(store, make_customer, language, day):
    customer = make_customer("A")
    contexts = Contexts([customer.pk], frozenset())
    with translation.override("en"):
        context = contexts.of(customer.pk, language, {"expiring": {"points": 50, "on": "2030-03-31"}})
        assert context["expiring"] == {"points": 50, "on": day}
        assert contexts.of(customer.pk, language, {})["expiring"] == {"points": 0, "on": ""}


def test_the_notice_is_an_event_once_per_day_and_member(program, member):
    # given a program that announces 30 days ahead
    customer = member("A", (30, "2030-04-01T00:00"), (70, "2030-05-01T00:00"))
    assert program.expiry_notice_days == 30
    # when it is announced every day
    assert announce_expiries(program=program, at=at("2030-02-28T03:00")) == 0
    assert announce_expiries(program=program, at=at("2030-03-03T03:00")) == 1
    assert announce_expiries(program=program, at=at("2030-03-04T03:00")) == 0
    # then
    event = DomainEvent.objects.get(kind="loyalty.points_expiring")
    assert (event.subject_id, event.payload) == (customer.pk, {"points": 30, "on": "2030-03-31"})
    notice = ExpiryNotice.objects.get()
    assert (str(notice.expires_on), notice.points) == ("2030-03-31", 30)
    # and with 0 no customer is notified
    program.expiry_notice_days = 0
    assert announce_expiries(program=program, at=at("2030-04-10T03:00")) == 0
