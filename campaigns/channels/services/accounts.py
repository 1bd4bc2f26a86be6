"""Manage the shop's accounts with providers: create, change, switch. Secrets are write-only."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_name, lock_row
from core.fields import Errors, clean

ERRORS: Errors = {"required": ("required", _("This field is required."))}


def save_account(
    *, provider: str, values: Mapping[str, str], actor: Actor, account: ChannelAccount | None = None
) -> ChannelAccount:
    """Create an account, active if its channel has none yet, or change one. An empty secret keeps the stored one.

    Raises Invalid naming the field, for a missing value or an address that nothing may be sent to.
    """
    if provider not in PROVIDERS or (account is not None and account.provider != provider):
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="provider")
    kind = PROVIDERS[provider]
    with transaction.atomic():
        lock_name("campaigns.channelaccount", kind.channel)
        locked = lock_row(ChannelAccount.objects.filter(pk=account.pk)) if account else ChannelAccount()
        stored = json.loads(locked.secrets) if locked.secrets else {}
        cleaned = clean(kind.fields, values, errors=ERRORS, stored=stored)
        secrets = {field.name: cleaned[field.name] for field in kind.fields if field.secret}
        settings = {name: value for name, value in cleaned.items() if name not in secrets}
        if account is None:
            locked.channel, locked.provider = kind.channel, provider
            locked.active = not ChannelAccount.objects.filter(channel=kind.channel, active=True).exists()
        locked.settings, locked.secrets = settings, json.dumps(secrets)  # type: ignore[assignment]
        locked.save()
        locked.refresh_from_db()
    return locked


def switch_account(*, account: ChannelAccount, active: bool, actor: Actor) -> ChannelAccount:
    """Switch the account. On: it replaces the active account of its channel. Off: due messages wait."""
    with transaction.atomic():
        lock_name("campaigns.channelaccount", account.channel)
        if active:
            ChannelAccount.objects.filter(channel=account.channel, active=True).exclude(pk=account.pk).update(
                active=False
            )
        locked = lock_row(ChannelAccount.objects.filter(pk=account.pk))
        locked.active = active
        locked.save(update_fields=["active"])
    return locked
