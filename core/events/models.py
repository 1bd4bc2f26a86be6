"""Models of events."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DomainEvent(models.Model):
    """An event in the past tense: the outbox for handlers and the timeline of its subject.

    Only `core.events.bus.emit` writes it, inside the transaction of the change.
    """

    kind = models.CharField(_("kind"), max_length=80)
    subject_id = models.BigIntegerField(_("subject"), null=True, help_text="The person whose timeline this is on.")
    payload = models.JSONField(_("payload"), default=dict)
    actor = models.CharField(_("actor"), max_length=80, default="system")
    request_id = models.CharField(_("request"), max_length=64, blank=True, default="")
    occurred_at = models.DateTimeField(_("occurred at"))
    # core.events.bus.Effect: the limit on consequences; lower for imported history.
    effect = models.PositiveSmallIntegerField(default=3, db_default=3, editable=False)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=models.functions.Now())

    class Meta:
        verbose_name = _("domain event")
        verbose_name_plural = _("domain events")
        indexes = [
            # the customer's timeline, newest first
            models.Index(fields=["subject_id", "-occurred_at", "-id"], name="core_event_timeline"),
            # the home page's "what changed"
            models.Index(fields=["kind", "-recorded_at"], name="core_event_kind_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class EventDelivery(models.Model):
    """One pending delivery of an event to a handler. The transaction of the handler's work deletes the row."""

    event_id = models.BigIntegerField()
    handler = models.CharField(_("handler"), max_length=80)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due at"), db_default=models.functions.Now())
    dead_at = models.DateTimeField(_("given up at"), null=True)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        verbose_name = _("event delivery")
        verbose_name_plural = _("event deliveries")
        indexes = [
            # the relay: due deliveries of one handler
            models.Index(fields=["handler", "id"], condition=models.Q(dead_at=None), name="core_delivery_owed"),
            models.Index(fields=["dead_at"], condition=models.Q(dead_at__isnull=False), name="core_delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.handler} <- {self.event_id}"
