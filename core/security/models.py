"""Models of security."""

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.text.pinyin import is_chinese


class Theme(models.TextChoices):
    AUTO = "auto", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A member of staff. What they may do comes from their role, which is a group."""

    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)
    # Set by the last invitation. Empty for accounts that were created with a password.
    invited_at = models.DateTimeField(_("invited"), null=True, editable=False)

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")
        permissions = [
            ("view_jobs", _("Can see jobs, deliveries and their lag")),
            ("view_audit", _("Can see the audit log")),
            ("manage_apikeys", _("Can create and revoke API keys")),
            ("manage_team", _("Can invite staff, change their roles and deactivate them")),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def get_full_name(self) -> str:
        """Return the name in the order of its script: 沈清扬, Nora Reed."""
        if is_chinese(self.last_name[:1] or " "):
            return f"{self.last_name}{self.first_name}".strip()
        return super().get_full_name()


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def active(self) -> Self:
        return self.filter(revoked_at=None)


class ApiKey(models.Model):
    """The key of a storefront's server. Only the SHA-256 of the secret is stored; the prefix finds the row."""

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("prefix"), max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"), default=list)
    source = models.CharField(
        _("source"),
        max_length=40,
        default="storefront",
        help_text=_("The system that this key speaks for; order and event numbers are unique within it."),
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("created"), db_default=models.functions.Now())
    last_used_at = models.DateTimeField(_("last used"), null=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
