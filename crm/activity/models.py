"""Models of activity."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ActivityEvent(models.Model):
    """An action of a visitor or customer (S4). Partitioned by month of `occurred_at`.

    `sender_id` is unique per source: ActivityReceipt refuses a repeated event, even when its time differs.
    """

    pk = models.CompositePrimaryKey("id", "occurred_at")
    id = models.BigIntegerField()
    customer_id = models.BigIntegerField(null=True)
    anonymous_id = models.CharField(max_length=80, blank=True, default="")
    source = models.CharField(_("source"), max_length=40)
    sender_id = models.CharField(_("sender's id"), max_length=80)
    kind = models.CharField(_("kind"), max_length=40)
    product_id = models.BigIntegerField(null=True)
    properties = models.JSONField(_("properties"), default=dict)
    occurred_at = models.DateTimeField(_("occurred at"))
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        managed = False
        db_table = "crm_activityevent"
        verbose_name = _("activity event")
        verbose_name_plural = _("activity events")

    def __str__(self) -> str:
        return f"{self.kind} {self.sender_id}"


class ActivityKind(models.Model):
    """A kind of event that the shop sends. The usual kinds exist; a custom kind is added when it first arrives."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    label = models.CharField(_("label"), max_length=80, blank=True, default="")
    builtin = models.BooleanField(_("built in"), default=False)
    first_seen_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        verbose_name = _("activity kind")
        verbose_name_plural = _("activity kinds")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.label or self.code
