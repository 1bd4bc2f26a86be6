"""Django admin of orders."""

from django.contrib import admin

from core.console.admin import ConfigurationAdmin, ReadOnlyAdmin
from crm.orders.forms import ProductForm
from crm.orders.models import Product, SpendAdjustment


@admin.register(Product)
class ProductAdmin(ConfigurationAdmin):
    form = ProductForm
    list_display = ("sku", "name", "category", "brand", "price", "active")
    list_filter = ("active",)
    search_fields = ("sku", "name")
    fields = (
        "sku", "name", "name_zh", "category", "brand", "price", "cost", "description", "description_zh", "tags",
        "tags_zh", "url", "picture", "picture_url", "active",
    )  # fmt: skip


@admin.register(SpendAdjustment)
class SpendAdjustmentAdmin(ReadOnlyAdmin):
    list_display = ("reference", "item", "customer", "amount", "currency", "occurred_at", "source")
    list_filter = ("source",)
    list_select_related = ("customer",)
    search_fields = ("=reference", "=customer__number")
