"""The common base of our admin classes, so that the admin's theme can be replaced in one place."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline


class ConfigurationAdmin(ModelAdmin):
    """Configuration that staff edit by form. Rows that other rows refer to are switched off, not deleted."""

    list_per_page = 25
    show_full_result_count = False
    compressed_fields = True
    warn_unsaved_form = True

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(ConfigurationAdmin):
    """Read-only pages of rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConfigurationInline(TabularInline):
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def plain_fields(model: type[models.Model], *, without: tuple[str, ...] = ()) -> list[Any]:
    """Return the editable columns of a model in their declared order."""
    return [field.name for field in model._meta.fields if field.editable and field.name not in {"id", *without}]


def console_link(route: str, pk: int) -> str:
    """Return a link to the page of the console where the row is changed."""
    return format_html('<a href="{}">{}</a>', reverse(route, args=[pk]), _("Open in the console"))
