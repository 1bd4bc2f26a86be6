"""Models of console."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """The filters of a list, saved under a name for one user or for all staff."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views", db_index=False)
    page = models.CharField(_("page"), max_length=40)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filters"), max_length=1000)
    shared = models.BooleanField(_("for all staff"), default=False)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [models.UniqueConstraint(fields=["owner", "page", "name"], name="core_savedview_one_name")]
        indexes = [models.Index(fields=["page"], name="core_savedview_of_page")]

    def __str__(self) -> str:
        return self.name


class KeptFigure(models.Model):
    """A figure of the home page as a scheduled task counted it last; `core.console.kept` writes and reads it."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()
    counted_at = models.DateTimeField(db_default=models.functions.Now())
    seconds = models.FloatField(default=0)

    class Meta:
        verbose_name = _("kept figure")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
