"""Test messages in the console: figures and their rows, reasons in words, and decisions for a person."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message
from core.security.roles import Role
from tests.campaigns.pages import settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


class TestMessages:
    def test_the_figures_open_exactly_their_rows(self, as_role, make_customer, template):
        for number in range(5):
            made = queue_message(
                customer=make_customer(f"C{number}"), template=template, origin="care:1", occurrence=f"{number}"
            )
            if number < 3:
                settled(made, "suppressed", reason="no_consent" if number else "holdout")
        old = queue_message(customer=make_customer("Old"), template=template, origin="care:1", occurrence="old")
        Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=45))
        client = as_role(Role.AGENT)
        page = client.get(reverse("messages"))
        assert {tile.code: tile.count for tile in page.context["tiles"]} == {
            "sent": 0, "queued": 2, "held": 0, "suppressed": 3,
        }  # fmt: skip
        assert [(reason.code, reason.label, reason.count) for reason in page.context["reasons"]] == [
            ("no_consent", "No consent", 2),
            ("holdout", "Held out to measure the effect", 1),
        ]
        for query, count in (
            ({"state": "suppressed"}, 3), ({"state": "suppressed", "reason": "no_consent"}, 2), ({"days": "all"}, 6),
            ({"campaign": "care:1"}, 5), ({"campaign": "care:9"}, 0), ({"channel": "email"}, 5),
            ({"channel": "inbox"}, 0), ({"customer": old.customer.number}, 1), ({"state": "trouble"}, 0),
        ):  # fmt: skip
            assert len(client.get(reverse("messages"), query).context["rows"]) == count, query

    def test_pages_by_cursor_over_equal_times(self, as_role, make_customer, template):
        for number in range(60):
            queue_message(customer=make_customer(), template=template, origin="care:1", occurrence=f"{number}")
        Message.objects.update(created_at=timezone.now())
        client = as_role(Role.AGENT)
        first = client.get(reverse("messages")).context["page"]
        second = client.get(reverse("messages"), {"cursor": first.next}).context["page"]
        assert (len(first), len(second)) == (50, 10)
        assert len({message.pk for message in [*first, *second]}) == 60

    def test_invalid_query_parameters_are_no_error(self, as_role):
        client = as_role(Role.AGENT)
        for query in ({"state": "x"}, {"days": "-1"}, {"cursor": "zz"}, {"campaign": "\x00"}, {"customer": "9" * 40}):
            assert client.get(reverse("messages"), query).status_code == 200

    def test_the_reason_for_not_sending_is_explained(self, as_role, message):
        client = as_role(Role.AGENT)
        settled(message, "suppressed", reason="no_consent")
        page = client.get(reverse("message", args=[message.pk])).content.decode()
        assert "The customer has not consented to marketing on this channel, or has withdrawn the consent." in page
        panel = client.get(reverse("customer", args=[message.customer.number]), {"tab": "messages"}).content.decode()
        assert "No consent" in panel
        assert reverse("message", args=[message.pk]) in panel

    def test_only_a_person_decides_an_uncertain_message(self, as_role, message):
        client = as_role(Role.LEAD)
        settled(message, "uncertain", provider_id="<1@shop>")
        page = client.get(reverse("message", args=[message.pk])).content.decode()
        assert "1 message is sent again. If the first one arrived, the customer gets it twice." in page
        client.post(reverse("message_sent", args=[message.pk]))
        message.refresh_from_db()
        assert message.state == "sent"
        refused = client.post(reverse("message_again", args=[message.pk]), follow=True).content.decode()
        assert "This is not possible in the message's current state." in unescape(refused)
        message.refresh_from_db()
        assert message.state == "sent"

    def test_a_failed_one_is_queued_again(self, as_role, message):
        settled(message, "failed", reason="refused", error="554 no")
        as_role(Role.LEAD).post(reverse("message_again", args=[message.pk]))
        message.refresh_from_db()
        assert (message.state, message.reason) == ("queued", "")
