"""Django admin of customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.console.admin import ConfigurationAdmin
from crm.customers.models import AttributeDefinition, Store, Tag


@admin.register(Store)
class StoreAdmin(ConfigurationAdmin):
    list_display = ("name", "code", "currency", "time_zone", "country", "is_default")
    # The settings page checks the logo.
    exclude = ("logo",)


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ConfigurationAdmin):
    list_display = ("label", "code", "type", "position", "member_writable")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("crm.delete_attributedefinition")


@admin.register(Tag)
class TagAdmin(ConfigurationAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
    fields = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("crm.delete_tag")
