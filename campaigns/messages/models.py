"""Models of messages."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.templates.models import MessageClass, Template
from core.audit.tracking import audited
from core.db.fields import BlindIndexField


class LinkClick(models.Model):
    """Hold the first click on a link of a message: once per message and address, however often it is followed."""

    message = models.ForeignKey("campaigns.Message", models.CASCADE, related_name="clicks", db_index=False)
    url = models.TextField(_("address"))
    url_digest = models.BinaryField(max_length=16)
    clicked_at = models.DateTimeField(_("clicked"), db_default=Now())

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        constraints = [
            models.UniqueConstraint(fields=["message", "url_digest"], name="campaigns_linkclick_once_per_message")
        ]

    def __str__(self) -> str:
        return self.url


@audited
class SendingPolicy(models.Model):
    """Hold the shop's limits on marketing messages and surveys, together and separately.

    Empty or 0 means no cap, never "block all" (J5).
    """

    cap_per_day = models.PositiveSmallIntegerField(_("messages a day"), null=True, blank=True, default=2)
    cap_per_week = models.PositiveSmallIntegerField(_("messages a week"), null=True, blank=True, default=4)
    marketing_per_day = models.PositiveSmallIntegerField(_("marketing a day"), null=True, blank=True)
    marketing_per_week = models.PositiveSmallIntegerField(_("marketing a week"), null=True, blank=True)
    surveys_per_day = models.PositiveSmallIntegerField(_("surveys a day"), null=True, blank=True)
    surveys_per_week = models.PositiveSmallIntegerField(_("surveys a week"), null=True, blank=True)
    quiet_from = models.TimeField(_("quiet from"), default="21:00")
    quiet_until = models.TimeField(
        _("quiet until"), default="09:00", help_text=_("Enter the same time in both fields to turn quiet hours off.")
    )
    stale_hours = models.PositiveSmallIntegerField(
        _("dropped when held longer than (hours)"), default=48, help_text=_("0 keeps held messages without a limit.")
    )
    spread_minutes = models.PositiveSmallIntegerField(_("spread after quiet hours (minutes)"), default=30)
    track_messages = models.BooleanField(_("record opens and clicks"), default=True)
    leap_birthday = models.CharField(
        _("29 February in other years"), max_length=5, choices=[("02-28", "02-28"), ("03-01", "03-01")], default="02-28"
    )

    class Meta:
        verbose_name = _("sending limits")
        verbose_name_plural = _("sending limits")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="campaigns_sendingpolicy_only_one")]

    def __str__(self) -> str:
        return "1"


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    HELD = "held", pgettext_lazy("message", "Held")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    SUPPRESSED = "suppressed", _("Not sent")
    FAILED = "failed", _("Failed")
    UNCERTAIN = "uncertain", _("Uncertain")


class Message(models.Model):
    """Hold one queued send and its outcome; also the gate's decision log (J1).

    Unique per customer, campaign version, step, occurrence and channel (J2). `reason` says why it was held or
    suppressed; `claim` and `leased_until` belong to the worker that holds it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, related_name="messages", db_index=False)
    channel = models.CharField(_("channel"), max_length=8)
    message_class = models.CharField(max_length=13, choices=MessageClass.choices)
    origin = models.CharField(_("campaign"), max_length=40, help_text="For example care:12.")
    origin_version = models.PositiveIntegerField(default=1)
    step = models.CharField(max_length=40, default="send")
    occurrence = models.CharField(max_length=80)
    template = models.ForeignKey(Template, models.PROTECT, related_name="messages", db_index=False)
    template_version = models.PositiveIntegerField()
    context = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=MessageState.choices, default=MessageState.QUEUED)
    reason = models.CharField(_("reason"), max_length=30, blank=True, default="")
    due_at = models.DateTimeField(_("due"), db_default=Now())
    # The first planned time of the message: `due_at` moves with quiet hours, pauses and attempts, but only for messaged
    # customers.
    wanted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    decided_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), blank=True, default="")
    provider_id = models.CharField(max_length=200, blank=True, default="")
    error = models.TextField(blank=True, default="")
    sent_at = models.DateTimeField(_("sent"), null=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    opened_at = models.DateTimeField(_("opened"), null=True)
    clicked_at = models.DateTimeField(_("clicked"), null=True)
    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "origin", "origin_version", "step", "occurrence", "channel"],
                name="campaigns_message_once_per_occurrence",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="sent") | models.Q(sent_at__isnull=False),
                name="campaigns_message_sent_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["held", "suppressed"]) | ~models.Q(reason=""),
                name="campaigns_message_not_sent_has_reason",
            ),
        ]
        indexes = [
            # the claim: due messages, oldest first
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=["queued", "held"]), name="campaigns_message_due"
            ),
            # transactional messages, before any marketing
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["queued", "held"], message_class="transactional"),
                name="campaigns_message_due_first",
            ),
            models.Index(fields=["leased_until"], condition=models.Q(state="sending"), name="campaigns_message_leased"),
            # the customer page
            models.Index(fields=["customer", "-created_at"], name="campaigns_message_of"),
            models.Index(fields=["origin", "state"], name="campaigns_message_outcomes"),
            # the messages of one campaign, newest first: those of a broadcast have one time, so the id decides
            models.Index(fields=["origin", "-created_at", "-id"], name="campaigns_message_of_origin"),
            models.Index(fields=["-created_at"], name="campaigns_message_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} to {self.customer_id}: {self.state}"


class Suppression(models.Model):
    """Hold an address or customer that must not get messages on a channel: bounce, complaint, unsubscribe, by hand."""

    customer = models.ForeignKey(
        "crm.Customer", models.PROTECT, null=True, blank=True, related_name="suppressions", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=8)
    address_index = BlindIndexField(null=True)
    reason = models.CharField(_("reason"), max_length=40)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(customer__isnull=False) | models.Q(address_index__isnull=False),
                name="campaigns_suppression_names_someone",
            )
        ]
        indexes = [
            models.Index(fields=["customer", "channel"], name="campaigns_suppression_of"),
            models.Index(fields=["address_index"], name="campaigns_suppression_address"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"


class DomainDay(models.Model):
    """Count the messages of one day of the shop by channel and domain of the recipient, written with each outcome.

    A report of a provider counts for the day on which its message was sent. `sent` includes the bounced ones. Addresses
    are encrypted, so the domain is counted while the address is readable; channels without domains have "".
    """

    day = models.DateField(_("day"))
    channel = models.CharField(_("channel"), max_length=8)
    domain = models.CharField(_("domain"), max_length=255, blank=True, default="")
    sent = models.PositiveIntegerField(_("sent"), default=0)
    delivered = models.PositiveIntegerField(_("delivered"), default=0)
    bounced = models.PositiveIntegerField(_("bounced"), default=0)
    complained = models.PositiveIntegerField(_("complained"), default=0)

    class Meta:
        verbose_name = _("messages by domain")
        verbose_name_plural = _("messages by domain")
        constraints = [models.UniqueConstraint(fields=["day", "channel", "domain"], name="campaigns_domainday_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.channel} {self.domain}"
