"""Django admin of the shop's accounts with providers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from campaigns.channels.console import AccountForm
from campaigns.channels.labels import channel_label
from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS
from campaigns.channels.services.accounts import save_account, switch_account
from core.base.actor import Actor
from core.console.forms import look_again
from core.console.service_admin import Command, ServiceAdmin, Text, calls, moment
from core.jobs.queueing import enqueue_after_commit

PERMISSION = "campaigns.change_channelaccount"
TASK = "campaigns.send_due"


class NewAccountForm(AccountForm):
    """Choose the provider and fill in its fields."""

    def __init__(self, data: Any, *, chosen: str) -> None:
        names = PROVIDERS.names()
        self.provider = chosen if chosen in names else names[0]
        super().__init__(data, provider=PROVIDERS[self.provider], account=None)
        provider = forms.ChoiceField(
            label=_("Provider"),
            choices=[(name, f"{channel_label(one.channel)} · {one.label}") for name, one in PROVIDERS.items()],
            initial=self.provider,
        )
        provider.widget.attrs = look_again("", "")
        self.fields = {"provider": provider, **self.fields}


@admin.register(ChannelAccount)
class ChannelAccountAdmin(ServiceAdmin):
    """Accounts of channels. A stored secret is never shown; an empty field keeps it."""

    group = "settings"
    console_page, console_list = "channel", "channels"
    list_display = ("account", "channel_name", "active", "created")
    created = moment("created_at", _("created"))
    list_filter = ("active",)
    ordering = ("channel", "-active", "pk")
    facts = ("channel_name", "active")
    commands = (
        Command("switch_on", _("Switch on"), calls(switch_account, "account", active=True), task=TASK),
        Command("switch_off", _("Switch off"), calls(switch_account, "account", active=False), task=TASK),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def fixed(self, obj: ChannelAccount) -> Text:
        return (
            "" if obj.provider in PROVIDERS else _("This provider is not installed, so its account can't be changed.")
        )

    def make_form(
        self, request: HttpRequest, obj: ChannelAccount | None, data: Any, files: Any, typed: Any
    ) -> AccountForm:
        if obj is not None:
            return AccountForm(data, provider=PROVIDERS[obj.provider], account=obj)
        return NewAccountForm(data, chosen=str((data or typed or {}).get("provider", "")))

    def save_form_by_service(
        self, request: HttpRequest, obj: ChannelAccount | None, form: Any, actor: Actor
    ) -> ChannelAccount:
        values = {name: value for name, value in form.cleaned_data.items() if name != "provider"}
        provider = obj.provider if obj else form.provider
        saved = save_account(provider=provider, values=values, account=obj, actor=actor)
        enqueue_after_commit(TASK)
        return saved

    def name_of(self, obj: ChannelAccount) -> str:
        provider = PROVIDERS.get(obj.provider)
        return f"{channel_label(obj.channel)} · {provider.label if provider else obj.provider}"

    @admin.display(description=_("channel account"), ordering="provider")
    def account(self, account: ChannelAccount) -> str:
        return self.name_of(account)

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, account: ChannelAccount) -> str:
        return channel_label(account.channel)
