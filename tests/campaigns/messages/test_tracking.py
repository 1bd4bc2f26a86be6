"""Test opens, clicks and later orders: each once, no open redirect, net of refunds within the window (A2)."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from campaigns.experiments.selectors.campaigns import links_of
from campaigns.messages.models import LinkClick, Message
from campaigns.messages.services import messages, tracking
from campaigns.reports.selectors.campaigns import Campaign
from campaigns.reports.selectors.figures import Revenue, count_figures
from campaigns.templates.rules import links
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events.models import DomainEvent
from crm.customers.services.consents import record_consent
from crm.orders.models import Order
from tests.campaigns.conftest import policy
from tests.threads import storm

pytestmark = pytest.mark.django_db
TARGET = "https://shop.example/sale?a=1&b=2#top"
BODY = f'<p><a href="{TARGET.replace("&", "&amp;")}">Sale</a> <a href="{{{{ links.unsubscribe }}}}">no</a></p>'


@pytest.fixture
def template(store):
    return save_template(name="T", channel="email", texts=[Text("en", BODY, "Hi")], actor=SYSTEM)


@pytest.fixture
def reader(make_customer):
    made = 0

    def make():
        nonlocal made
        made += 1
        customer = make_customer(email=f"r{made}@example.com", language="en")
        record_consent(
            customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
        )
        return customer

    return make


def send(customer, template, mailoutbox, occurrence="1"):
    message = messages.queue_message(
        customer=customer, template=template, origin="care:1", occurrence=occurrence, step="x"
    )
    Message.objects.filter(pk=message.pk).update(origin="test")
    messages.send_due()
    message.refresh_from_db()
    return message, mailoutbox[-1]


def ways(mail) -> tuple[str, str]:
    """Return the paths of the link and of the dot, as a mail program requests them."""
    html = mail.alternatives[0][0]
    return (
        re.search(r'href="[^"]*?(/c/[^"]+)"', html)[1],
        re.search(r'src="[^"]*?(/o/[^"]+)"', html)[1],
    )


def test_a_click_is_recorded_once_and_leads_where_the_message_said(open_policy, template, reader, mailoutbox, client):
    message, mail = send(reader(), template, mailoutbox)
    link, _dot = ways(mail)
    assert client.head(link).status_code == 302
    assert not LinkClick.objects.exists(), "a look at the head is no reader"
    for _ in range(3):
        response = client.get(link)
        assert (response.status_code, response["Location"]) == (302, TARGET)
        assert response["Referrer-Policy"] == "no-referrer"
    assert LinkClick.objects.get().url == TARGET
    message.refresh_from_db()
    first = message.clicked_at
    assert first is not None
    assert message.opened_at == first, "who clicks has opened"
    client.get(link)
    message.refresh_from_db()
    assert message.clicked_at == first
    event = DomainEvent.objects.get(kind="campaigns.message_clicked")
    assert (event.subject_id, event.payload["message"]) == (message.customer_id, str(message.pk))


def test_an_open_is_recorded_once_by_the_dot(open_policy, template, reader, mailoutbox, client):
    message, mail = send(reader(), template, mailoutbox)
    _link, dot = ways(mail)
    response = client.get(dot)
    assert (response.status_code, response["Content-Type"], response.content[:3]) == (200, "image/gif", b"GIF")
    message.refresh_from_db()
    first = message.opened_at
    assert (first is not None, message.clicked_at) == (True, None)
    client.get(dot)
    message.refresh_from_db()
    assert message.opened_at == first


def test_the_unsubscribe_link_is_not_tracked_and_the_stored_text_has_no_dot(open_policy, template, reader, mailoutbox):
    message, mail = send(reader(), template, mailoutbox)
    html = mail.alternatives[0][0]
    assert re.search(r'href="[^"]*/u/', html)
    assert html.count("/c/") == 1
    assert "/o/" not in message.body
    assert TARGET.replace("&", "&amp;") in message.body


def test_nobody_is_sent_where_no_message_led(open_policy, template, reader, mailoutbox, client):
    _message, mail = send(reader(), template, mailoutbox)
    link, dot = ways(mail)
    body, _, mark = link.strip("/").removeprefix("c/").rpartition(":")
    other = tracking._sign(uuid.uuid4(), "https://evil.example/").rpartition(":")
    for token in (f"{other[0]}:{mark}", f"{body}x:{mark}", body, "x", dot[3:-4]):
        response = client.get(f"/c/{token}/")
        assert response.status_code == 404, token
        assert "Location" not in response
    assert not LinkClick.objects.exists()
    assert client.get("/o/forged.gif").status_code == 200
    assert Message.objects.get().opened_at is None


def test_only_web_addresses_are_followed():
    for url in (
        "javascript:alert(1)",
        "mailto:a@b.c",
        "tel:123",
        "//evil.example",
        "/path",
        "https://",
        "http://[",
        "https://x/" + "a" * 2000,
    ):
        assert not links.is_followed(url), url
    assert links.is_followed("https://shop.example")
    assert not links.is_followed("https://us.example/u/x", ("https://us.example/u/",))
    source = '<p><a style="color:red" href="https://a.example/?x=1&amp;y=2">A</a><a href="mailto:a@b.c">M</a></p>'
    assert links.replace(source, lambda url: f"https://t/{len(url)}?&") == (
        '<p><a style="color:red" href="https://t/26?&amp;">A</a><a href="mailto:a@b.c">M</a></p>'
    )


def test_a_forged_scheme_is_refused_even_when_signed():
    with pytest.raises(Invalid):
        tracking.read_link(tracking._sign(uuid.uuid4(), "javascript:alert(1)"))


def test_the_reader_gets_the_page_when_the_count_fails(open_policy, template, reader, mailoutbox, client, monkeypatch):
    _message, mail = send(reader(), template, mailoutbox)

    def broken(**_fields):
        raise DatabaseError("away")

    monkeypatch.setattr("campaigns.messages.services.tracking.record_click", broken)
    assert client.get(ways(mail)[0])["Location"] == TARGET


def test_transactional_mail_and_a_shop_with_tracking_off_are_not_tracked(open_policy, template, reader, mailoutbox):
    policy(track_messages=False)
    _message, mail = send(reader(), template, mailoutbox)
    assert "/c/" not in mail.alternatives[0][0]
    assert "/o/" not in mail.alternatives[0][0]
    policy(track_messages=True)
    receipt = save_template(
        name="R", channel="email", texts=[Text("en", BODY, "Hi")], message_class="transactional", actor=SYSTEM
    )
    _message, mail = send(reader(), receipt, mailoutbox)
    assert "/c/" not in mail.alternatives[0][0]


@pytest.mark.django_db(transaction=True)
def test_concurrent_clicks_count_as_one(open_policy, template, reader, mailoutbox):
    message, _mail = send(reader(), template, mailoutbox)
    first = storm(8, lambda _n: tracking.record_click(link=tracking.TrackedLink(message.pk, TARGET)))
    assert sorted(first) == [False] * 7 + [True]
    assert LinkClick.objects.count() == 1
    assert DomainEvent.objects.filter(kind="campaigns.message_clicked").count() == 1


def sent(customer, template, at, occurrence="1", **fields):
    return Message.objects.create(
        customer=customer, channel="email", message_class="marketing", origin="broadcast:1", occurrence=occurrence,
        template=template, template_version=1, **{"state": "sent", "sent_at": at, **fields},
    )  # fmt: skip


def test_orders_within_the_window_count_once_and_net_of_refunds(template, make_customer, make_order):
    now = timezone.now()
    ada, bob, late, before, refunded = (make_customer() for _ in range(5))
    for customer in (ada, bob, late, before, refunded):
        sent(customer, template, now - timedelta(days=10))
    sent(
        ada,
        template,
        now - timedelta(days=8),
        "2",
        clicked_at=now - timedelta(days=8),
        opened_at=now - timedelta(days=8),
    )
    make_order(ada, 10_000, days_ago=5.5)
    make_order(ada, 3_000, days_ago=9.5)
    make_order(bob, 5_000, days_ago=9.5)
    make_order(late, 7_000, days_ago=2)
    make_order(before, 7_000, days_ago=11)
    Order.objects.filter(customer=bob).update(refunded=2_000)
    gone = make_order(refunded, 9_000, days_ago=9.5)
    Order.objects.filter(pk=gone.pk).update(refunded=9_000)
    found = results_of("broadcast:1", 7)
    assert (found.delivered, found.opened, found.clicked) == (6, 1, 1)
    assert found.revenue == [Revenue("CNY", 2, 3, 16_000, 1, 10_000)]
    assert results_of("broadcast:1", 1).revenue == [Revenue("CNY", 2, 2, 6_000, 0, 0)], (
        "one came two days and more after its message"
    )
    assert results_of("broadcast:1", 30).ordered == 3
    assert results_of("broadcast:2", 7).delivered == 0


def results_of(origin: str, days: int):
    return count_figures([Campaign(origin, "B", "Broadcast", days=days)])[origin]


def test_links_are_listed_by_how_many_followed_them(template, make_customer):
    now = timezone.now()
    for number in range(3):
        message = sent(make_customer(), template, now)
        tracking.record_click(link=tracking.TrackedLink(message.pk, "https://a.example/"))
        if not number:
            tracking.record_click(link=tracking.TrackedLink(message.pk, "https://b.example/"))
    assert links_of("broadcast:1") == [("https://a.example/", 3), ("https://b.example/", 1)]
