"""Mixins for rows that an administrator names in two languages."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited, audited_except
from core.text.formatting import in_language


class Named:
    """Row with `name` and `name_zh`."""

    name: str
    name_zh: str

    @property
    def label(self) -> str:
        return in_language(self.name, self.name_zh)


class Described(Named):
    """Named row that also has `description` and `description_zh`."""

    description: str
    description_zh: str

    @property
    def description_label(self) -> str:
        return in_language(self.description, self.description_zh)


class Rounding(models.TextChoices):
    FLOOR = "floor", _("Down")
    HALF_UP = "half_up", _("Half up")
    CEILING = "ceiling", _("Up")


class ExpiryPolicy(models.TextChoices):
    NEVER = "never", _("Never")
    ROLLING = "rolling", _("A number of days after earning")
    END_OF_DAY = "day", _("End of the day, after so many days")
    END_OF_MONTH = "month", _("End of the month, after so many months")
    END_OF_QUARTER = "quarter", _("End of the quarter, after so many quarters")
    END_OF_YEAR = "year", _("End of the year, after so many years")


class TierMetric(models.TextChoices):
    """Metric that a tier follows; never the spendable balance (T1)."""

    SPEND = "spend", _("Spend")
    ORDERS = "orders", _("Number of orders")
    GROWTH = "growth", _("Growth value")


class TierPolicy(models.TextChoices):
    """Period over which the metric counts, in the program's time zone."""

    ROLLING = "rolling", _("The last days, updated every night")
    CALENDAR_YEAR = "calendar_year", _("Calendar year")
    MEMBERSHIP_ANNIVERSARY = "membership_anniversary", _("Year of membership")
    TIER_ANNIVERSARY = "tier_anniversary", _("Year since the tier began")


class TierDowngrade(models.TextChoices):
    TO_QUALIFIED = "to_qualified", _("Down to what qualifies")
    ONE_STEP = "one_step", _("Down one tier at most")


class MemberDayKind(models.TextChoices):
    """How the member day of a month is found."""

    NONE = "", _("No member day")
    DAY = "day", _("A day of the month")
    WEEKDAY = "weekday", _("A weekday of the month")


class ProgramQuerySet(models.QuerySet["Program"]):
    def default(self) -> Program | None:
        return self.filter(is_default=True).first()


@audited
class Program(models.Model):
    """A loyalty programme: one set of rules, one rounding (L3), one return window (L4), one expiry policy (L10)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    currency = models.CharField(_("currency"), max_length=3)
    time_zone = models.CharField(_("time zone"), max_length=64)
    is_default = models.BooleanField(_("default"), default=False)
    auto_enrol = models.BooleanField(
        _("enrol on first paid order"), default=True, help_text=_("Otherwise members join through the API or staff.")
    )
    return_window_days = models.PositiveSmallIntegerField(
        _("return window (days)"),
        default=0,
        help_text=_("Points are pending this long; 0 makes them available at once."),
    )
    rounding = models.CharField(_("rounding"), max_length=8, choices=Rounding.choices, default=Rounding.FLOOR)
    expiry_policy = models.CharField(
        _("points expire"), max_length=8, choices=ExpiryPolicy.choices, default=ExpiryPolicy.NEVER
    )
    expiry_count = models.PositiveSmallIntegerField(
        _("expiry count"), default=0, help_text=_("How many days, months, quarters or years, by the policy.")
    )
    expiry_notice_days = models.PositiveSmallIntegerField(
        _("announce expiry (days before)"),
        default=30,
        help_text=_(
            "So long before, points.expiring is sent to webhooks. 0: it is not. Messages have care rules of their own."
        ),
    )
    reinstatement_days = models.PositiveSmallIntegerField(
        _("reinstatement (days)"), default=30, help_text=_("How long returned points live when their lot has expired.")
    )
    hold_seconds = models.PositiveIntegerField(_("hold lives (seconds)"), default=900)
    redeem_points = models.PositiveIntegerField(_("points"), default=100, help_text=_("So many points are worth ..."))
    redeem_amount = models.PositiveIntegerField(_("worth"), default=100, help_text=_("... this, in minor units."))
    redeem_minimum = models.PositiveIntegerField(_("fewest points in one redemption"), default=1)
    redeem_share_percent = models.PositiveSmallIntegerField(_("most of a cart paid with points (%)"), default=100)
    transfer_daily_points = models.PositiveBigIntegerField(
        _("transfer per day (points)"), default=0, help_text=_("0: members can't give points to each other.")
    )
    transfer_daily_count = models.PositiveSmallIntegerField(_("transfers per day"), default=5)
    tier_metric = models.CharField(
        _("tiers follow"), max_length=6, choices=TierMetric.choices, default=TierMetric.SPEND
    )
    tier_period = models.CharField(
        _("tier period"), max_length=22, choices=TierPolicy.choices, default=TierPolicy.ROLLING
    )
    tier_downgrade = models.CharField(
        _("at the end of a period"), max_length=12, choices=TierDowngrade.choices, default=TierDowngrade.TO_QUALIFIED
    )
    tier_window_days = models.PositiveSmallIntegerField(
        _("tier window (days)"), default=365, help_text=_("Only for the rolling period.")
    )
    tier_grace_days = models.PositiveSmallIntegerField(
        _("tier grace (days)"),
        default=0,
        help_text=_("During these days after the end of a period no member moves down."),
    )
    member_day_kind = models.CharField(
        _("member day"), max_length=7, choices=MemberDayKind.choices, blank=True, default="", db_default=""
    )
    member_day_number = models.PositiveSmallIntegerField(
        _("number of the member day"),
        default=8,
        db_default=8,
        help_text=_("The day, from 1 to 31, or which such weekday of the month, from 1 to 5."),
    )
    member_day_weekday = models.PositiveSmallIntegerField(_("weekday of the member day"), default=5, db_default=5)

    objects = ProgramQuerySet.as_manager()

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        permissions = [
            ("adjust_points", _("Can adjust points by hand")),
            ("view_loyalty", _("Can see loyalty pages")),
            ("import_opening", _("Can carry points and tiers over from another system")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="loyalty_program_one_default"
            ),
            models.CheckConstraint(condition=models.Q(redeem_points__gt=0), name="loyalty_program_points_have_a_price"),
            models.CheckConstraint(
                condition=models.Q(redeem_share_percent__lte=100), name="loyalty_program_share_at_most_all"
            ),
            models.CheckConstraint(
                condition=models.Q(member_day_number__range=(1, 31), member_day_weekday__range=(1, 7)),
                name="loyalty_program_member_day_exists",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PointType(models.Model):
    """Spendable points, or growth value that only counts for tiers."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="point_types")
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=80)
    spendable = models.BooleanField(_("can be spent"), default=True)

    class Meta:
        verbose_name = _("point type")
        verbose_name_plural = _("point types")
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="loyalty_pointtype_code_once")]

    def __str__(self) -> str:
        return self.name


class MemberState(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("member", "Active")
    SUSPENDED = "suspended", _("Suspended")
    LEFT = "left", pgettext_lazy("member", "Left")


class SuspensionReason(models.TextChoices):
    FRAUD = "fraud", _("Suspected abuse")
    PAYMENT = "payment", _("Unpaid or charged back")
    REQUEST = "request", _("At the customer's request")
    OTHER = "other", pgettext_lazy("suspension", "Other")


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> Self:
        return self.filter(state=MemberState.ACTIVE)


# Tiers have their own history (T3), and `qualifying` follows the orders.
@audited_except("qualifying", "tier", "tier_since")
class Member(models.Model):
    """A customer's membership of one program. `tier` copies the open TierPeriod's tier, for lists and rules.

    `suspended_at` and `resumed_at` describe the last suspension. Nothing that happened during it earns points.
    """

    program = models.ForeignKey(Program, models.PROTECT, related_name="members", db_index=False)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, related_name="memberships", db_index=False)
    state = models.CharField(_("state"), max_length=10, choices=MemberState.choices, default=MemberState.ACTIVE)
    tier = models.ForeignKey(
        "loyalty.Tier", models.PROTECT, null=True, blank=True, related_name="members", db_index=False
    )
    tier_since = models.DateTimeField(_("tier since"), null=True)
    tier_locked_until = models.DateTimeField(_("tier locked until"), null=True)
    qualifying = models.BigIntegerField(_("qualifying"), default=0)
    leaderboard_name = models.CharField(
        _("name on the leaderboard"),
        max_length=40,
        blank=True,
        db_default="",
        help_text=_("Chosen by the member. Empty: they are not on it."),
    )
    enrolled_at = models.DateTimeField(_("member since"), db_default=Now())
    suspended_at = models.DateTimeField(_("suspended"), null=True)
    resumed_at = models.DateTimeField(_("resumed"), null=True)
    suspension_reason = models.CharField(
        _("reason of the suspension"), max_length=8, choices=SuspensionReason.choices, blank=True, db_default=""
    )
    suspension_note = models.CharField(_("note on the suspension"), max_length=400, blank=True, db_default="")
    suspended_by = models.CharField(_("suspended by"), max_length=80, blank=True, db_default="")
    referred_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="referrals",
        db_index=False,
        verbose_name=_("referred by"),
    )

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        permissions = [("suspend_member", _("Can suspend and resume members"))]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="suspended")
                | (models.Q(suspended_at__isnull=False, resumed_at=None) & ~models.Q(suspension_reason="")),
                name="loyalty_member_suspended_says_why",
            ),
            # customer first, because memberships are looked up without naming a program
            models.UniqueConstraint(fields=["customer", "program"], name="loyalty_member_once_per_program"),
            models.CheckConstraint(
                condition=models.Q(referred_by=None) | ~models.Q(referred_by=models.F("id")),
                name="loyalty_member_not_referred_by_itself",
            ),
        ]
        indexes = [
            # the list of members, newest first: of one tier, and of a state
            models.Index(fields=["tier", "program", "-enrolled_at", "-id"], name="loyalty_member_by_tier"),
            models.Index(fields=["program", "state", "-enrolled_at", "-id"], name="loyalty_member_recent"),
            models.Index(
                fields=["referred_by"], condition=models.Q(referred_by__isnull=False), name="loyalty_member_referrals"
            ),
            models.Index(
                fields=["program"], condition=~models.Q(leaderboard_name=""), name="loyalty_member_on_leaderboard"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}"

    def was_suspended(self, at: datetime) -> bool:
        """Return whether a moment lies in the last suspension."""
        if self.suspended_at is None or at < self.suspended_at:
            return False
        return self.resumed_at is None or at < self.resumed_at
