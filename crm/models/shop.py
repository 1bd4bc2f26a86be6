from django.db import models
from django.utils.translation import gettext_lazy as _

from core.audit import audited


class StoreQuerySet(models.QuerySet["Store"]):
    def default(self) -> "Store":
        return self.get(is_default=True)


@audited
class Store(models.Model):
    """A place where orders are made. The default store defines the shop's currency, time zone and language."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    currency = models.CharField(_("currency"), max_length=3, default="CNY", help_text=_("ISO 4217, for example CNY."))
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Shanghai")
    country = models.CharField(
        _("country"), max_length=2, default="CN", help_text=_("Reads phone numbers that have no country code.")
    )
    language = models.CharField(_("language"), max_length=10, default="zh-hans")
    is_default = models.BooleanField(_("default"), default=False)

    objects = StoreQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="crm_store_one_default"
            )
        ]

    def __str__(self) -> str:
        return self.name
