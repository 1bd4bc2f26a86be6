"""The common bases of our admin classes, so that the admin's theme can be replaced in one place."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from core.security.models import User
from core.security.roles import Role, role_of


class ConfigurationAdmin(ModelAdmin):
    """Configuration that staff edit by form. Rows that other rows refer to are switched off, not deleted.

    Service agents see none of it: they work in the console. For the other roles their permissions decide. `group` is
    the part of the index page (`core.console.admin_index`), `console_page` the route of an object's page in the
    console, and `console_list` the route of its list.
    """

    list_per_page = 25
    show_full_result_count = False
    search_help_text = _("Search")
    compressed_fields = True
    warn_unsaved_form = True
    group: ClassVar[str] = ""
    console_page: ClassVar[str] = ""
    console_list: ClassVar[str] = ""
    # Whether the console's list leads here; false for objects that the list does not show itself.
    linked: ClassVar[bool] = True
    # The name on the index, when the model's own name is not the word of the trade.
    index_name: ClassVar[str | Promise] = ""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return not is_agent(request) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_agent(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not is_agent(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_agent(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def console_url(self, obj: Any = None) -> str:
        """Return the address in the console of an object, or of the list; "" when there is no such page."""
        if obj is not None and self.console_page:
            return reverse(self.console_page, args=[obj.pk])
        return reverse(self.console_list) if self.console_list else ""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"console_url": self.console_url(), **(extra_context or {})})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        context.setdefault("console_url", self.console_url(context.get("original")))
        return super().render_change_form(request, context, *args, **options)


class ReadOnlyAdmin(ConfigurationAdmin):
    """Read-only pages of rows that only services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SuperuserOnly:
    """Mixin for tables of packages and raw tables: only superusers see them, whatever permissions others were given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) and super().has_add_permission(request)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class RawTableAdmin(SuperuserOnly, ReadOnlyAdmin):
    """Read-only rows of a table as stored, for superusers who look for a fault. Lists are ordered by key."""

    group = "technical"
    ordering = ("-pk",)
    list_per_page = 50

    def __init__(self, model: type[models.Model], admin_site: Any) -> None:
        # Related rows would each need a query.
        self.list_display = [field.attname for field in model._meta.concrete_fields][:8]
        self.fields = [field.name for field in model._meta.concrete_fields]
        super().__init__(model, admin_site)


class ConfigurationInline(TabularInline):
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def is_agent(request: HttpRequest) -> bool:
    """Return whether the user's highest role is the service agent. The role is read once per request."""
    if not hasattr(request, "staff_role"):
        request.staff_role = role_of(request.user) if isinstance(request.user, User) else None  # type: ignore[attr-defined]
    return request.staff_role is Role.AGENT  # type: ignore[attr-defined]


def is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


def plain_fields(model: type[models.Model], *, without: tuple[str, ...] = ()) -> list[Any]:
    """Return the editable columns of a model in their declared order."""
    return [field.name for field in model._meta.fields if field.editable and field.name not in {"id", *without}]
