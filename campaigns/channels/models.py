"""Models of channels."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited
from core.db.fields import EncryptedTextField


@audited
class ChannelAccount(models.Model):
    """Hold the shop's account with a provider of a channel. Secrets are encrypted and never shown again."""

    channel = models.CharField(_("channel"), max_length=8)
    provider = models.CharField(_("provider"), max_length=20)
    settings = models.JSONField(default=dict)
    secrets = EncryptedTextField(default=b"")
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("channel account")
        verbose_name_plural = _("channel accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["channel"], condition=models.Q(active=True), name="campaigns_channelaccount_one_active"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.provider}"

    @property
    def values(self) -> dict[str, Any]:
        """Return settings and secrets together, for the provider's code."""
        return {**self.settings, **(json.loads(self.secrets) if self.secrets else {})}
