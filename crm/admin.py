from django.contrib import admin

from core.admin_base import ConfigurationAdmin, ReadOnlyAdmin
from crm.models import ActivityKind, AttributeDefinition, Product, SpendAdjustment, Store, Tag


@admin.register(Store)
class StoreAdmin(ConfigurationAdmin):
    list_display = ("name", "code", "currency", "time_zone", "country", "is_default")


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ConfigurationAdmin):
    list_display = ("label", "code", "type", "position", "member_writable")

    def has_delete_permission(self, request, obj=None) -> bool:
        return request.user.has_perm("crm.delete_attributedefinition")


@admin.register(Tag)
class TagAdmin(ConfigurationAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
    fields = ("name",)

    def has_delete_permission(self, request, obj=None) -> bool:
        return request.user.has_perm("crm.delete_tag")


@admin.register(Product)
class ProductAdmin(ConfigurationAdmin):
    list_display = ("sku", "name", "category", "brand", "price", "active")
    list_filter = ("active",)
    search_fields = ("sku", "name")
    fields = ("sku", "name", "category", "brand", "price", "active")


@admin.register(ActivityKind)
class ActivityKindAdmin(ReadOnlyAdmin):
    list_display = ("code", "label", "builtin", "first_seen_at")


@admin.register(SpendAdjustment)
class SpendAdjustmentAdmin(ReadOnlyAdmin):
    list_display = ("reference", "item", "customer", "amount", "currency", "occurred_at", "source")
    list_filter = ("source",)
    list_select_related = ("customer",)
    search_fields = ("=reference", "=customer__number")
