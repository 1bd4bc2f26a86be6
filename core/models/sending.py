"""Whether the shop sends anything to the outside, and which database this is."""

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

    `uncertain_before`: what was due before that moment may have been sent by the site that the backup was taken of; empty
    for a hold by hand. `doubted_at`: when all of that was marked. `decisions`: what a person chose, by kind.
    `site` stays with the data for ever, `home` is the database in which it was last at work. `line` is replaced when a
    restored copy is taken as the truth, so that what machines remember of the copy before it is no longer compared.
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
        """Whether messages that were due may have been sent by another copy of this site."""
        return self.held and self.uncertain_before is not None
