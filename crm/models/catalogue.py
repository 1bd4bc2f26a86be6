from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _


class ProductQuerySet(models.QuerySet["Product"]):
    def of_sku(self, sku: str):
        """Return the product with this SKU; case is ignored."""
        return self.alias(_key=Lower("sku")).filter(_key=sku.lower())


class Product(models.Model):
    """Something the shop sells. Fees and postage are order lines of another kind, never products.

    SKUs that differ only in case are one product; it keeps the case in which it was first written.
    """

    sku = models.CharField(_("SKU"), max_length=64)
    name = models.CharField(_("name"), max_length=300, blank=True, default="")
    category = models.CharField(
        _("category"), max_length=200, blank=True, default="", help_text=_("A path such as Coffee/Beans.")
    )
    brand = models.CharField(_("brand"), max_length=120, blank=True, default="")
    price = models.BigIntegerField(_("price"), null=True, blank=True, help_text=_("In minor units."))
    active = models.BooleanField(_("on sale"), default=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = ProductQuerySet.as_manager()

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(
                Lower("sku"),
                name="crm_product_sku_once",
                violation_error_code="unique",
                violation_error_message=_("There is a product with this SKU, perhaps in other letter case."),
            )
        ]
        indexes = [
            models.Index(fields=["category"], name="crm_product_category"),
            # the catalogue in the order of its SKUs
            models.Index(fields=["sku"], name="crm_product_sku"),
        ]

    def __str__(self) -> str:
        return self.name or self.sku
