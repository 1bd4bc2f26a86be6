"""Models of notices."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """A message to a member of staff. `kind` and `payload` become text in the reader's language.

    `subject` names the object, such as `adjustment:12`. When that is settled, the notices about it count as read.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", db_index=False)
    kind = models.CharField(_("kind"), max_length=60)
    subject = models.CharField(max_length=80, blank=True, default="")
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        default_permissions = ()
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="core_notice_of_user"),
            # the bell's count
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="core_notice_unread"),
            models.Index(fields=["subject"], condition=models.Q(read_at=None), name="core_notice_open_subject"),
            models.Index(fields=["created_at"], name="core_notice_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}"
