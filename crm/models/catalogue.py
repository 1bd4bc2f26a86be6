from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """Something the shop sells. Fees and postage are order lines of another kind, never products."""

    sku = models.CharField(_("SKU"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=300, blank=True, default="")
    category = models.CharField(
        _("category"), max_length=200, blank=True, default="", help_text=_("A path such as Coffee/Beans.")
    )
    brand = models.CharField(_("brand"), max_length=120, blank=True, default="")
    price = models.BigIntegerField(_("price"), null=True, blank=True, help_text=_("In minor units."))
    active = models.BooleanField(_("on sale"), default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        indexes = [models.Index(fields=["category"], name="crm_product_category")]

    def __str__(self) -> str:
        return self.name or self.sku
