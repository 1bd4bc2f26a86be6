"""Models of experiments."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.lists.models import Archivable, Owned


class ExperimentScope(models.TextChoices):
    CAMPAIGNS = "campaigns", _("Campaigns and journeys that name it")
    EVERYTHING = "everything", _("All marketing messages (global holdout)")


class ExperimentMetric(models.TextChoices):
    ORDERED = "ordered", _("Share of customers who order")
    ORDERS = "orders", _("Orders per customer")
    REVENUE = "revenue", _("Net revenue per customer")
    VISITED = "visited", _("Share of customers who visit the shop")
    OPENED = "opened", _("Share of customers who open a message")
    CLICKED = "clicked", _("Share of customers who follow a link in a message")


# For these metrics each customer's figure is 0 or 1.
SHARE_METRICS = frozenset(
    {ExperimentMetric.ORDERED, ExperimentMetric.VISITED, ExperimentMetric.OPENED, ExperimentMetric.CLICKED}
)


class ExperimentState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    RUNNING = "running", _("Running")
    ENDED = "ended", pgettext_lazy("experiment", "Ended")


@audited
class Experiment(Owned, Archivable, models.Model):
    """Hold the arms, the metric and the required certainty of an experiment, all fixed before it starts (X3).

    `effect` is the smallest difference of interest in units of the metric: a share, orders, or minor units of
    `currency`. `baseline_mean` and `baseline_variance` are the metric over the last window before the start, and
    `planned_count` is the number of customers that follows from them. `weighed_at`: when the weights last changed.
    `winner`: the arm that all customers get after the end.
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    scope = models.CharField(
        _("applies to"), max_length=10, choices=ExperimentScope.choices, default=ExperimentScope.CAMPAIGNS
    )
    metric = models.CharField(
        _("measured"), max_length=8, choices=ExperimentMetric.choices, default=ExperimentMetric.ORDERED
    )
    window_days = models.PositiveSmallIntegerField(_("days that count"), default=14)
    effect = models.DecimalField(_("smallest effect of interest"), max_digits=16, decimal_places=6)
    error_percent = models.PositiveSmallIntegerField(_("false alarms (%)"), default=5)
    power_percent = models.PositiveSmallIntegerField(_("power (%)"), default=80)
    any_time = models.BooleanField(_("may be looked at at any time"), default=True)
    segment = models.ForeignKey(
        "analytics.Segment", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("planned on")
    )
    currency = models.CharField(max_length=3)
    salt = models.CharField(max_length=32, editable=False)
    state = models.CharField(_("state"), max_length=7, choices=ExperimentState.choices, default=ExperimentState.DRAFT)
    baseline_mean = models.FloatField(null=True, editable=False)
    baseline_variance = models.FloatField(null=True, editable=False)
    planned_count = models.PositiveBigIntegerField(_("customers needed"), null=True, editable=False)
    winner = models.ForeignKey(
        "campaigns.ExperimentArm", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("winner")
    )
    conclusion = models.TextField(_("conclusion"), blank=True, default="", max_length=2000)
    weighed_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        constraints = [
            models.UniqueConstraint(
                fields=["scope"],
                condition=models.Q(scope="everything", state="running"),
                name="campaigns_experiment_one_global_holdout",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(started_at__isnull=False),
                name="campaigns_experiment_running_has_start",
            ),
            models.CheckConstraint(condition=models.Q(effect__gt=0), name="campaigns_experiment_effect_positive"),
            models.CheckConstraint(
                condition=models.Q(error_percent__range=(1, 20), power_percent__range=(50, 99)),
                name="campaigns_experiment_sureness",
            ),
        ]

    def __str__(self) -> str:
        return self.name


@audited
class ExperimentArm(models.Model):
    """Hold one arm. The arm at position 0 is the control; in a global holdout the control gets no marketing.

    `template` and `coupon` replace those of the campaign that runs the experiment; empty means the campaign's own.
    """

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="arms", db_index=False)
    code = models.CharField(max_length=1, editable=False)
    name = models.CharField(_("name"), max_length=60)
    weight = models.PositiveSmallIntegerField(_("weight"), default=1)
    template = models.ForeignKey(
        "campaigns.Template", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("template")
    )
    coupon = models.ForeignKey(
        "campaigns.Coupon", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("coupon")
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("arm")
        verbose_name_plural = _("arms")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "code"], name="campaigns_experimentarm_code_once"),
            models.UniqueConstraint(fields=["experiment", "position"], name="campaigns_experimentarm_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Exposure(models.Model):
    """Hold a customer's arm from the first time that it mattered: a change of weights moves no customer (X1)."""

    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="exposures", db_index=False)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, related_name="exposures", db_index=False)
    arm = models.ForeignKey(ExperimentArm, models.PROTECT, related_name="exposures", db_index=False)
    origin = models.CharField(_("campaign"), max_length=40)
    exposed_at = models.DateTimeField(_("drawn"), db_default=Now())

    class Meta:
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")
        constraints = [
            models.UniqueConstraint(fields=["experiment", "customer"], name="campaigns_exposure_once_per_customer")
        ]
        indexes = [
            models.Index(fields=["experiment", "exposed_at"], name="campaigns_exposure_matured"),
            models.Index(fields=["customer"], name="campaigns_exposure_of_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.arm_id}"
