"""Serve the shop's accounts with SMS, WeChat and other providers. A saved secret is never shown again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from campaigns.channels.labels import channel_label
from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import CHANNELS, PROVIDERS, Provider
from campaigns.channels.services import accounts as services
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.views import page
from core.fields import form_fields, shown_values
from core.jobs.queueing import enqueue_after_commit


class AccountForm(forms.Form):
    """Define the provider's fields. A secret's field is always empty: an entered value replaces the stored one."""

    def __init__(self, data: Any = None, *, provider: Provider, account: ChannelAccount | None) -> None:
        super().__init__(data, initial=shown_values(provider.fields, account.settings if account else {}))
        self.fields.update(form_fields(provider.fields, stored=account is not None))


@dataclass(frozen=True)
class AccountRow:
    account: ChannelAccount
    channel: str
    provider: Provider | None


@dataclass(frozen=True)
class ProviderChoice:
    name: str
    channel: str
    label: str | Promise


@page("campaigns.view_channelaccount")
def index(request: HttpRequest) -> HttpResponse:
    accounts = list(ChannelAccount.objects.order_by("channel", "-active", "pk"))
    context = {
        "rows": [
            AccountRow(account, channel_label(account.channel), PROVIDERS.get(account.provider)) for account in accounts
        ],
        "offered": [
            ProviderChoice(name, channel_label(provider.channel), provider.label)
            for name, provider in PROVIDERS.items()
        ],
        "own": [(channel_label(name)) for name, channel in CHANNELS.items() if not _needs_account(name)],
    }
    return render(request, "campaigns/channels/channels.html", context)


def _needs_account(channel: str) -> bool:
    return any(provider.channel == channel for provider in PROVIDERS)


@page("campaigns.change_channelaccount", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    provider = PROVIDERS.get(request.GET.get("provider", ""))
    if provider is None:
        return redirect("channels")
    return _form(request, provider, None)


@page("campaigns.change_channelaccount", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(ChannelAccount, pk=pk, provider__in=PROVIDERS.names())
    return _form(request, PROVIDERS[account.provider], account)


def _form(request: HttpRequest, provider: Provider, account: ChannelAccount | None) -> HttpResponse:
    form = AccountForm(request.POST or None, provider=provider, account=account)
    if request.method == "POST" and form.is_valid():
        try:
            saved = services.save_account(
                provider=provider.name, values=form.cleaned_data, account=account, actor=of_user(request.user)
            )
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error.message))
        else:
            enqueue_after_commit("campaigns.send_due")
            messages.success(request, _t("The account is saved."))
            return redirect("channel", saved.pk)
    receipts = (
        f"{settings.SITE_URL}{reverse('message_receipts', args=[account.pk])}" if account and provider.reports else ""
    )
    context = {
        "account": account,
        "form": form,
        "title": provider.label,
        "heading": f"{channel_label(provider.channel)} · {provider.label}",
        "back_url": reverse("channels"),
        "back_label": _t("Channels"),
        "receipts": receipts,
    }
    return render(request, "campaigns/channels/channel.html", context)


@page("campaigns.change_channelaccount", methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    account = get_object_or_404(ChannelAccount, pk=pk)
    active = request.POST.get("active") == "1"
    services.switch_account(account=account, active=active, actor=of_user(request.user))
    enqueue_after_commit("campaigns.send_due")
    messages.success(request, _t("The account is switched on.") if active else _t("The account is switched off."))
    return redirect("channels")
