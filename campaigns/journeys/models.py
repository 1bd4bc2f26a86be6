"""Models of journeys."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.journeys.rules import JourneyDefinition
from core.audit.tracking import audited_except
from core.lists.models import Archivable, Owned


class JourneyState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    RUNNING = "running", pgettext_lazy("journey", "Running")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", pgettext_lazy("journey", "Stopped")


@audited_except("looked_at", "members_after")
class Journey(Owned, Archivable, models.Model):
    """Hold a path that customers follow step by step. `draft` is being edited; new runs enter `version`.

    Customers who were in the segment at publishing and may enter are entered from `members_after` on, a customer id. It
    is NULL when there are none or all have entered.
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    state = models.CharField(_("state"), max_length=7, choices=JourneyState.choices, default=JourneyState.DRAFT)
    draft = models.JSONField(_("draft"), default=dict)
    version = models.ForeignKey(
        "campaigns.JourneyVersion", models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )
    preset = models.CharField(max_length=40, blank=True, default="", editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    looked_at = models.DateTimeField(_("last looked"), null=True, editable=False)
    members_after = models.BigIntegerField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    class Meta:
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(version__isnull=False),
                name="campaigns_journey_published_has_version",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def published(self) -> JourneyVersion:
        """Return the version that new runs enter; running, paused and stopped journeys have one, by constraint."""
        if self.version is None:
            raise ValueError(f"{self} was never published")
        return self.version

    @property
    def definition(self) -> JourneyDefinition:
        return self.published.definition


class JourneyVersion(models.Model):
    """Hold a journey as it was published; never changed, because runs are bound to it (J8)."""

    journey = models.ForeignKey(Journey, models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    published_at = models.DateTimeField(_("published"), db_default=Now())

    class Meta:
        verbose_name = _("journey version")
        verbose_name_plural = _("journey versions")
        constraints = [models.UniqueConstraint(fields=["journey", "number"], name="campaigns_journeyversion_once")]
        triggers = [
            pgtrigger.Protect(
                name="published",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("journey", "number", "definition", "published_at"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} v{self.number}"


class RunState(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("run", "In progress")
    ENDED = "ended", pgettext_lazy("run", "Ended")
    HELD_OUT = "held_out", _("Held out")


class EndReason(models.TextChoices):
    COMPLETED = "completed", _("Completed")
    EXIT = "exit", _("Left at an exit")
    GOAL = "goal", _("Reached the goal")
    UNMATCHED = "unmatched", _("No longer matched")
    STOPPED = "stopped", _("The journey was stopped")
    INACTIVE = "inactive", _("Customer merged or erased")
    FAILED = "failed", _("Failed too often")


class JourneyRun(models.Model):
    """Hold one customer's run. `cause` is the reason of the entry, once each; `number` counts the runs (J3).

    `step` is the current step in the version's tree, which has no loops, so that a run passes each step once. A wait is
    a row: `due_at` is when the run continues, `waits_until` the latest end of the wait (it may be woken before),
    `waits_for` the event that may end it. `claim` and `leased_until` belong to the worker that moves the run.
    """

    journey = models.ForeignKey(Journey, models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(JourneyVersion, models.PROTECT, related_name="runs", db_index=False)
    customer = models.ForeignKey("crm.Customer", models.PROTECT, related_name="journey_runs", db_index=False)
    number = models.PositiveIntegerField(default=1)
    cause = models.CharField(max_length=120)
    state = models.CharField(_("state"), max_length=8, choices=RunState.choices, default=RunState.ACTIVE)
    step = models.CharField(max_length=40, blank=True, default="")
    step_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(_("due"), db_default=Now())
    waits_until = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=80, blank=True, default="")
    context = models.JSONField(default=dict)
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True, default="")
    entered_at = models.DateTimeField(_("entered"), db_default=Now())
    ended_at = models.DateTimeField(pgettext_lazy("run", "ended"), null=True)
    end_reason = models.CharField(max_length=10, choices=EndReason.choices, blank=True, default="")

    class Meta:
        verbose_name = _("journey run")
        verbose_name_plural = _("journey runs")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "journey"],
                condition=models.Q(state="active"),
                name="campaigns_journeyrun_one_active",
            ),
            models.UniqueConstraint(fields=["customer", "journey", "number"], name="campaigns_journeyrun_numbered"),
            models.UniqueConstraint(
                fields=["customer", "journey", "cause"], name="campaigns_journeyrun_once_per_cause"
            ),
            models.CheckConstraint(
                condition=models.Q(state="ended", ended_at__isnull=False)
                | ~models.Q(state="ended") & models.Q(ended_at=None),
                name="campaigns_journeyrun_ended_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="ended") | models.Q(end_reason=""), name="campaigns_journeyrun_reason_at_end"
            ),
        ]
        indexes = [
            # the claim: due runs of one journey, oldest first
            models.Index(
                fields=["journey", "due_at"], condition=models.Q(state="active"), name="campaigns_journeyrun_due"
            ),
            # how many runs are at each step of a version, and whether any run is still in an old version
            models.Index(
                fields=["version", "step"], condition=models.Q(state="active"), name="campaigns_journeyrun_at"
            ),
            models.Index(
                fields=["claim"], condition=models.Q(claim__isnull=False), name="campaigns_journeyrun_claimed"
            ),
            models.Index(fields=["journey", "-entered_at", "-id"], name="campaigns_journeyrun_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.journey_id} #{self.number}: {self.state}"


class JourneyStepRecord(models.Model):
    """Record that a run has done a step, once, with its outcome. Rows are only inserted."""

    run = models.ForeignKey(JourneyRun, models.PROTECT, related_name="records", db_index=False, db_constraint=False)
    step = models.CharField(max_length=40)
    outcome = models.CharField(max_length=40, blank=True, default="")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("journey step record")
        verbose_name_plural = _("journey step records")
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="campaigns_journeysteprecord_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.run_id} {self.step}: {self.outcome}"


class JourneyStepCount(models.Model):
    """Count the runs of a version that did a step with this outcome on a day: the sum of the records.

    The steps `entry` and `end` count entries (or held-out customers) and exits, by reason. `day` is a day of the shop.
    """

    version = models.ForeignKey(JourneyVersion, models.CASCADE, related_name="counts", db_index=False)
    step = models.CharField(max_length=40)
    outcome = models.CharField(max_length=40, blank=True, default="")
    day = models.DateField(_("day"))
    count = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("journey step count")
        verbose_name_plural = _("journey step counts")
        constraints = [
            models.UniqueConstraint(
                fields=["version", "step", "outcome", "day"], name="campaigns_journeystepcount_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.step} {self.outcome} on {self.day}: {self.count}"
