"""Models of segments."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.lists.models import Owned


def _paired(one: str, other: str, name: str) -> models.CheckConstraint:
    """Constrain two arrays to the same length, because their elements belong together."""

    def cardinality(field: str) -> models.Func:
        return models.Func(models.F(field), function="cardinality", output_field=models.IntegerField())

    return models.CheckConstraint(condition=Exact(cardinality(one), cardinality(other)), name=name)


class SegmentKind(models.TextChoices):
    RULE = "rule", _("By rule")
    STATIC = "static", _("Fixed list")


class SegmentState(models.TextChoices):
    ACTIVE = "active", pgettext_lazy("segment", "Active")
    ARCHIVED = "archived", _("Archived")


class SegmentQuerySet(models.QuerySet["Segment"]):
    def active(self) -> Self:
        return self.filter(state=SegmentState.ACTIVE)


@audited
class Segment(Owned, models.Model):
    """A group of customers by rule or list. `computed_at` is set when a computation ends, never when it starts (S1).

    Customers that the first computation (`first_computed_at`) finds inside have not entered: no event, no journey
    (docs/adr/0008).
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

    @property
    def is_current(self) -> bool:
        """Whether the stored members match the current rule.

        Fixed lists and archived segments are always current, because they are never computed.
        """
        return (
            self.kind == SegmentKind.STATIC
            or self.state == SegmentState.ARCHIVED
            or self.computed_version == self.version
        )


class CustomerSegments(models.Model):
    """The segments that a customer is in, by ascending id, with the time of entry to each (S1).

    One row per customer: a computation writes one row, and a question about a customer reads one row. The members of a
    segment are found with one scan over short rows (docs/adr/0012). Only
    `analytics.segments.services.memberships` writes this table.
    """

    customer = models.OneToOneField(
        "crm.Customer", models.CASCADE, primary_key=True, related_name="inside", db_constraint=False
    )
    inside = ArrayField(models.BigIntegerField(), verbose_name=_("segments"))
    since = ArrayField(models.DateTimeField(), verbose_name=_("entered"))

    class Meta:
        verbose_name = _("segments of a customer")
        verbose_name_plural = _("segments of customers")
        constraints = [_paired("inside", "since", "analytics_customersegments_paired")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.inside}"


class SegmentLeaving(models.Model):
    """Customers that left a segment at one moment, with their times of entry: memberships that are over (S1)."""

    segment = models.ForeignKey(Segment, models.PROTECT, related_name="leavings", db_index=False, db_constraint=False)
    left_at = models.DateTimeField(pgettext_lazy("segment", "left"))
    customers = ArrayField(models.BigIntegerField(), verbose_name=_("customers"))
    entered = ArrayField(models.DateTimeField(), verbose_name=_("entered"))

    class Meta:
        verbose_name = _("leaving of a segment")
        verbose_name_plural = _("leavings of segments")
        constraints = [_paired("customers", "entered", "analytics_segmentleaving_paired")]
        indexes = [models.Index(fields=["segment", "left_at"], name="analytics_segmentleaving_at")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.left_at}"


class SegmentMembership(models.Model):
    """[entered, left) of one customer in one segment (S1): a read-only view of current and past members.

    Query it for one customer or for one segment.
    """

    pk = models.CompositePrimaryKey("segment", "entered_at", "customer")
    segment = models.ForeignKey(Segment, models.DO_NOTHING, related_name="memberships")
    customer = models.ForeignKey("crm.Customer", models.DO_NOTHING, related_name="segment_memberships")
    entered_at = models.DateTimeField(_("entered"))
    left_at = models.DateTimeField(pgettext_lazy("segment", "left"), null=True)

    class Meta:
        managed = False
        verbose_name = _("segment membership")
        verbose_name_plural = _("segment memberships")

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class SegmentDay(models.Model):
    """A day of a segment: the size at its last computation, and how many entered and left.

    Days without moves have none.
    """

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="days", db_index=False)
    day = models.DateField(_("day"))
    size = models.BigIntegerField(_("customers"))
    entered_count = models.BigIntegerField(_("entered"), default=0)
    left_count = models.BigIntegerField(pgettext_lazy("segment", "left"), default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="analytics_segmentday_one")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.day}: {self.size}"


class ListUpload(models.Model):
    """A file of customers for a fixed list. It is applied in one transaction: a killed worker leaves nothing behind.

    `content` is the encrypted text until it is applied. `line_count` counts lines with a value, without heading and
    empty lines. `matched_count` of them identify a customer; one customer may be named twice. Of these customers
    `added_count` entered and `already_count` were on the list before.
    """

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="uploads")
    file_name = models.CharField(_("file"), max_length=255)
    kind = models.CharField(max_length=20)
    country = models.CharField(max_length=2)
    content = models.BinaryField(default=b"")
    job = models.ForeignKey("core.Job", models.SET_NULL, null=True, related_name="+", db_index=False)
    line_count = models.PositiveIntegerField(_("lines"))
    matched_count = models.PositiveIntegerField(_("matched"), default=0)
    refused_count = models.PositiveIntegerField(_("not found"), default=0)
    added_count = models.PositiveIntegerField(_("entered"), default=0)
    already_count = models.PositiveIntegerField(_("already on the list"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(_("created"), db_default=Now())
    done_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("list upload")
        verbose_name_plural = _("list uploads")
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at=None)
                | Q(line_count=F("matched_count") + F("refused_count"))
                & Q(matched_count__gte=F("added_count") + F("already_count")),
                name="analytics_listupload_every_line_is_accounted_for",
            )
        ]

    def __str__(self) -> str:
        return self.file_name


class ListRefusal(models.Model):
    """A line that identifies no customer; `value` is its first cell, encrypted."""

    upload = models.ForeignKey(ListUpload, models.CASCADE, related_name="refusals", db_index=False)
    line = models.PositiveIntegerField(_("line"))
    code = models.CharField(max_length=40)
    value = models.BinaryField()

    class Meta:
        verbose_name = _("refused line")
        verbose_name_plural = _("refused lines")
        constraints = [models.UniqueConstraint(fields=["upload", "line"], name="analytics_listrefusal_once_per_line")]

    def __str__(self) -> str:
        return f"{self.upload_id}: {self.line}"
