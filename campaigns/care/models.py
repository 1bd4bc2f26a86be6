"""Models of care rules."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.templates.models import Template
from core.audit.tracking import audited
from core.lists.models import Archivable, Owned


class CareTrigger(models.TextChoices):
    BIRTHDAY = "birthday", _("Birthday")
    AFTER_PURCHASE = "after_purchase", _("Days after a purchase")
    NO_ORDER = "no_order", _("No order for a number of days")
    SEGMENT_ENTERED = "segment_entered", _("Entered a segment")
    POINTS_EXPIRING = "points_expiring", _("Points about to expire")
    OCCASION = "occasion", _("Festival, shop day or member day")


class CareState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", pgettext_lazy("rule", "Active")
    PAUSED = "paused", _("Paused")


@audited
class CareRule(Owned, Archivable, models.Model):
    """Send a template to a customer when a condition becomes true, once per occurrence."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    trigger = models.CharField(_("trigger"), max_length=16, choices=CareTrigger.choices)
    days = models.PositiveSmallIntegerField(
        _("days"),
        default=0,
        help_text=_("After the purchase, without an order, before the birthday or before points expire."),
    )
    # A code of campaigns.calendar.selectors.occasions.
    occasion = models.CharField(_("occasion"), max_length=60, blank=True, db_default="")
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
        help_text=_("The templates and coupons of its arms replace these."),
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
            models.CheckConstraint(
                condition=~models.Q(trigger="occasion") | ~models.Q(occasion=""),
                name="campaigns_carerule_occasion_named",
            ),
            models.CheckConstraint(condition=models.Q(holdout_percent__lte=90), name="campaigns_carerule_holdout"),
        ]

    def __str__(self) -> str:
        return self.name
