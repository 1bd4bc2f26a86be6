"""Two entries of one product become one: everything that names the one then names the other."""

from __future__ import annotations

from django.apps import apps
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.errors import Invalid, NotFound
from core.locks import lock_row
from crm.models import Product


def merge_products(*, keep: str, other: str) -> int:
    """Move everything of the product with SKU `other` to the one with SKU `keep`, and remove it. Returns how many rows moved.

    Empty texts and a missing price of the kept one are taken from the other. Raises NotFound `unknown_product`, and Invalid
    `same_product` when both SKUs are one product's.
    """
    with transaction.atomic():
        first, second = sorted((_product(keep, "keep"), _product(other, "other")), key=lambda one: one.pk)
        if first.pk == second.pk:
            raise Invalid(_("Both are the same product."), code="same_product", field="other")
        for product in (first, second):
            lock_row(Product.objects.filter(pk=product.pk))
        kept, gone = (first, second) if first.sku.lower() == keep.lower() else (second, first)
        moved = 0
        with connection.cursor() as cursor:
            for table, column in _references():
                cursor.execute(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", [kept.pk, gone.pk])
                moved += cursor.rowcount
        for name in ("name", "category", "brand"):
            setattr(kept, name, getattr(kept, name) or getattr(gone, name))
        kept.price = gone.price if kept.price is None else kept.price
        gone.delete()
        kept.save(update_fields=["name", "category", "brand", "price"])
    return moved


def _product(sku: str, field: str) -> Product:
    found = Product.objects.of_sku(sku).first()
    if found is None:
        raise NotFound(_("No product has SKU %(sku)s.") % {"sku": sku}, code="unknown_product", field=field)
    return found


def _references() -> list[tuple[str, str]]:
    """(table, column) of everything that points at a product."""
    # Activity names its product without a foreign key.
    pairs = sorted(
        (str(model._meta.db_table), str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Product and not field.primary_key
    )
    return [("crm_activityevent", "product_id"), *pairs]
