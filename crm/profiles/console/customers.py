"""Pages of the customer list and of one customer."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.views import back, may, page, viewer, wants_part
from core.db import paging
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from core.text.formatting import number as format_number
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line
from crm.customers import registry as panels
from crm.customers import selectors as profile
from crm.customers.models import Customer, CustomerState, CustomerTag, Identity, Note, Tag
from crm.customers.registry import matching
from crm.customers.services import customers as services
from crm.customers.services import exports, tags
from crm.orders.selectors import spending as orders_spending
from crm.profiles import selectors
from crm.profiles.console import listing
from crm.profiles.console.customer_list import CUSTOMERS
from crm.profiles.console.forms import ProfileForm
from crm.timeline import registry as timeline_registry
from crm.timeline.selectors import timeline as timelines

ORDER = ["-created_at", "-id"]
EXPORT_LIMIT = 100_000
EXPORT_CHUNK = 1000
AT_ONCE = 1000
# Buttons in the header; the others are in its menu.
ACTIONS_SHOWN = 3


@page("crm.view_customer")
def index(request: HttpRequest) -> HttpResponse:
    return respond(CUSTOMERS, request)


@page("crm.add_customertag", methods=("POST",))
def tag_many(request: HttpRequest) -> HttpResponse:
    if request.POST.get("all") == "yes":
        return _tag_all(request)
    chosen = _chosen_ids(request.POST.getlist("customer"))
    if not chosen:
        messages.warning(request, _t("Choose customers first."))
        return back(request, reverse("customers"))
    name = request.POST.get("tag", "")
    count = services.add_tag_to_many(customer_ids=chosen, name=name, actor=of_user(request.user))
    text = ngettext("%(count)s customer tagged “%(tag)s”.", "%(count)s customers tagged “%(tag)s”.", count)
    messages.success(request, text % {"count": format_number(count), "tag": " ".join(name.split())})
    return back(request, reverse("customers"))


def _tag_all(request: HttpRequest) -> HttpResponse:
    """Tag all customers that match: at once when they are few, else in a job whose progress is on the jobs page."""
    filters = listing.permitted(request, QueryDict(request.POST.get("matching", "")))
    customers = matching(filters)
    name, actor = request.POST.get("tag", ""), of_user(request.user)
    ids = list(customers.order_by().values_list("pk", flat=True)[: AT_ONCE + 1])
    if len(ids) <= AT_ONCE:
        count = services.add_tag_to_many(customer_ids=ids, name=name, actor=actor)
        text = ngettext("%(count)s customer tagged “%(tag)s”.", "%(count)s customers tagged “%(tag)s”.", count)
        messages.success(request, text % {"count": format_number(count), "tag": " ".join(name.split())})
        return back(request, reverse("customers"))
    total = paging.count(customers).value
    job = tags.start_tagging(name=name, filters=filters, total=total, actor=actor, user=viewer(request))
    enqueue_after_commit("core.run_job", job.pk)
    text = _t("Adding the tag “%(tag)s” to about %(count)s customers. You can keep working.")
    messages.success(request, text % {"tag": job.label, "count": format_number(total)})
    return back(request, reverse("customers"))


@page("crm.export_customer", methods=("GET", "POST"))
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Export the chosen customers, or all that match, as CSV with masked contacts; at most EXPORT_LIMIT rows."""
    query = request.POST if request.method == "POST" else request.GET
    chosen = query.getlist("customer")
    if query.get("all") == "yes":
        chosen, query = [], QueryDict(query.get("matching", ""))
    customers = Customer.objects.active().filter(number__in=chosen) if chosen else listing.narrowed(request, query)
    exports.record_customer_export(
        rows=customers.order_by()[:EXPORT_LIMIT].count(),
        chosen=bool(chosen),
        filters={} if chosen else listing.permitted(request, query),
        actor=of_user(request.user),
    )
    response = StreamingHttpResponse(_csv(customers), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="customers-{timezone.localdate():%Y%m%d}.csv"'
    return response


def _chosen_ids(numbers: list[str]) -> list[int]:
    return list(Customer.objects.active().filter(number__in=numbers[:1000]).values_list("pk", flat=True))


def _csv(customers: QuerySet[Customer]) -> Iterator[str]:
    yield BYTE_ORDER_MARK
    yield csv_line(
        [
            _t("Customer number"),
            _t("Name"),
            _t("Phone"),
            _t("E-mail"),
            _t("Country"),
            _t("Region"),
            _t("Tags"),
            _t("Orders"),
            _t("Known since"),
        ]
    )
    cursor: str | None = None
    for _chunk in range(EXPORT_LIMIT // EXPORT_CHUNK):
        page_rows = paging.keyset(customers, ORDER, cursor, EXPORT_CHUNK)
        details = selectors.rows(page_rows)
        for customer in page_rows:
            row = details[customer.pk]
            known = timezone.localtime(customer.created_at).date().isoformat()
            yield csv_line(
                [
                    customer.number,
                    customer.name,
                    row.phone,
                    row.email,
                    customer.country,
                    customer.region,
                    "; ".join(row.tags),
                    row.orders,
                    known,
                ]
            )
        cursor = page_rows.next
        if not cursor:
            return


def _customer(number: str) -> Customer:
    return get_object_or_404(Customer.objects.select_related("merged_into"), number=number)


@page("crm.view_customer")
def show(request: HttpRequest, number: str) -> HttpResponse:
    customer = _customer(number)
    if customer.state == CustomerState.MERGED and customer.merged_into:
        messages.info(request, _t("Customer %(number)s was merged into this one.") % {"number": customer.number})
        return redirect("customer", customer.merged_into.number)
    tabs = _tabs(request, customer)
    if wants_part(request):
        return render(request, "crm/profiles/customer_tabs.html", {"customer": customer, **tabs})
    first = panels.shown(customer, request)
    values = {name: value for panel in first for name, value in panel.values.items()}
    actions = panels.actions(customer, request) if customer.state == CustomerState.ACTIVE else []
    context = {
        "customer": customer,
        "contacts": _reachable(values.get("contacts", [])),
        "may_unmask": values.get("may_unmask", False),
        "pinned": [note for note in values.get("notes", []) if note.pinned],
        "tags": customer.customer_tags.select_related("tag").order_by("tag__name"),
        "spending": orders_spending.spending([customer.pk]).get(customer.pk, [])
        if may(request.user, "crm.view_order")
        else None,
        "facts": panels.facts(customer, request),
        "actions": actions[:ACTIONS_SHOWN],
        "more_actions": actions[ACTIONS_SHOWN:],
        "first_panels": first,
        "may_tag": may(request.user, "crm.add_customertag"),
        **tabs,
        **_timeline(request, customer),
    }
    return render(request, "crm/profiles/customer.html", context)


def _tabs(request: HttpRequest, customer: Customer) -> dict:
    """Return the tabs, and the panels of the open one: only those are read."""
    tabs = panels.tabs(request)
    names = [name for name, _label in tabs]
    chosen = request.GET.get("tab", "")
    if chosen not in names:
        chosen = names[0] if names else ""
    return {
        "tabs": tabs,
        "tab": chosen,
        "panels": panels.shown(customer, request, chosen) if chosen else [],
    }


def _reachable(contacts: list[profile.Contact]) -> list[profile.Contact]:
    """Return the first phone of the contacts panel, or else the first e-mail, which the header repeats."""
    firsts = {contact.kind: contact for contact in reversed(contacts)}
    return [firsts[kind] for kind in ("phone", "email") if kind in firsts][:1]


@page("crm.view_customer")
def timeline(request: HttpRequest, number: str) -> HttpResponse:
    """Show the timeline, or only its next page when `before` is given, as a part of the customer page."""
    if not wants_part(request):
        return redirect(f"{reverse('customer', args=[number])}?{request.GET.urlencode()}")
    customer = _customer(number)
    template = "crm/profiles/timeline_page.html" if request.GET.get("before") else "crm/profiles/timeline.html"
    return render(request, template, {"customer": customer, **_timeline(request, customer)})


def _timeline(request: HttpRequest, customer: Customer) -> dict:
    show, before = request.GET.get("show", ""), request.GET.get("before", "")
    if show not in timeline_registry.FILTERS:
        show = ""
    page_rows = timelines.timeline(customer, show=show, cursor=before, allowed=lambda name: may(request.user, name))
    return {
        "timeline": page_rows,
        "show": show,
        "before": before,
        "filters": [("", _t("All")), *[(name, item.label) for name, item in timeline_registry.FILTERS.items()]],
    }


@page("crm.change_customer", methods=("GET", "POST"))
def edit(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    form = ProfileForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        try:
            services.update_customer(customer=customer, changes=form.changes(), actor=of_user(request.user))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("Profile saved."))
            return redirect("customer", customer.number)
    heading = _t("Edit profile")
    context = {
        "customer": customer,
        "form": form,
        "title": heading,
        "heading": heading,
        "back_url": reverse("customer", args=[customer.number]),
        "back_label": customer,
    }
    return render(request, "crm/profiles/customer_edit.html", context)


@page("crm.add_customertag", methods=("POST",))
def tag(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    services.add_tag(customer=customer, name=request.POST.get("tag", ""), actor=of_user(request.user))
    return redirect("customer", customer.number)


@page("crm.add_customertag", methods=("POST",))
def untag(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    chosen = get_object_or_404(
        Tag.objects.filter(pk__in=CustomerTag.objects.filter(customer=customer).values("tag")), pk=pk
    )
    services.remove_tag(customer=customer, tag=chosen, actor=of_user(request.user))
    return redirect("customer", customer.number)


@page("crm.add_note", methods=("POST",))
def note(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    services.add_note(
        customer=customer,
        text=request.POST.get("text", ""),
        actor=of_user(request.user),
        pinned=request.POST.get("pinned") == "on",
    )
    messages.success(request, _t("Note added."))
    return redirect("customer", customer.number)


@page("crm.add_note", methods=("POST",))
def pin(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Pin a note, or unpin it."""
    chosen = get_object_or_404(Note, pk=pk, customer__number=number)
    pinned = request.POST.get("pinned") == "yes"
    services.pin_note(note=chosen, pinned=pinned, actor=of_user(request.user))
    messages.success(request, _t("The note is pinned.") if pinned else _t("The note is no longer pinned."))
    return redirect("customer", number)


@page("crm.unmask_customer", methods=("POST",))
def unmask(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Show one contact in full. The service records this look in the audit log."""
    identity = get_object_or_404(Identity.objects.select_related("customer"), pk=pk, customer__number=number)
    value = services.unmask_identity(identity=identity, actor=of_user(request.user))
    context = {"customer": identity.customer, "contact": profile.contact(identity), "value": value}
    response = render(
        request, "crm/profiles/contact.html" if wants_part(request) else "crm/profiles/unmasked.html", context
    )
    response["Cache-Control"] = "no-store"
    return response
