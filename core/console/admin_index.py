"""The index of the admin, grouped by what a reader looks for, and the links from the console's pages to the admin."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.console.admin import ConfigurationAdmin
from core.security.models import Theme

GROUPS: dict[str, str | Promise] = {
    "campaigns": _("Campaigns"),
    "loyalty": _("Loyalty"),
    "customers": _("Customers"),
    "settings": _("Settings"),
    "technical": _("Technical tables"),
}
# The group of a model whose admin class names none. Packages of others are technical.
OF_APP = {
    "campaigns": "campaigns", "analytics": "customers", "loyalty": "loyalty", "crm": "customers", "core": "settings",
    "auth": "settings",
}  # fmt: skip


def grouped_apps(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the models that the user may see, in the form of Django's list of apps."""
    groups: dict[str, list[dict[str, Any]]] = {code: [] for code in GROUPS}
    for label, app in admin.site._build_app_dict(request).items():
        for model in app["models"]:
            model_admin = admin.site._registry[model["model"]]
            name = getattr(model_admin, "index_name", "") or model["name"]
            groups[getattr(model_admin, "group", "") or OF_APP.get(label, "technical")].append({**model, "name": name})
    index = reverse("admin:index")
    return [
        {
            "name": GROUPS[code],
            "app_label": code,
            "app_url": f"{index}#group-{code}",
            "has_module_perms": True,
            "models": sorted(models, key=lambda model: str(model["name"]).lower()),
        }
        for code, models in groups.items()
        if models
    ]


@cache
def _console_pages() -> dict[str, ConfigurationAdmin]:
    """Return the admin class of each route of the console that shows its objects or their list."""
    pages: dict[str, ConfigurationAdmin] = {}
    for model_admin in admin.site._registry.values():
        if isinstance(model_admin, ConfigurationAdmin) and model_admin.linked:
            for route in (model_admin.console_list, model_admin.console_page):
                if route:
                    pages.setdefault(route, model_admin)
    return pages


def admin_url(request: HttpRequest) -> str:
    """Return the address in the admin of what this page of the console shows; "" when the user can't open it there."""
    match = request.resolver_match
    if match is None or not getattr(request.user, "is_staff", False):
        return ""
    model_admin = _console_pages().get(match.url_name or "")
    if model_admin is None or not model_admin.has_view_or_change_permission(request):
        return ""
    name = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}"
    if match.url_name == model_admin.console_page and "pk" in match.kwargs:
        return reverse(f"{name}_change", args=[match.kwargs["pk"]])
    return reverse(f"{name}_changelist")


def theme(request: HttpRequest) -> str | None:
    """Return the theme that the user chose in the console; None follows the device."""
    chosen = getattr(request.user, "theme", Theme.AUTO)
    return None if chosen == Theme.AUTO else str(chosen)
