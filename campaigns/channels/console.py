"""Serve the shop's accounts with SMS, WeChat and other providers. A saved secret is never shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import CHANNEL_HEALTH, CHANNELS, PROVIDERS, Channel, ChannelHealth, Provider
from campaigns.channels.services import accounts as services
from campaigns.channels.services.testing import send_test
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import RefusableForm
from core.console.views import may, page, viewer
from core.fields import NO_VALUE, form_fields, shown_values
from core.jobs.queueing import enqueue_after_commit
from core.security.models import User
from core.sending import services as sending_hold


class AccountForm(RefusableForm):
    """Define the provider's fields. A secret's field is always empty: an entered value replaces the stored one."""

    def __init__(self, data: Any = None, *, provider: Provider, account: ChannelAccount | None) -> None:
        super().__init__(data, initial=shown_values(provider.fields, account.settings if account else {}))
        self.fields.update(form_fields(provider.fields, stored=account is not None))


@dataclass(frozen=True)
class AccountRow:
    """An account of the card; `missing` are the labels of required values that it does not have."""

    account: ChannelAccount
    provider: Provider | None
    missing: list[str]


@dataclass(frozen=True)
class ChannelCard:
    """A channel with its accounts, the providers to choose from, its health and the steps that set it up."""

    name: str
    label: str
    icon: str
    state: tuple[str, str]
    accounts: list[AccountRow]
    providers: list[Provider]
    guides: list[tuple[str, Sequence[str | Promise]]]
    health: ChannelHealth
    detail: str = ""
    ready: bool = False
    address: str = ""
    address_label: str = ""
    by_template: bool = False

    @property
    def testable(self) -> bool:
        return self.ready and not CHANNELS[self.name].local


ADDRESS_LABELS: dict[str | None, str | Promise] = {
    "email": _("Your e-mail address"),
    "phone": _("Your phone number"),
    "wechat_openid": _("Your openid"),
    "wecom_external": _("Your external user id"),
}


@page("campaigns.view_channelaccount")
def index(request: HttpRequest) -> HttpResponse:
    accounts = list(ChannelAccount.objects.order_by("-active", "pk"))
    health: dict[str, ChannelHealth] = {}
    for read in CHANNEL_HEALTH:
        health |= read()
    held = sending_hold.is_held()
    context = {
        "cards": [
            _card(channel, [row for row in accounts if row.channel == channel.name], health, held, viewer(request))
            for channel in CHANNELS
        ],
        "held": held,
        "may_change": may(request.user, "campaigns.change_channelaccount"),
    }
    return render(request, "campaigns/channels/channels.html", context)


def _card(
    channel: Channel, accounts: list[ChannelAccount], health: Mapping[str, ChannelHealth], held: bool, user: User
) -> ChannelCard:
    providers = [provider for provider in PROVIDERS if provider.channel == channel.name]
    rows = [AccountRow(row, PROVIDERS.get(row.provider), _missing(row)) for row in accounts]
    active = next((row for row in rows if row.account.active), None)
    ready = (active is not None if providers else channel.ready()) and not (active and active.missing)
    detail = ""
    if channel.name == "email":
        ready = settings.EMAIL_PROVIDER != "files"
        detail = settings.EMAIL_PROVIDER if ready else ""
    return ChannelCard(
        channel.name,
        channel_label(channel.name),
        channel.icon,
        _state(channel, active, rows, ready, held),
        rows,
        providers,
        [(str(provider.label), provider.guide) for provider in providers if provider.guide]
        or [(channel_label(channel.name), channel.guide)],
        health.get(channel.name, ChannelHealth()),
        detail,
        # Without a mail server e-mails are written to files, which a test shows too.
        ready or channel.name == "email",
        user.email if channel.address_kind == "email" else "",
        str(ADDRESS_LABELS.get(channel.address_kind, "")),
        bool(active and active.provider and active.provider.by_template),
    )


def _missing(account: ChannelAccount) -> list[str]:
    provider = PROVIDERS.get(account.provider)
    if provider is None:
        return [account.provider]
    values = account.values
    return [
        str(field.label)
        for field in provider.fields
        if field.required and field.default is None and values.get(field.name) in NO_VALUE
    ]


def _state(
    channel: Channel, active: AccountRow | None, rows: list[AccountRow], ready: bool, held: bool
) -> tuple[str, str]:
    if active and active.missing:
        return _t("Credentials are missing"), "bad"
    if not ready:
        return (_t("Switched off"), "off") if rows else (_t("Not set up"), "off")
    return (_t("Held"), "warn") if held and not channel.local else (_t("Ready"), "good")


@page("campaigns.change_channelaccount", methods=("POST",))
def test(request: HttpRequest, channel: str) -> HttpResponse:
    """Send one message to an address of the staff member."""
    address = request.POST.get("address", "")
    send_test(channel=channel, address=address, subject=request.POST.get("template", ""))
    messages.success(request, _t("The test was sent."))
    return redirect("channels")


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
            form.refuse(error)
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
