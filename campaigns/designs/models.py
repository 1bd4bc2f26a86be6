"""Models of designs: the pictures and the saved blocks that e-mails are composed of."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited


class DesignPicture(models.Model):
    """An uploaded picture, encoded again. Its name is never reused, because sent e-mails show it for ever."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    picture = models.FileField(_("picture"), upload_to="designs/")
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    size = models.PositiveIntegerField(_("size"), help_text=_("In bytes."))
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("picture of a design")
        verbose_name_plural = _("pictures of designs")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name


@audited
class SavedBlock(models.Model):
    """A block that is kept to be used in other e-mails. Using it copies it."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    block = models.JSONField(_("block"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("saved block")
        verbose_name_plural = _("saved blocks")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
