"""Models of broadcasts."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited_except
from core.lists.models import Archivable, Owned


class BroadcastState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Being sent")
    PAUSED = "paused", _("Paused")
    DONE = "done", pgettext_lazy("broadcast", "Done")
    STOPPED = "stopped", _("Stopped")


@audited_except("minute", "minute_count", "audience_count", "prepared_at", "finished_at")
class Broadcast(Owned, Archivable, models.Model):
    """Send one message to a segment, once. The audience is taken at the start and checked again at each sending (J4).

    Without `send_on` the broadcast starts when it is scheduled. `customer_zone`: times are local to the customer, not
    to the shop. `minute` and `minute_count` hold how many messages passed in that minute, for `per_minute`.
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    segment = models.ForeignKey(
        "analytics.Segment", models.PROTECT, related_name="+", verbose_name=_("segment"),
        help_text=_("Members when the broadcast starts who are still members when their message is sent."),
    )  # fmt: skip
    template = models.ForeignKey(
        "campaigns.Template", models.PROTECT, related_name="broadcasts", verbose_name=_("template")
    )
    template_version = models.PositiveIntegerField(default=0, editable=False)
    coupon = models.ForeignKey(
        "campaigns.Coupon", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("coupon")
    )
    send_on = models.DateField(_("date"), null=True, blank=True)
    send_time = models.TimeField(_("time"), null=True, blank=True)
    customer_zone = models.BooleanField(_("in each customer's time zone"), default=False)
    per_minute = models.PositiveIntegerField(_("at most a minute"), default=0)
    holdout_percent = models.PositiveSmallIntegerField(_("holdout (%)"), default=0)
    experiment = models.ForeignKey(
        "campaigns.Experiment", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("experiment"),
        help_text=_("The templates and coupons of its arms replace these."),
    )  # fmt: skip
    attribution_days = models.PositiveSmallIntegerField(_("orders count for (days)"), default=7)
    state = models.CharField(_("state"), max_length=9, choices=BroadcastState.choices, default=BroadcastState.DRAFT)
    starts_at = models.DateTimeField(_("starts"), null=True, editable=False)
    prepared_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)
    audience_count = models.PositiveIntegerField(_("audience"), default=0, editable=False)
    minute = models.DateTimeField(null=True, editable=False)
    minute_count = models.PositiveIntegerField(default=0, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")
        constraints = [
            models.CheckConstraint(condition=models.Q(holdout_percent__lte=90), name="campaigns_broadcast_holdout"),
            models.CheckConstraint(
                condition=models.Q(send_on__isnull=True, send_time__isnull=True, customer_zone=False)
                | models.Q(send_on__isnull=False, send_time__isnull=False),
                name="campaigns_broadcast_whole_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(starts_at__isnull=False),
                name="campaigns_broadcast_scheduled_has_start",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="campaigns_broadcast_recent"),
            # the scheduled task that moves broadcasts
            models.Index(
                fields=["starts_at"],
                condition=models.Q(state__in=["scheduled", "sending", "stopped"], finished_at=None),
                name="campaigns_broadcast_moving",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def origin(self) -> str:
        return f"broadcast:{self.pk}"
