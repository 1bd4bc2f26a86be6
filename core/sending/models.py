"""The hold of outgoing messages and webhooks, and the identity of this database."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class HoldCause(models.TextChoices):
    MANUAL = "manual", _("Stopped by hand")
    RESTORED = "restored", _("Restored from a backup")
    OLDER = "older", _("An older copy of the database was put back")
    MOVED = "moved", _("The database was copied to another place")


class SendingHold(models.Model):
    """One row. While `held`, no claim takes a message, a webhook delivery or a journey's run (core/sql/sending.sql).

    `uncertain_before`: work that was due before that moment may have been sent by the site after its backup; empty for
    a manual hold. `doubted_at`: the time when all of it was marked. `decisions`: a person's choice by kind. `site`
    stays with the data permanently. `home` is the database in which the data was last used. `line` is replaced when a
    restored copy becomes the valid one, so that the numbers that machines stored for the old copy are ignored.
    """

    site = models.UUIDField(default=uuid.uuid4, editable=False)
    line = models.UUIDField(default=uuid.uuid4, editable=False)
    home = models.CharField(max_length=80, blank=True, default="", editable=False)
    held = models.BooleanField(default=False)
    cause = models.CharField(max_length=8, choices=HoldCause.choices, blank=True, default="")
    note = models.CharField(_("note"), max_length=400, blank=True, default="")
    held_at = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=80, blank=True, default="")
    uncertain_before = models.DateTimeField(null=True)
    doubted_at = models.DateTimeField(null=True)
    decisions = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("sending")
        verbose_name_plural = _("sending")
        default_permissions = ("change",)
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="core_sendinghold_only_one"),
            models.CheckConstraint(
                condition=models.Q(held=False) | (models.Q(held_at__isnull=False) & ~models.Q(cause="")),
                name="core_sendinghold_held_has_cause",
            ),
        ]

    def __str__(self) -> str:
        return "1"

    @property
    def after_restore(self) -> bool:
        """True if another copy of this site may have sent messages that were due."""
        return self.held and self.uncertain_before is not None
