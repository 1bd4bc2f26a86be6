"""Webhooks to the merchant's own systems: the endpoints, and every delivery with its attempts."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.db.fields import EncryptedTextField


class SwitchedOff(models.TextChoices):
    """The reason why the system switched an endpoint off."""

    GONE = "gone", _("It answered 410 Gone.")
    FAILING = "failing", _("Every attempt failed for 5 days.")


@audited
class WebhookEndpoint(models.Model):
    """An address for events, signed by Standard Webhooks with `secret`. Switched off by hand or after long failure.

    `previous_secret` signs too until `previous_until`, so that a receiver can change the secret without a gap.
    """

    url = models.URLField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True, default="")
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(default=b"")
    previous_until = models.DateTimeField(null=True)
    event_types = ArrayField(models.CharField(max_length=80), verbose_name=_("events"), default=list)
    active = models.BooleanField(_("active"), default=True)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    disabled_reason = models.CharField(max_length=200, choices=SwitchedOff.choices, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        permissions = [("manage_webhooks", _("Can manage webhooks and see what they were sent"))]

    def __str__(self) -> str:
        return self.url


class WebhookState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("webhook", "Waiting")
    DELIVERED = "delivered", pgettext_lazy("webhook", "Delivered")
    DEAD = "dead", _("Given up")
    UNCERTAIN = "uncertain", _("Uncertain")


class WebhookDelivery(models.Model):
    """One event for one endpoint. Every attempt has the same message id, so that the receiver can drop a repeat."""

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
            # pending deliveries of one endpoint, independent of the backlog of another
            models.Index(
                fields=["endpoint", "due_at"], condition=models.Q(state="pending"), name="core_webhookdelivery_owed"
            ),
            models.Index(fields=["endpoint", "-created_at"], name="core_webhookdelivery_recent"),
            models.Index(
                fields=["endpoint", "-created_at"], condition=models.Q(state="dead"), name="core_webhookdelivery_dead"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.state}"
