"""The pages of webhooks: creation, the secret shown once, deliveries, replay."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from core.base import clock
from core.events.outbox import deliver
from core.security.roles import Role
from core.webhooks import sending as webhook_sending
from core.webhooks import services
from core.webhooks.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.registry import HANDLER
from tests.core.receiving import Receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    return client


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def endpoint(receiver, make_customer):
    created, _secret = services.create_endpoint(
        url=receiver.url, event_types=["customer.created"], description="Orders & <stock>"
    )
    make_customer("Ann")
    deliver(HANDLER)
    return created


def test_an_empty_list_shows_the_next_step(admin):
    page = admin.get("/webhooks/").content.decode()
    assert "No webhooks yet" in page
    assert reverse("webhook_new") in page


def test_the_secret_is_shown_once_at_creation(admin, receiver):
    response = admin.post(
        "/webhooks/new/", {"url": receiver.url, "description": "Stock", "event_types": ["order.paid", "tier.changed"]}
    )
    made = WebhookEndpoint.objects.get()
    assert made.event_types == ["order.paid", "tier.changed"]
    assert response.headers["Cache-Control"] == "no-store"
    assert made.secret in response.content.decode()
    for path in ("/webhooks/", f"/webhooks/{made.pk}/", f"/webhooks/{made.pk}/edit/"):
        assert made.secret not in admin.get(path).content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "https://127.0.0.1/x", "event_types": ["order.paid"]}, "inside a private network"),
        ({"url": "http://93.184.216.34/x", "event_types": ["order.paid"]}, "must begin with https://"),
        ({"url": "https://93.184.216.34/x"}, "Choose at least one."),
        ({"url": "nonsense words", "event_types": ["order.paid"]}, "Enter a valid URL."),
    ],
)
def test_a_refused_form_shows_the_reason_and_keeps_the_input(admin, settings, fields, message):
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    page = admin.post("/webhooks/new/", fields).content.decode()
    assert message in page
    assert f'value="{fields["url"]}"' in page
    assert WebhookEndpoint.objects.count() == 0


def test_a_delivery_shows_request_and_response(admin, endpoint, receiver):
    receiver.answer = lambda _got: (422, {}, "<b>unknown customer</b>")
    webhook_sending.send_due(endpoint.pk)
    row = endpoint.deliveries.get()
    page = admin.get(f"/webhooks/deliveries/{row.pk}/").content.decode()
    assert "Answered 422" in page
    assert "&lt;b&gt;unknown customer&lt;/b&gt;" in page
    assert "&quot;customer.created&quot;" in page
    assert str(row.pk) in page
    assert "1 of 10" in page


def test_replay_from_the_page(admin, endpoint, receiver):
    WebhookDelivery.objects.update(state="dead", attempts=10)
    row = endpoint.deliveries.get()
    response = admin.post(f"/webhooks/deliveries/{row.pk}/replay/", follow=True)
    assert "The delivery is being sent again." in response.content.decode()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("pending", 0)


def test_replay_of_failed_deliveries_shows_their_number(admin, endpoint):
    WebhookDelivery.objects.update(state="dead", attempts=10, created_at=clock.now() - timedelta(days=3))
    one = admin.post(f"/webhooks/{endpoint.pk}/replay/", {"days": "1"}, follow=True)
    assert "Sending 0 deliveries again." in one.content.decode()
    seven = admin.post(f"/webhooks/{endpoint.pk}/replay/", {"days": "7"}, follow=True)
    assert "Sending 1 delivery again." in seven.content.decode()


def test_deliveries_are_filtered_by_state_and_event_in_one_query(admin, endpoint, django_assert_max_num_queries):
    WebhookDelivery.objects.update(state="dead")
    services.send_test_event(endpoint=endpoint)
    path = f"/webhooks/{endpoint.pk}/"

    def shown(**query: str) -> set[str]:
        page = admin.get(path, query).content.decode()
        return set(re.findall(r"/webhooks/deliveries/[\w-]+/\"><code>([\w.]+)", page))

    assert shown() == {"customer.created", "webhook.test"}
    assert shown(state="dead") == {"customer.created"}
    assert shown(type="webhook.test") == {"webhook.test"}
    assert shown(state="delivered") == set()
    assert shown(state="nonsense", cursor="broken") == {"customer.created", "webhook.test"}
    with django_assert_max_num_queries(12):
        admin.get(path)


def test_hundreds_of_deliveries_come_in_keyset_pages(admin, endpoint):
    now = clock.now()
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(endpoint=endpoint, event_id=1000 + n, event_type="order.paid", body="{}", created_at=now)
        for n in range(119)
    )
    seen: list[str] = []
    address = f"/webhooks/{endpoint.pk}/"
    while address:
        page = admin.get(address).content.decode()
        seen += re.findall(r"/webhooks/deliveries/([\w-]+)/", page)
        older = re.search(r'href="(\?[^"]*cursor=[^"]*)"[^>]*rel="next"|rel="next"[^>]*href="([^"]*)"', page)
        address = f"/webhooks/{endpoint.pk}/" + (older[1] or older[2]).replace("&amp;", "&") if older else ""
    assert len(seen) == len(set(seen)) == 120


def test_switching_off_and_on_and_a_new_secret(admin, endpoint):
    admin.post(f"/webhooks/{endpoint.pk}/switch/", {"active": "0"})
    endpoint.refresh_from_db()
    assert not endpoint.active
    assert "Switched off" in admin.get("/webhooks/").content.decode()
    refused = admin.post(f"/webhooks/{endpoint.pk}/test/", follow=True)
    assert "Switch it on first" in refused.content.decode()
    admin.post(f"/webhooks/{endpoint.pk}/switch/", {"active": "1"})
    old = endpoint.secret
    page = admin.post(f"/webhooks/{endpoint.pk}/secret/").content.decode()
    endpoint.refresh_from_db()
    assert endpoint.active
    assert endpoint.secret != old
    assert endpoint.secret in page
    assert "The previous secret also signs until" in page


def test_home_shows_administrators_a_webhook_that_failure_switched_off(admin, endpoint, receiver, client, staff):
    receiver.answer = lambda _got: (410, {}, "")
    webhook_sending.send_due(endpoint.pk)
    assert "Webhooks switched off by failure" in admin.get("/").content.decode()
    page = admin.get(f"/webhooks/{endpoint.pk}/").content.decode()
    assert "It answered 410 Gone." in page
    client.force_login(staff(Role.MARKETER))
    cache.clear()
    assert "Webhooks switched off" not in client.get("/").content.decode()


def test_cancel_leads_back_to_the_list_or_to_the_webhook(admin, endpoint):
    # Given
    cancel = re.compile(r'<a class="btn" href="([^"]*)">Cancel</a>')
    # When
    new = admin.get(reverse("webhook_new")).content.decode()
    edit = admin.get(reverse("webhook_edit", args=[endpoint.pk])).content.decode()
    # Then
    assert cancel.findall(new) == [reverse("webhooks")]
    assert cancel.findall(edit) == [reverse("webhook", args=[endpoint.pk])]
