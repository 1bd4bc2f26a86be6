"""Models of calendar."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited


@audited
class CalendarSettings(models.Model):
    """Hold the shop's choice of festival packs. `packs` is NULL while the country of the shop decides."""

    packs = models.JSONField(_("festival packs"), null=True, blank=True)

    class Meta:
        verbose_name = _("calendar settings")
        verbose_name_plural = _("calendar settings")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="campaigns_calendarsettings_only_one")]

    def __str__(self) -> str:
        return "1"


@audited
class ShopDay(models.Model):
    """Hold a day of the shop's own: every year on a date of the solar or lunar calendar, or once in `year`."""

    name = models.CharField(_("name"), max_length=80)
    month = models.PositiveSmallIntegerField(_("month"))
    day = models.PositiveSmallIntegerField(_("day"))
    lunar = models.BooleanField(_("by the lunar calendar"), default=False)
    year = models.PositiveSmallIntegerField(_("only in"), null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("day of the shop")
        verbose_name_plural = _("days of the shop")
        ordering = ["month", "day", "name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(month__range=(1, 12), day__range=(1, 31)), name="campaigns_shopday_a_date"
            )
        ]

    def __str__(self) -> str:
        return self.name
