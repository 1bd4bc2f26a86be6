"""Test the counts by domain of the recipient: written with each outcome, shown with the limits of mail providers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.channels.registry import DeliveryResult, Receipt, Status
from campaigns.messages.models import DomainDay, Message
from campaigns.messages.services import feedback, messages
from campaigns.messages.services.deliverability import domain_of, drop_old_counts
from campaigns.messages.services.messages import queue_message, send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from core.security.roles import Role
from tests.campaigns.pages import settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


@pytest.fixture
def memory_template(store, memory):
    return save_template(
        name="T", channel="memory", message_class="transactional", texts=[Text("en", "x", "y")], actor=SYSTEM
    )


def counts() -> dict[str, tuple[int, int, int, int]]:
    return {row.domain: (row.sent, row.delivered, row.bounced, row.complained) for row in DomainDay.objects.all()}


def queue(template, customers) -> list[Message]:
    return [queue_message(customer=one, template=template, origin="api", occurrence="1") for one in customers]


@pytest.mark.parametrize(
    ("address", "domain"),
    [("Ada@Example.COM", "example.com"), ("a@b@c.example", "c.example"), ("+8613800000000", ""), ("", "")],
)
def test_the_domain_of_an_address(address, domain):
    assert domain_of(address) == domain


def test_each_outcome_is_counted_once_by_domain(memory, memory_template, make_customer):
    ada, bob = make_customer("Ada", email="ada@a.example"), make_customer("Bob", email="bob@a.example")
    eve, dan = make_customer("Eve", email="eve@b.example"), make_customer("Dan", email="dan@b.example")
    queue(memory_template, [ada, bob, eve, dan])
    memory.answers = {eve.pk: DeliveryResult.BOUNCED, dan.pk: DeliveryResult.REFUSED}
    send_due(seconds=5)
    assert counts() == {"a.example": (2, 0, 0, 0), "b.example": (1, 0, 1, 0)}
    of_ada, of_bob = (Message.objects.get(customer=one) for one in (ada, bob))
    delivered, failed = Receipt(of_ada.pk, Status.DELIVERED), Receipt(of_bob.pk, Status.BOUNCED, "gone")
    for _ in range(2):
        feedback.record_receipts(channel="memory", receipts=[delivered, failed])
    assert counts() == {"a.example": (2, 1, 1, 0), "b.example": (1, 0, 1, 0)}
    assert DomainDay.objects.get(domain="a.example").day == shop_day(timezone.now())


def test_a_report_counts_for_the_day_of_sending(message):
    settled(message, "sent", sent_at=timezone.now() - timedelta(days=3))
    feedback.record_receipts(channel="email", receipts=[Receipt(message.pk, Status.DELIVERED)])
    row = DomainDay.objects.get()
    assert (row.day, row.domain, row.sent, row.delivered) == (
        shop_day(timezone.now()) - timedelta(days=3), "example.com", 0, 1,
    )  # fmt: skip


def test_a_message_that_a_person_marks_as_sent_is_counted(message):
    settled(message, "uncertain")
    messages.mark_sent(message=message, actor=SYSTEM)
    assert counts() == {"example.com": (1, 0, 0, 0)}


@pytest.mark.parametrize("by_id", [True, False])
def test_a_complaint_is_stored_with_its_message_once(message, by_id):
    settled(message, "sent", sent_at=timezone.now())
    for _ in range(2):
        feedback.record_mail_event(
            kind="complained", message_id=message.pk if by_id else None, address="ada@example.com"
        )
    message.refresh_from_db()
    assert (message.state, message.reason) == ("sent", "complaint")
    assert counts() == {"example.com": (0, 0, 0, 1)}
    feedback.record_receipts(channel="email", receipts=[Receipt(message.pk, Status.DELIVERED)])
    message.refresh_from_db()
    assert message.reason == "complaint", "a late report of the delivery keeps the complaint"


def fill(
    domain: str, sent: int, bounced: int = 0, complained: int = 0, days_ago: int = 0, channel: str = "email"
) -> None:
    DomainDay.objects.create(
        day=shop_day(timezone.now()) - timedelta(days=days_ago), channel=channel, domain=domain, sent=sent,
        bounced=bounced, complained=complained,
    )  # fmt: skip


class TestPage:
    def test_limits_are_marked_and_small_domains_are_one_row(self, as_role, store):
        fill("good.example", 1000, bounced=20, complained=0)
        fill("bounces.example", 100, bounced=3)
        fill("complains.example", 900, complained=1)
        fill("zoe.example", 1)
        fill("ann.example", 3, days_ago=6)
        fill("good.example", 500, days_ago=40)
        fill("", 7, channel="sms")
        page = as_role(Role.ANALYST).get(reverse("deliverability"))
        assert [
            (row.delivery.domain, row.delivery.sent, row.bounce_rate, row.complaint_rate)
            for row in page.context["rows"]
        ] == [
            ("good.example", 1000, "2.00%", "0.00%"), ("complains.example", 900, "0.00%", "0.11%"),
            ("bounces.example", 100, "3.00%", "0.00%"), ("", 7, "0.00%", "0.00%"), (None, 4, "0.00%", "0.00%"),
        ]  # fmt: skip
        assert [row.domain for row in page.context["warnings"]] == ["complains.example", "bounces.example"]
        sent = page.context["charts"][0].series[0].values
        assert (len(sent), sent[-1], sent[-7]) == (30, 2008, 3)
        week = as_role(Role.ANALYST).get(reverse("deliverability"), {"days": "90", "domain": "good.example"})
        assert sum(week.context["charts"][0].series[0].values) == 1500

    def test_an_empty_shop_and_invalid_parameters(self, as_role, store):
        page = as_role(Role.MARKETER).get(reverse("deliverability"), {"days": "x", "channel": "y", "domain": "\x00"})
        assert (page.status_code, page.context["rows"], page.context["days"]) == (200, [], "30")


@pytest.mark.django_db
def test_counts_older_than_400_days_are_forgotten(store):
    today = shop_day(timezone.now())
    for age in (0, 400, 401):
        DomainDay.objects.create(day=today - timedelta(days=age), channel="email", domain="example.com", sent=1)
    assert drop_old_counts() == 1
    assert sorted((today - row.day).days for row in DomainDay.objects.all()) == [0, 400]
