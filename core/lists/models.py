"""Models of lists: what objects that staff work with have in common, and the columns that a user chose."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

TAG_LENGTH = 40


class Owned(models.Model):
    """An object that has a responsible member of staff and tags, such as a campaign or a segment."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    tags = ArrayField(
        models.CharField(max_length=TAG_LENGTH), verbose_name=_("tags"), default=list, blank=True, editable=False
    )

    class Meta:
        abstract = True


class Archivable(models.Model):
    """An object that lists hide after `archived_at`. An archived object can't be changed until it is restored."""

    archived_at = models.DateTimeField(_("archived"), null=True, editable=False)

    class Meta:
        abstract = True


class ListColumns(models.Model):
    """The columns of a list that a user chose."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="list_columns", db_index=False)
    page = models.CharField(_("page"), max_length=40)
    columns = ArrayField(models.CharField(max_length=40), verbose_name=_("columns"), default=list)

    class Meta:
        verbose_name = _("columns of a list")
        verbose_name_plural = _("columns of lists")
        constraints = [models.UniqueConstraint(fields=["user", "page"], name="core_listcolumns_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.page}"
