"""Saved views of the customer list."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _t

from core.console.models import SavedView
from core.console.saved_views import remove_view, save_view
from core.console.views import back, page, viewer
from crm.profiles.console import listing

PAGE = "customers"


@dataclass(frozen=True)
class ShownView:
    view: SavedView
    url: str
    here: bool
    own: bool


def shown(request: HttpRequest) -> list[ShownView]:
    """Return the viewer's own views and the shared ones, by name.

    The view whose filters are in the address is marked.
    """
    user, now = viewer(request), listing.query_of(request.GET)
    views = SavedView.objects.filter(Q(owner=user) | Q(shared=True), page=PAGE).order_by("name", "pk")
    return [
        ShownView(view, f"{reverse('customers')}?{view.query}", view.query == now, view.owner_id == user.pk)
        for view in views
    ]


@page("crm.view_customer", methods=("POST",))
def save(request: HttpRequest) -> HttpResponse:
    query = listing.query_of(QueryDict(request.POST.get("query", "")))
    view = save_view(
        owner=viewer(request),
        page=PAGE,
        name=request.POST.get("name", ""),
        query=query,
        shared=request.POST.get("shared") == "on",
    )
    messages.success(request, _t("The view “%(name)s” is saved.") % {"name": view.name})
    if view.query != query:
        messages.info(request, _t("The search text is not saved, because it may name a person."))
    return redirect(f"{reverse('customers')}?{view.query}")


@page("crm.view_customer", methods=("POST",))
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView.objects.filter(page=PAGE), pk=pk)
    remove_view(view=view, user=viewer(request))
    messages.success(request, _t("The view “%(name)s” is removed.") % {"name": view.name})
    return back(request, reverse("customers"))
