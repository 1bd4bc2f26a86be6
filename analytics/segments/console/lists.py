"""Pages of fixed lists: create them, fill them from a file or the customer table, remove single customers."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.segments.console.uploads import KINDS, list_of, taken
from analytics.segments.models import Segment, SegmentKind
from analytics.segments.services import lists as services
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.editing import Editor
from core.console.views import back, page, viewer
from core.text.formatting import number, when
from crm.customers.models import Customer
from crm.profiles.console import listing

EDITOR = Editor(
    new="segment_list_new",
    edit="segment_edit",
    index="segments",
    index_label=_("Segments"),
    new_heading=_("New list"),
    edit_heading=_("Edit list"),
    page="segment",
)


@page("analytics.add_segment", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """Create a list by name, optionally with a file."""
    return _form(request, None)


def edit_list(request: HttpRequest, segment: Segment) -> HttpResponse:
    return _form(request, segment)


def _form(request: HttpRequest, segment: Segment | None) -> HttpResponse:
    values: dict[str, Any] = {"name": segment.name, "description": segment.description} if segment else {}
    errors: dict[str, str] = {}
    if request.method == "POST":
        values = {name: request.POST.get(name, "") for name in ("name", "description", "kind")}
        actor = of_user(request.user)
        named = {"name": values["name"], "description": values["description"], "actor": actor}
        try:
            if segment is None:
                saved = services.create_list(**named, created_by=viewer(request))
            else:
                saved = services.rename_list(segment=segment, **named)
        except DomainError as error:
            errors[error.field or "name"] = str(error.message)
        else:
            if request.FILES.get("file"):
                return taken(request, saved)
            messages.success(request, _t("“%(name)s” is saved.") % {"name": saved.name})
            return redirect("segment", saved.pk)
    context = {**EDITOR.values(segment), "segment": segment, "values": values, "errors": errors, "kinds": KINDS}
    return render(request, "analytics/segments/list_edit.html", context)


@page("analytics.change_segment", methods=("POST",))
def add(request: HttpRequest) -> HttpResponse:
    """Add the chosen rows of the customer table, or all customers that match, to a list or a new list."""
    ids, filters = listing.chosen(request)
    if not ids and filters is None:
        messages.warning(request, _t("Choose customers first."))
        return back(request, "/customers/")
    actor = of_user(request.user)
    target = request.POST.get("list", "")
    if target == "new":
        name = _t("List of %(when)s") % {"when": when(timezone.now())}
        segment = Segment.objects.active().filter(name=name, kind=SegmentKind.STATIC).first()
        segment = segment or services.create_list(name=name, actor=actor, created_by=viewer(request))
    else:
        segment = list_of(int(target[:18]) if target.isascii() and target.isdigit() else 0)
    if filters is None:
        count = services.add_to_list(segment=segment, customer_ids=ids, actor=actor)
    else:
        count = services.add_matching(segment=segment, filters=filters, actor=actor)
    text = ngettext("%(count)s customer entered the list.", "%(count)s customers entered the list.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("segment", segment.pk)


@page("analytics.change_segment", methods=("POST",))
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    segment = list_of(pk)
    customer = get_object_or_404(Customer, number=request.POST.get("customer", "")[:20])
    services.remove_from_list(segment=segment, customer_ids=[customer.pk], actor=of_user(request.user))
    messages.success(request, _t("%(name)s left the list.") % {"name": customer})
    return redirect("segment", segment.pk)
