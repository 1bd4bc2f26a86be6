"""Models of tiers: their thresholds, each member's tier periods, given and bought tiers, and benefits."""

from django.contrib.postgres.fields import DateTimeRangeField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited, audited_except
from loyalty.program.models import Named


@audited
class Tier(Named, models.Model):
    """Tier of a program. `threshold` is in the program's metric: minor units spent, orders, or growth value (T1)."""

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="tiers")
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True, default="")
    rank = models.PositiveSmallIntegerField(_("rank"))
    threshold = models.BigIntegerField(_("threshold"))
    multiplier = models.DecimalField(_("points multiplier"), max_digits=5, decimal_places=2, default=1)
    paid_price = models.PositiveBigIntegerField(
        _("price"), null=True, blank=True, help_text=_("In minor units. Empty: it can't be bought.")
    )
    paid_days = models.PositiveSmallIntegerField(_("bought for (days)"), default=365)

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        ordering = ["program", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="loyalty_tier_code_once"),
            models.UniqueConstraint(fields=["program", "rank"], name="loyalty_tier_rank_once"),
            models.UniqueConstraint(fields=["program", "threshold"], name="loyalty_tier_threshold_once"),
            models.CheckConstraint(condition=models.Q(multiplier__gte=0), name="loyalty_tier_multiplier_not_negative"),
            models.CheckConstraint(condition=models.Q(paid_days__gt=0), name="loyalty_tier_bought_for_a_day_or_more"),
        ]

    def __str__(self) -> str:
        return self.label


class TierReason(models.TextChoices):
    QUALIFIED = "qualified", _("Qualified")
    PERIOD_ENDED = "period_ended", _("Period ended")
    RETURNED = "returned", _("Goods returned")
    MANUAL = "manual", _("Set by hand")
    PAID = "paid", _("Bought")
    IMPORTED = "imported", _("Orders brought in")


class TstzRange(models.Func):
    """Function TSTZRANGE, kept for the migration that names it."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class TierPeriod(models.Model):
    """Interval [from, to) in one tier with its reason (T3); no row means below the first tier.

    The database refuses overlapping periods of one member: loyalty/tiers/sql/tiers.sql.
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="tier_periods", db_index=False)
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, related_name="periods", db_index=False)
    reason = models.CharField(_("reason"), max_length=14, choices=TierReason.choices)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True)
    actor = models.CharField(max_length=80, default="system")
    note = models.CharField(_("note"), max_length=400, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("tier period")
        verbose_name_plural = _("tier periods")
        constraints = [
            models.UniqueConstraint(
                fields=["member"], condition=models.Q(ended_at=None), name="loyalty_tierperiod_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None) | models.Q(ended_at__gte=models.F("started_at")),
                name="loyalty_tierperiod_ends_after_start",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-started_at"], name="loyalty_tierperiod_of_member"),
            # for members who entered a tier recently
            models.Index(fields=["tier", "started_at"], name="loyalty_tierperiod_entered"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.tier_id}"


class GivenKind(models.TextChoices):
    MANUAL = "manual", _("Set by hand")
    PAID = "paid", _("Bought")


class SetTierReason(models.TextChoices):
    """Reasons to set a member's tier by hand."""

    GOODWILL = "goodwill", _("Goodwill")
    PROMOTION = "promotion", _("Promotion")
    STATUS_MATCH = "status_match", _("Same tier at another shop")
    CORRECTION = "correction", _("Correction")
    FRAUD = "fraud", _("Abuse")
    MIGRATION = "migration", _("Carried over")


class GivenTier(models.Model):
    """A tier with its own end: set by hand or bought. While it runs it is a floor; a locked one is also the ceiling.

    It ran until `ended_at` if that is set, else until `ends_at`. `reference` is the order or payment of a bought tier.
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="given_tiers", db_index=False)
    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="+", db_index=False)
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=6, choices=GivenKind.choices)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    locked = models.BooleanField(_("locked"), default=False)
    reason = models.CharField(_("reason"), max_length=40, blank=True, default="")
    note = models.CharField(_("note"), max_length=400, blank=True, default="")
    reference = models.CharField(_("reference"), max_length=120, null=True, blank=True)
    amount = models.PositiveBigIntegerField(_("amount"), default=0)
    refunded_at = models.DateTimeField(_("refunded"), null=True)
    actor = models.CharField(max_length=80, default="system")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("given tier")
        verbose_name_plural = _("given tiers")
        constraints = [
            models.UniqueConstraint(fields=["program", "reference"], name="loyalty_giventier_reference_once"),
            models.CheckConstraint(
                condition=models.Q(ends_at__gte=models.F("starts_at")), name="loyalty_giventier_ends_after_start"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="manual", reference=None) | models.Q(kind="paid", reference__isnull=False),
                name="loyalty_giventier_bought_has_a_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-ends_at"], name="loyalty_giventier_of_member"),
            models.Index(fields=["ends_at"], condition=models.Q(ended_at=None), name="loyalty_giventier_running"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.tier_id} {self.kind}"


class TierRun(models.Model):
    """One evaluation of all members at the end of a day. The next run uses it to find periods that ended since."""

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="tier_runs", db_index=False)
    ran_at = models.DateTimeField(_("ran"))
    up_count = models.PositiveIntegerField(_("up"), default=0)
    down_count = models.PositiveIntegerField(_("down"), default=0)

    class Meta:
        verbose_name = _("evaluation of tiers")
        verbose_name_plural = _("evaluations of tiers")
        indexes = [models.Index(fields=["program", "-ran_at"], name="loyalty_tierrun_newest")]

    def __str__(self) -> str:
        return f"{self.ran_at:%F}: {self.up_count} up, {self.down_count} down"


class TierRunPart(models.Model):
    """Members of an unfinished run that are evaluated already: a range of ids, both ends included.

    The parts of a run commit one by one and are deleted when all are done. After a crash, the next run reads from them
    since when each part is due.
    """

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="+", db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    ran_at = models.DateTimeField()
    up_count = models.PositiveIntegerField(default=0)
    down_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["program", "first"], name="loyalty_tierrunpart_once")]

    def __str__(self) -> str:
        return f"{self.first} to {self.last}: {self.ran_at:%F}"


@audited_except("error")
class TierBenefit(models.Model):
    """Benefit of a tier. `kind` names the registered benefit (loyalty/tiers/registry.py) that delivers it.

    `error` says why the benefit can't be given now, such as an expired coupon.
    """

    tier = models.ForeignKey(Tier, models.PROTECT, related_name="benefits", db_index=False)
    kind = models.CharField(_("kind"), max_length=30)
    settings = models.JSONField(_("settings of its kind"), default=dict, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    active = models.BooleanField(_("active"), default=True)
    error = models.CharField(_("error"), max_length=400, blank=True, default="")
    # Earlier occasions are not given: a birthday last week, an upgrade last month.
    active_since = models.DateTimeField(_("since"), db_default=Now())

    class Meta:
        verbose_name = _("benefit of a tier")
        verbose_name_plural = _("benefits of tiers")
        ordering = ["tier", "position", "id"]
        indexes = [models.Index(fields=["tier", "position"], name="loyalty_tierbenefit_of_tier")]

    def __str__(self) -> str:
        return f"{self.tier_id} {self.kind}"


class GrantState(models.TextChoices):
    GIVEN = "given", _("Given")
    FAILED = "failed", _("Failed, tried again")
    GIVEN_UP = "given_up", _("Failed")


class BenefitGrant(models.Model):
    """One benefit for one member and occasion, given once. `key` is entry:<tier period>, 2026-11 or birthday:2026."""

    benefit = models.ForeignKey(TierBenefit, models.PROTECT, related_name="grants", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="benefit_grants", db_index=False)
    key = models.CharField(_("occasion"), max_length=40)
    state = models.CharField(_("state"), max_length=8, choices=GrantState.choices, default=GrantState.GIVEN)
    outcome = models.JSONField(default=dict, blank=True)
    error = models.CharField(_("error"), max_length=400, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=1)
    next_try_at = models.DateTimeField(_("tried again"), null=True)
    granted_at = models.DateTimeField(_("given"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("given benefit")
        verbose_name_plural = _("given benefits")
        constraints = [
            models.UniqueConstraint(fields=["benefit", "member", "key"], name="loyalty_benefitgrant_once"),
            models.CheckConstraint(
                condition=models.Q(state="given", granted_at__isnull=False)
                | (~models.Q(state="given") & models.Q(granted_at=None)),
                name="loyalty_benefitgrant_given_has_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["member", "-created_at"], name="loyalty_benefitgrant_of_member"),
            models.Index(fields=["next_try_at"], condition=models.Q(state="failed"), name="loyalty_benefitgrant_again"),
            models.Index(
                fields=["benefit", "-created_at"],
                condition=~models.Q(state="given"),
                name="loyalty_benefitgrant_failed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.benefit_id} {self.member_id} {self.key}"
