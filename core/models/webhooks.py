"""What the merchant's own systems are told: where to, and every delivery with its attempts."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit import audited
from core.fields import EncryptedTextField


@audited
class WebhookEndpoint(models.Model):
    """Where events are sent, signed by Standard Webhooks with `secret`. Switched off by hand or after long failure."""

    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    secret = EncryptedTextField()
    event_types = ArrayField(models.CharField(max_length=80), verbose_name=_("events"), default=list)
    active = models.BooleanField(_("active"), default=True)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url


class WebhookState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("webhook", "Waiting")
    DELIVERED = "delivered", pgettext_lazy("webhook", "Delivered")
    DEAD = "dead", _("Given up")


class WebhookDelivery(models.Model):
    """One event for one endpoint: the same message id in every attempt, so that the receiver can drop a repeat."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.BigIntegerField()
    event_type = models.CharField(_("event"), max_length=80)
    body = models.TextField()
    state = models.CharField(_("state"), max_length=9, choices=WebhookState.choices, default=WebhookState.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("next attempt"), db_default=Now())
    leased_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    answer = models.CharField(max_length=500, blank=True, default="")
    error = models.CharField(_("error"), max_length=300, blank=True, default="")
    milliseconds = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id", "event_type"], name="core_webhookdelivery_once")
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="pending"), name="core_webhookdelivery_due"),
            models.Index(fields=["endpoint", "-created_at"], name="core_webhookdelivery_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.state}"
