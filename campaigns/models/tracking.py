from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class LinkClick(models.Model):
    """Hold the first click on a link of a message: once per message and address, however often it is followed."""

    message = models.ForeignKey("campaigns.Message", models.CASCADE, related_name="clicks", db_index=False)
    url = models.TextField(_("address"))
    url_digest = models.BinaryField(max_length=16)
    clicked_at = models.DateTimeField(_("clicked"), db_default=Now())

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        constraints = [
            models.UniqueConstraint(fields=["message", "url_digest"], name="campaigns_linkclick_once_per_message")
        ]

    def __str__(self) -> str:
        return self.url
