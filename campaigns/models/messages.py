import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit import audited
from core.fields import BlindIndexField


class MessageClass(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    TRANSACTIONAL = "transactional", _("Transactional")


@audited
class Template(models.Model):
    """Hold the texts of a message in each language. A version is frozen once used (J8).

    `code` names the template to the shop's own systems. `values` declares the values that they send with each message,
    as [{"name", "required", "example"}]; texts show a value as values.<name>.
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    code = models.CharField(_("code"), max_length=60, null=True, blank=True, unique=True)
    values = models.JSONField(_("values"), default=list, blank=True)
    channel = models.CharField(_("channel"), max_length=8)
    message_class = models.CharField(
        _("class"), max_length=13, choices=MessageClass.choices, default=MessageClass.MARKETING
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplateText(models.Model):
    """Hold one version of a template in one language. Liquid, checked when saved (P5)."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="texts", db_index=False)
    version = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), max_length=32768)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("template text")
        verbose_name_plural = _("template texts")
        constraints = [
            models.UniqueConstraint(fields=["template", "version", "language"], name="campaigns_templatetext_once")
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.version} {self.language}"


class CareTrigger(models.TextChoices):
    BIRTHDAY = "birthday", _("Birthday")
    AFTER_PURCHASE = "after_purchase", _("Days after a purchase")
    NO_ORDER = "no_order", _("No order for a number of days")
    SEGMENT_ENTERED = "segment_entered", _("Entered a segment")
    POINTS_EXPIRING = "points_expiring", _("Points about to expire")


class CareState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", pgettext_lazy("rule", "Active")
    PAUSED = "paused", _("Paused")


@audited
class CareRule(models.Model):
    """Send a template to a customer when a condition becomes true, once per occurrence."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    trigger = models.CharField(_("trigger"), max_length=16, choices=CareTrigger.choices)
    days = models.PositiveSmallIntegerField(
        _("days"),
        default=0,
        help_text=_("After the purchase, without an order, before the birthday or before points expire."),
    )
    segment = models.ForeignKey(
        "analytics.Segment", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("segment"),
        help_text=_("For “entered a segment” its trigger; otherwise a limit on who gets it."),
    )  # fmt: skip
    template = models.ForeignKey(Template, models.PROTECT, related_name="care_rules", verbose_name=_("template"))
    coupon = models.ForeignKey(
        "campaigns.Coupon", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("coupon"),
        help_text=_("Issued to the customer and offered to the template as coupon.code."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=6, choices=CareState.choices, default=CareState.DRAFT)
    version = models.PositiveIntegerField(_("version"), default=1)
    send_at = models.TimeField(_("send at"), null=True, blank=True, help_text=_("In the customer's time zone."))
    holdout_percent = models.PositiveSmallIntegerField(_("holdout (%)"), default=0)
    experiment = models.ForeignKey(
        "campaigns.Experiment", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("experiment"),
        help_text=_("Its arms' templates and coupons stand in for these."),
    )  # fmt: skip
    attribution_days = models.PositiveSmallIntegerField(_("orders count for (days)"), default=7)
    activated_at = models.DateTimeField(null=True, editable=False)
    last_run_at = models.DateTimeField(_("last looked"), null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("care rule")
        verbose_name_plural = _("care rules")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(trigger="segment_entered") | models.Q(segment__isnull=False),
                name="campaigns_carerule_segment_named",
            ),
            models.CheckConstraint(condition=models.Q(holdout_percent__lte=90), name="campaigns_carerule_holdout"),
        ]

    def __str__(self) -> str:
        return self.name


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
    quiet_until = models.TimeField(_("quiet until"), default="09:00", help_text=_("The same time twice turns it off."))
    stale_hours = models.PositiveSmallIntegerField(
        _("dropped when held longer than (hours)"), default=48, help_text=_("0 keeps held messages for ever.")
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
