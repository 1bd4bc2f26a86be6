from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from analytics.models.segments import Segment


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
