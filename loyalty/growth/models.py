"""Models of growth: tasks with levels, badges, and each member's progress."""

from datetime import datetime, timedelta
from typing import Self

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.lists.models import Archivable, Owned
from loyalty.program.models import Described


@audited
class Badge(Described, models.Model):
    """Award that a member shows for something done. Each member has it at most once and never loses it."""

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="badges")
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    description_zh = models.TextField(_("description in Chinese"), blank=True, default="")
    icon = models.CharField(_("icon"), max_length=40, default="award")
    active = models.BooleanField(
        _("active"), default=True, help_text=_("An inactive badge is not awarded. Members who have it keep it.")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("badge")
        verbose_name_plural = _("badges")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["program", "code"], name="loyalty_badge_code_once")]

    def __str__(self) -> str:
        return self.label


class MemberBadge(models.Model):
    """Badge of a member. `reference` says what it was awarded for, such as `task:first-review`."""

    badge = models.ForeignKey(Badge, models.PROTECT, related_name="holders", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="badges", db_index=False)
    awarded_at = models.DateTimeField(_("awarded"))
    reference = models.CharField(_("reference"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("member's badge")
        verbose_name_plural = _("members' badges")
        constraints = [models.UniqueConstraint(fields=["member", "badge"], name="loyalty_memberbadge_once")]
        indexes = [
            # for the holders of a badge, newest first
            models.Index(fields=["badge", "-awarded_at"], name="loyalty_memberbadge_of_badge")
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.badge_id}"


class Measure(models.TextChoices):
    TIMES = "times", pgettext_lazy("task", "How often")
    AMOUNT = "amount", _("Amount of money")
    DAYS = "days", _("Days in a row")


class Period(models.TextChoices):
    """When progress starts again from 0, in the program's time zone."""

    EVER = "ever", pgettext_lazy("period of a task", "Never")
    DAY = "day", _("Every day")
    WEEK = "week", _("Every week")
    MONTH = "month", _("Every month")


class TaskQuerySet(models.QuerySet["Task"]):
    def running(self, moment: datetime, late: timedelta | None = None) -> Self:
        """Return the tasks that are switched on and within their dates.

        With `late`, also those that ended at most so long ago.
        """
        ended = moment - late if late else moment
        return self.filter(
            models.Q(ends_at=None) | models.Q(ends_at__gt=ended),
            models.Q(starts_at=None) | models.Q(starts_at__lte=moment),
            active=True,
        )


@audited
class Task(Described, Owned, Archivable, models.Model):
    """Task for members, with a reward for each level. With dates and a season's name it is a challenge.

    Nothing that happened before `counts_from` counts. It is the start, or the time when the task was last switched on.
    """

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="tasks")
    code = models.SlugField(_("code"), max_length=40)
    name = models.CharField(_("name"), max_length=120)
    name_zh = models.CharField(_("name in Chinese"), max_length=120, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    description_zh = models.TextField(_("description in Chinese"), blank=True, default="")
    icon = models.CharField(_("icon"), max_length=40, default="list-check")
    trigger = models.CharField(_("what counts"), max_length=40)
    event_kind = models.CharField(_("kind of activity"), max_length=40, blank=True, default="")
    measure = models.CharField(_("measured by"), max_length=6, choices=Measure.choices, default=Measure.TIMES)
    period = models.CharField(_("resets"), max_length=5, choices=Period.choices, default=Period.EVER)
    season = models.CharField(_("season"), max_length=80, blank=True, default="")
    starts_at = models.DateTimeField(_("starts"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    join = models.BooleanField(_("members join first"), default=False)
    active = models.BooleanField(_("active"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    counts_from = models.DateTimeField(_("counts from"))
    created_at = models.DateTimeField(db_default=Now())

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        ordering = ["position", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["program", "code"], name="loyalty_task_code_once"),
            models.CheckConstraint(
                condition=models.Q(starts_at=None)
                | models.Q(ends_at=None)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="loyalty_task_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.label


@audited
class TaskLevel(models.Model):
    """Level of a task. `goal` is in the task's measure: times, minor units, or days in a row."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="levels", db_index=False)
    level = models.PositiveSmallIntegerField(_("level"), validators=[MinValueValidator(1)])
    goal = models.PositiveBigIntegerField(_("goal"))
    points = models.PositiveBigIntegerField(_("points"), default=0)
    growth = models.PositiveBigIntegerField(_("growth value"), default=0)
    badge = models.ForeignKey(
        Badge, models.PROTECT, null=True, blank=True, related_name="levels", verbose_name=_("badge")
    )

    class Meta:
        verbose_name = _("level of a task")
        verbose_name_plural = _("levels of tasks")
        ordering = ["task", "level"]
        constraints = [
            models.UniqueConstraint(fields=["task", "level"], name="loyalty_tasklevel_once"),
            models.UniqueConstraint(fields=["task", "goal"], name="loyalty_tasklevel_goal_once"),
            models.CheckConstraint(
                condition=models.Q(goal__gt=0, level__gt=0), name="loyalty_tasklevel_has_something_to_reach"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.level}: {self.goal}"


class TaskJoin(models.Model):
    """Member who takes part in a task that has to be joined. Leaving deletes the row."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="joins", db_index=False)
    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="+", db_index=False)
    joined_at = models.DateTimeField(_("joined"))

    class Meta:
        verbose_name = _("joined task")
        verbose_name_plural = _("joined tasks")
        constraints = [models.UniqueConstraint(fields=["task", "member"], name="loyalty_taskjoin_once")]
        indexes = [models.Index(fields=["member"], name="loyalty_taskjoin_of_member")]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.task_id}"


class TaskProgress(models.Model):
    """Progress of a member with a task in one period: the fold of its steps.

    `count` is what the member sees; `best` decides about levels. They differ only for days in a row: a broken run
    starts again from 0, but the levels that it reached stay.
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="+", db_index=False)
    task = models.ForeignKey(Task, models.PROTECT, related_name="progress", db_index=False)
    period_start = models.DateField(_("period from"))
    count = models.BigIntegerField(_("count"), default=0)
    best = models.BigIntegerField(_("best"), default=0)
    level = models.PositiveSmallIntegerField(_("level"), default=0)
    last_on = models.DateField(_("last counted on"), null=True)
    started_at = models.DateTimeField(_("started"))
    updated_at = models.DateTimeField(_("updated"))
    completed_at = models.DateTimeField(_("completed"), null=True)

    class Meta:
        verbose_name = _("progress of a task")
        verbose_name_plural = _("progress of tasks")
        constraints = [
            models.UniqueConstraint(fields=["member", "task", "period_start"], name="loyalty_taskprogress_once"),
            models.CheckConstraint(
                condition=models.Q(count__gte=0, best__gte=models.F("count")), name="loyalty_taskprogress_best_is_most"
            ),
        ]
        indexes = [
            # for the number of members on each level of a period
            models.Index(fields=["task", "period_start", "level"], name="loyalty_taskprogress_of_task")
        ]

    def __str__(self) -> str:
        return f"{self.member_id} {self.task_id}: {self.count}"


class TaskStep(models.Model):
    """One happening that counted, once per task however often it is reported (L7). `amount` is in minor units."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="+", db_index=False)
    progress = models.ForeignKey(TaskProgress, models.PROTECT, related_name="steps", db_index=False)
    reference = models.CharField(_("reference"), max_length=120)
    amount = models.BigIntegerField(_("amount"), default=0)
    happened_on = models.DateField(_("on"))

    class Meta:
        verbose_name = _("step of a task")
        verbose_name_plural = _("steps of tasks")
        constraints = [models.UniqueConstraint(fields=["task", "reference"], name="loyalty_taskstep_once")]
        indexes = [models.Index(fields=["progress"], name="loyalty_taskstep_of_progress")]

    def __str__(self) -> str:
        return f"{self.task_id} {self.reference}"


class LevelReached(models.Model):
    """Natural key of what a level gives (L7): once per member, task, period and level.

    The figures are those given then.
    """

    progress = models.ForeignKey(TaskProgress, models.PROTECT, related_name="reached", db_index=False)
    level = models.PositiveSmallIntegerField(_("level"))
    points = models.BigIntegerField(_("points"), default=0)
    growth = models.BigIntegerField(_("growth value"), default=0)
    badge = models.ForeignKey(Badge, models.PROTECT, null=True, related_name="+")
    reached_at = models.DateTimeField(_("reached"))

    class Meta:
        verbose_name = _("level that was reached")
        verbose_name_plural = _("levels that were reached")
        constraints = [models.UniqueConstraint(fields=["progress", "level"], name="loyalty_levelreached_once")]

    def __str__(self) -> str:
        return f"{self.progress_id}: {self.level}"
