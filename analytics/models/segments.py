from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit import audited


class SegmentKind(models.TextChoices):
    RULE = "rule", _("By rule")
    STATIC = "static", _("Fixed list")


class SegmentState(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("segment", "Active")
    ARCHIVED = "archived", _("Archived")


class SegmentQuerySet(models.QuerySet["Segment"]):
    def active(self):
        return self.filter(state=SegmentState.ACTIVE)


@audited
class Segment(models.Model):
    """A group of customers by rule. `computed_at` is set when a computation is done, never when it begins (S1).

    Whom the computation of `first_computed_at` found inside has not entered: no event, nobody's journey (docs/adr/0008).
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    description = models.CharField(_("description"), max_length=400, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=6, choices=SegmentKind.choices, default=SegmentKind.RULE)
    state = models.CharField(_("state"), max_length=8, choices=SegmentState.choices, default=SegmentState.ACTIVE)
    rule = models.JSONField(_("rule"), default=dict)
    version = models.PositiveIntegerField(_("version"), default=1)
    size = models.BigIntegerField(_("customers"), default=0)
    computed_at = models.DateTimeField(_("last computed"), null=True)
    first_computed_at = models.DateTimeField(_("first computed"), null=True)
    computed_version = models.PositiveIntegerField(default=0)
    error = models.TextField(_("error"), blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = SegmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentMembership(models.Model):
    """[entered, left) of one customer in one segment (S1).

    There are many, and a number of their own with its index would be a fifth of what writing them costs. `pk` is unique
    because whoever changes intervals takes a later time than everyone before (F18); its index holds `left_at` too, so that
    who is or was inside is listed without the rows (migration 0009).
    """

    pk = models.CompositePrimaryKey("segment", "entered_at", "customer")
    segment = models.ForeignKey(
        Segment, models.PROTECT, related_name="memberships", db_index=False, db_constraint=False
    )
    customer = models.ForeignKey(
        "crm.Customer", models.CASCADE, related_name="segment_memberships", db_index=False, db_constraint=False
    )
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(pgettext_lazy("segment", "left"), null=True)

    class Meta:
        verbose_name = _("segment membership")
        verbose_name_plural = _("segment memberships")
        constraints = [
            # One open interval each, and the way to all of a customer's.
            models.UniqueConstraint(
                fields=["customer", "segment", "left_at"], nulls_distinct=False, name="analytics_membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(left_at=None) | models.Q(left_at__gte=models.F("entered_at")),
                name="analytics_membership_leaves_after_entering",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class SegmentDay(models.Model):
    """What a day brought: the size at its last computation, who entered and left. Days on which nobody moved have none."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="days", db_index=False)
    day = models.DateField(_("day"))
    size = models.BigIntegerField(_("customers"))
    entered_count = models.BigIntegerField(_("entered"), default=0)
    left_count = models.BigIntegerField(pgettext_lazy("segment", "left"), default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="analytics_segmentday_one")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.day}: {self.size}"
