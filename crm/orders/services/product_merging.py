"""Merge of two entries of one product: every reference to one is moved to the other."""

from __future__ import annotations

from django.apps import apps
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _
from psycopg.sql import Identifier

from core.base.errors import Invalid, NotFound
from core.db.locks import lock_row
from core.db.statements import compose
from crm.orders.models import Product


def merge_products(*, keep: str, other: str) -> int:
    """Move everything of the product with SKU `other` to the product with SKU `keep`, and remove it.

    Empty texts and a missing price of the kept product are taken from the other. Returns how many rows moved. Raises
    NotFound `unknown_product`, and Invalid `same_product` when both SKUs belong to one product.
    """
    with transaction.atomic():
        first, second = sorted((_product(keep, "keep"), _product(other, "other")), key=lambda one: one.pk)
        if first.pk == second.pk:
            raise Invalid(_("Both are the same product."), code="same_product", field="other")
        for product in (first, second):
            lock_row(Product.objects.filter(pk=product.pk))
        survivor, duplicate = (first, second) if first.sku.lower() == keep.lower() else (second, first)
        moved = 0
        with connection.cursor() as cursor:
            for table, column in _references():
                update = compose(
                    "UPDATE {table} SET {column} = %s WHERE {column} = %s",
                    table=Identifier(table),
                    column=Identifier(column),
                )
                cursor.execute(update, [survivor.pk, duplicate.pk])
                moved += cursor.rowcount
        for name in ("name", "category", "brand"):
            setattr(survivor, name, getattr(survivor, name) or getattr(duplicate, name))
        survivor.price = duplicate.price if survivor.price is None else survivor.price
        duplicate.delete()
        survivor.save(update_fields=["name", "category", "brand", "price"])
    return moved


def _product(sku: str, field: str) -> Product:
    product = Product.objects.of_sku(sku).first()
    if product is None:
        raise NotFound(_("No product has SKU %(sku)s.") % {"sku": sku}, code="unknown_product", field=field)
    return product


def _references() -> list[tuple[str, str]]:
    """Return (table, column) of every reference to a product."""
    # Activity refers to a product without a foreign key.
    pairs = sorted(
        (str(model._meta.db_table), str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if field.related_model is Product and not field.primary_key
    )
    return [("crm_activityevent", "product_id"), *pairs]
