from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Theme(models.TextChoices):
    AUTO = "auto", _("As the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A member of staff. What they may do comes from their role, which is a group."""

    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    theme = models.CharField(_("theme"), max_length=5, choices=Theme.choices, default=Theme.AUTO)

    class Meta:
        verbose_name = _("staff member")
        verbose_name_plural = _("staff")
        permissions = [
            ("view_jobs", _("Can see jobs, deliveries and their lag")),
            ("view_audit", _("Can see the audit log")),
            ("manage_apikeys", _("Can create and revoke API keys")),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username
