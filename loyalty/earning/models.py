"""Models of earning."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited
from core.lists.models import Archivable, Owned
from loyalty.ledger.models import Lot
from loyalty.program.models import Member, PointType, Program


@audited
class EarningRule(Owned, Archivable, models.Model):
    """A way to earn points. Its terms are in its versions; an earning names the version that made it."""

    program = models.ForeignKey(Program, models.PROTECT, related_name="rules")
    point_type = models.ForeignKey(PointType, models.PROTECT, related_name="rules", verbose_name=_("point type"))
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=120)
    trigger = models.CharField(_("earned by"), max_length=20, default="order")
    event_kind = models.CharField(
        _("activity kind"), max_length=40, blank=True, default="", help_text=_("For activity: which kind earns.")
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("If two best rules give the same, the smaller position counts.")
    )
    budget = models.PositiveBigIntegerField(
        _("budget (points)"),
        null=True,
        blank=True,
        help_text=_("Maximum points that the rule may give in total. Empty: no limit."),
    )
    active = models.BooleanField(_("active"), default=True)
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="loyalty_earningrule_code_once")]

    def __str__(self) -> str:
        return self.name


class Stacking(models.TextChoices):
    SUM = "sum", _("Adds to the others")
    BEST = "best", _("Only the best counts")
    MULTIPLY = "multiply", _("Multiplies the others")


class EarningRuleVersion(models.Model):
    """Terms of a rule, never changed once published.

    A rate: points = rounding(base / per_amount * points * tier multiplier); the base is stated here (L6). Without
    `per_amount`, each order or happening earns `points`. A rule that multiplies adds rounding(what the others gave *
    (factor - 1)).
    """

    rule = models.ForeignKey(EarningRule, models.PROTECT, related_name="versions", db_index=False)
    version = models.PositiveIntegerField(_("version"))
    points = models.PositiveIntegerField(_("points"), default=1)
    per_amount = models.PositiveIntegerField(
        _("per amount"), default=100, null=True, blank=True, help_text=_("In minor units. Empty: each time.")
    )
    include_tax = models.BooleanField(_("tax counts"), default=False)
    include_shipping = models.BooleanField(_("shipping counts"), default=False)
    tier_multiplier = models.BooleanField(_("multiplied by tier"), default=True)
    conditions = models.JSONField(_("conditions"), default=list, blank=True)
    stacking = models.CharField(_("together with others"), max_length=8, choices=Stacking.choices, default=Stacking.SUM)
    factor = models.DecimalField(_("factor"), max_digits=5, decimal_places=2, default=1)
    caps = models.JSONField(_("limits"), default=list, blank=True)
    streak_days = models.PositiveSmallIntegerField(
        _("days in a row"), default=0, help_text=_("0: each time. Else once so many days in a row are reached.")
    )
    published_at = models.DateTimeField(_("published"), db_default=Now())
    published_by = models.CharField(max_length=80, default="system")

    class Meta:
        verbose_name = _("earning rule version")
        verbose_name_plural = _("earning rule versions")
        constraints = [
            models.UniqueConstraint(fields=["rule", "version"], name="loyalty_earningruleversion_once"),
            models.CheckConstraint(condition=models.Q(per_amount__gt=0), name="loyalty_earningruleversion_has_a_unit"),
            models.CheckConstraint(
                condition=~models.Q(stacking="multiply") | models.Q(factor__gt=1),
                name="loyalty_earningruleversion_multiplies_by_more_than_one",
            ),
        ]
        triggers = [pgtrigger.Protect(name="published", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.version}"


class EarningUse(models.Model):
    """Points that a rule has given in a period, to one member or (without one) to all. Its limits count them.

    Services that give or take back points of the rule lock these rows in key order, before the accounts.
    """

    rule = models.ForeignKey(EarningRule, models.PROTECT, related_name="uses", db_index=False)
    member = models.ForeignKey(Member, models.PROTECT, null=True, related_name="earning_uses", db_index=False)
    period = models.CharField(max_length=5)
    starts_on = models.DateField()
    points = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("use of an earning rule")
        verbose_name_plural = _("uses of earning rules")
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "member", "period", "starts_on"], nulls_distinct=False, name="loyalty_earninguse_once"
            ),
            models.CheckConstraint(condition=models.Q(points__gte=0), name="loyalty_earninguse_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.period} {self.starts_on}: {self.points}"


class Earning(models.Model):
    """Natural key of an earning (L7): once per order and rule or per happening and rule, however often it is requested.

    For a rule that multiplies, `base` is the points that it multiplied and `multiplier` its factor.
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="earnings", db_index=False)
    rule = models.ForeignKey("loyalty.EarningRule", models.PROTECT, related_name="earnings", db_index=False)
    version = models.ForeignKey("loyalty.EarningRuleVersion", models.PROTECT, related_name="earnings", db_index=False)
    order = models.ForeignKey("crm.Order", models.PROTECT, null=True, related_name="+", db_index=False)
    reference = models.CharField(
        _("reference"),
        max_length=120,
        blank=True,
        default="",
        help_text="The happening's; empty for the member's order.",
    )
    base = models.BigIntegerField(_("base"), help_text="Minor units that counted.")
    base_remainder = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        default=0,
        help_text="Part of a minor unit that is left over from a shared base.",
    )
    lines = ArrayField(
        models.BigIntegerField(), null=True, help_text="The order lines that counted; null is the whole order."
    )
    multiplier = models.DecimalField(_("multiplier"), max_digits=5, decimal_places=2)
    points = models.BigIntegerField(_("points"))
    cut = models.BigIntegerField(
        _("cut by a limit"), default=0, help_text="Points that a limit or the budget kept back."
    )
    remainder = models.DecimalField(
        _("rounded off"), max_digits=12, decimal_places=6, help_text="Exact points minus the points before any cut."
    )
    taken_back = models.BigIntegerField(_("taken back"), default=0)
    forgiven = models.BigIntegerField(
        default=0, help_text="Of what was taken back: points that had run out, and were gone already."
    )
    lot = models.ForeignKey(Lot, models.PROTECT, null=True, related_name="+", db_index=False)
    occurred_at = models.DateTimeField(_("occurred at"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("earning")
        verbose_name_plural = _("earnings")
        constraints = [
            models.UniqueConstraint(fields=["order", "rule"], name="loyalty_earning_once_per_order_and_rule"),
            models.UniqueConstraint(
                fields=["rule", "reference"],
                condition=~models.Q(reference=""),
                name="loyalty_earning_once_per_happening_and_rule",
            ),
            models.CheckConstraint(
                condition=models.Q(order__isnull=False) | ~models.Q(reference=""), name="loyalty_earning_has_a_cause"
            ),
            models.CheckConstraint(
                condition=models.Q(taken_back__gte=0, taken_back__lte=models.F("points")),
                name="loyalty_earning_takes_back_at_most_itself",
            ),
        ]
        indexes = [models.Index(fields=["member", "-id"], name="loyalty_earning_of_member")]

    def __str__(self) -> str:
        return f"{self.points} for {self.reference or self.order_id}"
