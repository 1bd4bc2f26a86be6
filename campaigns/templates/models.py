"""Models of templates."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited
from core.lists.models import Archivable, Owned


class MessageClass(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    TRANSACTIONAL = "transactional", _("Transactional")


@audited
class Template(Owned, Archivable, models.Model):
    """Hold the texts of a message in each language. A version is frozen once used (J8).

    `code` names the template to the shop's own systems. `values` declares the values that they send with each message,
    as [{"name", "required", "example"}]; texts show a value as values.<name>.
    """

    name = models.CharField(_("name"), max_length=120, unique=True)
    code = models.CharField(_("code"), max_length=60, null=True, blank=True, unique=True)
    values = models.JSONField(_("values"), default=list, blank=True)
    channel = models.CharField(_("channel"), max_length=8)
    message_class = models.CharField(
        _("class"), max_length=13, choices=MessageClass.choices, default=MessageClass.MARKETING
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplateText(models.Model):
    """Hold one version of a template in one language. Liquid, checked when saved (P5)."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="texts", db_index=False)
    version = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), max_length=32768)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("template text")
        verbose_name_plural = _("template texts")
        constraints = [
            models.UniqueConstraint(fields=["template", "version", "language"], name="campaigns_templatetext_once")
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.version} {self.language}"
