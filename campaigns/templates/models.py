"""Models of templates."""

from django.conf import settings
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
    """Hold one version of a template in one language. Liquid, checked when saved (P5).

    A `compiled` body is a whole HTML document made of a design, whose parts were cleaned before; it is sent as it is.
    """

    template = models.ForeignKey(Template, models.PROTECT, related_name="texts", db_index=False)
    version = models.PositiveIntegerField(_("version"))
    language = models.CharField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    body = models.TextField(_("text"), max_length=131072)
    compiled = models.BooleanField(_("compiled from a design"), db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("template text")
        verbose_name_plural = _("template texts")
        constraints = [
            models.UniqueConstraint(fields=["template", "version", "language"], name="campaigns_templatetext_once")
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.version} {self.language}"


class TemplateDesign(models.Model):
    """Hold the blocks of one version of a template (campaigns.designs), from which its texts were compiled."""

    template = models.ForeignKey(Template, models.PROTECT, related_name="designs", db_index=False)
    version = models.PositiveIntegerField(_("version"))
    document = models.JSONField(_("blocks"))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("design")
        verbose_name_plural = _("designs")
        constraints = [
            models.UniqueConstraint(fields=["template", "version"], name="campaigns_templatedesign_once"),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.version}"


class TemplateDraft(models.Model):
    """Hold a design that is being written, saved by itself while its writer types.

    `template` is the template that the draft changes, empty for a new one. `revision` grows with each save, so that
    two writers never overwrite each other.
    """

    template = models.OneToOneField(Template, models.CASCADE, null=True, blank=True, related_name="draft")
    name = models.CharField(_("name"), max_length=120, blank=True, default="")
    message_class = models.CharField(
        _("class"), max_length=13, choices=MessageClass.choices, default=MessageClass.MARKETING
    )
    subjects = models.JSONField(_("subjects"), default=dict)
    document = models.JSONField(_("blocks"), default=dict)
    revision = models.PositiveIntegerField(_("revision"), default=1)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("draft of a template")
        verbose_name_plural = _("drafts of templates")
        ordering = ["-updated_at", "-id"]

    def __str__(self) -> str:
        return self.name


class TestAddress(models.Model):
    """Remember where a member of staff sent tests to; the most recent ones are offered again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="test_addresses", db_index=False)
    address = models.CharField(_("address"), max_length=254)
    used_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("address of tests")
        verbose_name_plural = _("addresses of tests")
        constraints = [models.UniqueConstraint(fields=["user", "address"], name="campaigns_testaddress_once")]

    def __str__(self) -> str:
        return self.address
