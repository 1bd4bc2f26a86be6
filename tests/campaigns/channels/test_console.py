"""Test accounts with providers in the console: only administrators see them, and secrets are never shown (P3)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns.channels.models import ChannelAccount
from core.http.outgoing import make_secret
from core.security.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


def test_an_account_is_made_changed_and_switched(as_role):
    client, secret = as_role(Role.ADMINISTRATOR), make_secret()
    assert "Not set up" in client.get(reverse("channels")).content.decode()
    address = f"{reverse('channel_new')}?provider=gateway"
    refused = client.post(address, {"url": "http://127.0.0.1:1/sms", "secret": "short"})
    assert list(refused.context["form"].errors) == ["secret"]
    assert not ChannelAccount.objects.exists()
    client.post(address, {"url": "http://127.0.0.1:1/sms", "secret": secret, "sender": "Shop"})
    account = ChannelAccount.objects.get()
    page = client.get(reverse("channel", args=[account.pk])).content.decode()
    assert secret not in page
    assert "http://127.0.0.1:1/sms" in page
    assert reverse("message_receipts", args=[account.pk]) in page
    client.post(reverse("channel", args=[account.pk]), {"url": "http://127.0.0.1:2/sms", "secret": "", "sender": ""})
    account.refresh_from_db()
    assert (account.settings["url"], account.values["secret"]) == ("http://127.0.0.1:2/sms", secret)
    client.post(reverse("channel_switch", args=[account.pk]), {"active": "0"})
    account.refresh_from_db()
    assert not account.active
    assert client.get(f"{reverse('channel_new')}?provider=nothing").url == reverse("channels")


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST])
def test_only_administrators_see_accounts(as_role, role):
    client = as_role(role)
    assert client.get(reverse("channels")).status_code == 403
    assert client.get(f"{reverse('channel_new')}?provider=gateway").status_code == 403


def test_a_template_is_offered_only_channels_that_are_ready(marketer):
    def offered():
        return [
            name for name, _label in marketer.get(reverse("template_new")).context["form"].fields["channel"].choices
        ]

    assert offered() == ["email", "inbox"]
    ChannelAccount.objects.create(channel="sms", provider="gateway")
    assert offered() == ["email", "inbox", "sms"]
