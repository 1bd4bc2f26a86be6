"""Models of jobs."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class JobState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Job(models.Model):
    """Long work that a person or the schedule started. The jobs page shows its progress."""

    kind = models.CharField(_("kind"), max_length=60)
    label = models.CharField(_("label"), max_length=200, blank=True, default="")
    state = models.CharField(_("state"), max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    done_count = models.BigIntegerField(_("done"), default=0)
    total_count = models.BigIntegerField(_("total"), default=0)
    result = models.JSONField(_("result"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True, default="")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"), db_default=models.functions.Now())
    started_at = models.DateTimeField(_("started"), null=True)
    heartbeat_at = models.DateTimeField(_("last heartbeat"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = [
            models.Index(fields=["-created_at"], name="core_job_recent"),
            models.Index(fields=["state"], condition=models.Q(state__in=["queued", "running"]), name="core_job_open"),
        ]

    def __str__(self) -> str:
        return self.label or self.kind

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.done_count / self.total_count)) if self.total_count else 0
