"""Models of features."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Stage(models.TextChoices):
    PROSPECT = "prospect", _("No order yet")
    NEW = "new", _("New")
    ACTIVE = "active", _("Active")
    AT_RISK = "at_risk", _("At risk")
    LAPSED = "lapsed", _("Lapsed")
    LOST = "lost", _("Lost")
    WON_BACK = "won_back", _("Won back")


class CustomerFeature(models.Model):
    """One row per customer with the figures from the facts. Segments and scores read only this row, not slower tables.

    Money is minor units of the shop's currency, net of refunds (A2). Windows end at `as_of`. Every column is a pure
    function of the facts and `as_of`, so that an incremental computation equals a full one (F19).

    Derived tables have no foreign key in the database: they are written from a join with the customers, and checking a
    million rows one by one would cost more than computing them.
    """

    customer = models.OneToOneField(
        "crm.Customer", models.CASCADE, primary_key=True, related_name="features", db_constraint=False
    )
    order_count = models.IntegerField(_("orders"), default=0)
    item_count = models.DecimalField(_("items"), max_digits=16, decimal_places=3, default=0)
    gross_spend = models.BigIntegerField(_("gross spend"), default=0)
    refunded = models.BigIntegerField(_("refunded"), default=0)
    adjusted = models.BigIntegerField(default=0, db_default=0)
    net_spend = models.BigIntegerField(_("net spend"), default=0)
    discounted = models.BigIntegerField(_("discounts"), default=0)
    refund_count = models.IntegerField(_("refunds"), default=0)
    first_order_at = models.DateTimeField(_("first order"), null=True)
    last_order_at = models.DateTimeField(_("last order"), null=True)
    previous_order_at = models.DateTimeField(_("order before last"), null=True)
    mean_interval_days = models.FloatField(_("days between orders"), null=True)
    average_order = models.BigIntegerField(_("average order"), default=0)
    orders_365 = models.IntegerField(_("orders in 365 days"), default=0)
    spend_365 = models.BigIntegerField(_("spend in 365 days"), default=0)
    orders_90 = models.IntegerField(_("orders in 90 days"), default=0)
    spend_90 = models.BigIntegerField(_("spend in 90 days"), default=0)
    categories = ArrayField(models.CharField(max_length=200), verbose_name=_("categories bought"), default=list)
    top_category = models.CharField(_("favourite category"), max_length=200, blank=True, default="")
    main_channel = models.CharField(_("main sales channel"), max_length=40, blank=True, default="")
    last_activity_at = models.DateTimeField(_("last activity"), null=True)
    activity_30 = models.IntegerField(_("events in 30 days"), default=0)
    points_available = models.BigIntegerField(_("points available"), default=0)
    tier_rank = models.SmallIntegerField(_("tier"), default=0)
    is_member = models.BooleanField(_("is a member"), default=False)
    messages_90 = models.IntegerField(_("messages in 90 days"), default=0)
    opened_90 = models.IntegerField(_("opened in 90 days"), default=0)
    reachable = ArrayField(models.CharField(max_length=20), verbose_name=_("reachable by"), default=list)
    rfm_r = models.SmallIntegerField(_("recency score"), null=True)
    rfm_f = models.SmallIntegerField(_("frequency score"), null=True)
    rfm_m = models.SmallIntegerField(_("monetary score"), null=True)
    rfm_group = models.CharField(_("RFM group"), max_length=20, blank=True, default="")
    rfm_as_of = models.DateField(_("RFM as of"), null=True)
    stage = models.CharField(_("lifecycle stage"), max_length=8, choices=Stage.choices, default=Stage.PROSPECT)
    stage_since = models.DateTimeField(_("stage since"), null=True)
    as_of = models.DateTimeField(_("as of"))

    class Meta:
        verbose_name = _("customer features")
        verbose_name_plural = _("customer features")
        indexes = [
            models.Index(fields=["last_order_at"], name="analytics_feature_last_order"),
            models.Index(fields=["-net_spend", "customer"], name="analytics_feature_spend"),
        ]

    def __str__(self) -> str:
        return str(self.customer_id)


class ChangedCustomer(models.Model):
    """A customer whose inputs changed after the last computation of its features; the computation deletes the row."""

    customer_id = models.BigIntegerField(primary_key=True)
    marked_at = models.DateTimeField(db_default=Now())
    mark = models.BigIntegerField(default=1)
    # core.events.bus.Effect of the change: the furthest effect of the events that the refresh emits.
    effect = models.PositiveSmallIntegerField(default=3, db_default=3)

    class Meta:
        verbose_name = _("changed customer")
        indexes = [models.Index(fields=["marked_at"], name="analytics_changed_oldest")]

    def __str__(self) -> str:
        return str(self.customer_id)


class RfmModel(models.Model):
    """Cut points that turn recency, frequency and money into scores from 1 to 5, as of one date (A1)."""

    as_of = models.DateField(_("as of"), unique=True)
    recency_cuts = ArrayField(models.FloatField(), size=4, help_text="Days since the last order, ascending.")
    frequency_cuts = ArrayField(models.FloatField(), size=4)
    money_cuts = ArrayField(models.FloatField(), size=4)
    customer_count = models.IntegerField(_("customers"))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("RFM model")
        verbose_name_plural = _("RFM models")

    def __str__(self) -> str:
        return str(self.as_of)


class ScoringVersion(models.Model):
    """One version of the limits of lifecycle stages and of the RFM cut points. Versions are never changed.

    Empty cut points mean quintiles of the buyers, which each nightly computation finds again. Without a version the
    limits of `rules.lifecycle` apply.
    """

    number = models.PositiveIntegerField(_("version"), unique=True)
    new_days = models.PositiveSmallIntegerField(_("new (days)"))
    active_days = models.PositiveSmallIntegerField(_("active (days)"))
    at_risk_days = models.PositiveSmallIntegerField(_("at risk (days)"))
    lapsed_days = models.PositiveSmallIntegerField(_("lapsed (days)"))
    recency_cuts = ArrayField(models.FloatField(), size=4, default=list)
    frequency_cuts = ArrayField(models.FloatField(), size=4, default=list)
    money_cuts = ArrayField(models.FloatField(), size=4, default=list)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    created_by = models.CharField(_("created by"), max_length=80, default="system")

    class Meta:
        verbose_name = _("scoring version")
        verbose_name_plural = _("scoring versions")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(active_days__lt=models.F("at_risk_days"))
                & models.Q(at_risk_days__lt=models.F("lapsed_days"))
                & models.Q(new_days__lte=models.F("active_days"))
                & models.Q(new_days__gt=0),
                name="analytics_scoringversion_limits_ascend",
            )
        ]

    def __str__(self) -> str:
        return str(self.number)


class ComputationState(models.Model):
    """State of a computation: the last covered amount, its time, and its error."""

    name = models.CharField(max_length=60, primary_key=True)
    finished_at = models.DateTimeField(null=True)
    row_count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("computation state")

    def __str__(self) -> str:
        return self.name
