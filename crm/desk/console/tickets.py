"""Pages of the desk: ticket lists, one ticket with its conversation, and the customer's satisfaction answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.base.actor import Actor, of_user
from core.base.errors import Conflict, DomainError, Invalid
from core.console.forms import show_refusal
from core.console.views import may, page, viewer
from core.lists.showing import respond
from core.security.models import User
from core.text.formatting import when
from crm.customers import registry as panels
from crm.customers.models import Customer, Store
from crm.desk import selectors, services
from crm.desk.console.listing import RATINGS, TICKETS, address, customer_of
from crm.desk.models import Ticket, TicketPriority, TicketStatus
from crm.desk.registry import deliveries
from crm.orders.models import Order

ORDERS_OFFERED = 20


@dataclass(frozen=True)
class DeskTab:
    """A queue of the desk, the address of its list, and the number of its tickets."""

    name: str
    label: str | Promise
    url: str
    count: int


@page("crm.view_ticket")
def index(request: HttpRequest) -> HttpResponse:
    """List the tickets: a tab for each view of the desk. `customer` narrows them to one customer."""
    return respond(TICKETS, request, customer=customer_of(request))


@page("crm.view_ticket")
def ratings(request: HttpRequest) -> HttpResponse:
    return respond(RATINGS, request)


def _view(request: HttpRequest) -> str:
    name = request.GET.get("view", "")
    return name if name in selectors.VIEWS else "open"


def _views(request: HttpRequest, name: str) -> dict[str, Any]:
    counts = selectors.counts(viewer(request))
    return {
        "view": name,
        "view_label": selectors.VIEWS[name].label,
        "view_url": address(name),
        "views": [
            DeskTab(key, view.label, address(key), counts[key]) for key, view in selectors.VIEWS.items() if view.queue
        ],
    }


@page("crm.view_ticket")
def show(request: HttpRequest, number: str) -> HttpResponse:
    return _show(request, _ticket(number))


def _show(
    request: HttpRequest, ticket: Ticket, *, refusal: DomainError | None = None, text: str | None = None
) -> HttpResponse:
    """Render the ticket with the viewer's draft; after a refusal, with the text that they had written."""
    name = _view(request)
    customer = ticket.customer
    request.ticket_in_hand = ticket  # type: ignore[attr-defined]
    closed = ticket.status == TicketStatus.CLOSED
    may_change = may(request.user, "crm.change_ticket")
    conversation = selectors.messages(ticket)
    states = deliveries(ticket, conversation)
    draft = selectors.draft(ticket, viewer(request)) if may_change else None
    others = selectors.page(name, viewer(request), request.GET.get("cursor"), 30)
    context = {
        "ticket": ticket,
        "messages_": [(message, states.get(message.pk)) for message in conversation],
        "seen": max((message.pk for message in conversation), default=0),
        "draft": draft,
        "text": text if text is not None else draft.text if draft else "",
        "refusal": refusal,
        "newer": refusal is not None and refusal.code == "newer_message",
        "ratings": selectors.ratings(ticket),
        "page": others,
        "drafted": selectors.drafted(others, viewer(request)),
        "customer": customer,
        "facts": panels.facts(customer, request),
        "panels": _beside(customer, request),
        "assignees": selectors.assignees(),
        "priorities": TicketPriority.choices,
        "may_change": may_change,
        "closed": closed,
        "resolved": ticket.status == TicketStatus.RESOLVED,
        "done": closed or ticket.status == TicketStatus.RESOLVED,
        **_views(request, name),
    }
    return render(request, "crm/desk/show.html", context, status=refusal.status if refusal else 200)


# Panels of the customer page that help to write an answer.
SHOWN_BESIDE = ("contacts", "loyalty", "orders", "notes")


def _beside(customer: Customer, request: HttpRequest) -> list[panels.ShownPanel]:
    beside = []
    for name in SHOWN_BESIDE:
        panel = panels.PANELS.get(name)
        if panel is not None and may(request.user, panel.permission):
            values = panel.context(customer, request)
            if values is not None:
                beside.append(panels.ShownPanel(name, panel.title, panel.template, values))
    return beside


def _ticket(number: str) -> Ticket:
    ticket = selectors.ticket(number)
    if ticket is None:
        raise Http404
    return ticket


class NewTicketForm(forms.Form):
    customer = forms.CharField(label=_("Customer number"), max_length=20)
    subject = forms.CharField(label=_("Subject"), max_length=200)
    text = forms.CharField(label=_("Message"), max_length=10000, widget=forms.Textarea(attrs={"rows": 6}))
    from_customer = forms.BooleanField(
        label=_("This is what the customer told us"),
        required=False,
        initial=True,
        help_text=_("Otherwise it is a message from us to the customer."),
    )
    priority = forms.TypedChoiceField(
        label=_("Priority"), choices=TicketPriority.choices, coerce=int, initial=TicketPriority.NORMAL
    )
    order = forms.ModelChoiceField(label=_("Order"), queryset=Order.objects.none(), required=False)

    def __init__(self, *args: Any, customer: Customer | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen = customer
        if customer is not None:
            self.fields["customer"].widget = forms.HiddenInput()
            recent = Order.objects.filter(customer=customer).order_by("-placed_at").values("pk")[:ORDERS_OFFERED]
            self.fields["order"].queryset = Order.objects.filter(pk__in=recent).order_by("-placed_at")  # type: ignore[attr-defined]
        else:
            del self.fields["order"]

    def clean_customer(self) -> str:
        number = self.cleaned_data["customer"].strip()
        if self.chosen is None or self.chosen.number != number:
            self.chosen = Customer.objects.active().filter(number=number).first()
        if self.chosen is None:
            raise forms.ValidationError(_("There is no customer with this number."))
        return number


@page("crm.add_ticket", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    number = request.POST.get("customer") or request.GET.get("customer", "")
    customer = Customer.objects.active().filter(number=number.strip()[:20]).first() if number else None
    form = NewTicketForm(request.POST or None, customer=customer, initial={"customer": number})
    if request.method == "POST" and form.is_valid() and form.chosen is not None:
        values = form.cleaned_data
        try:
            ticket = services.open_ticket(
                customer=form.chosen,
                subject=values["subject"],
                text=values["text"],
                priority=values["priority"],
                order=values.get("order"),
                from_customer=values["from_customer"],
                assignee=viewer(request),
                actor=of_user(request.user),
            )
        except DomainError as error:
            show_refusal(form, error)
        else:
            messages.success(request, _t("Ticket %(number)s is open.") % {"number": ticket.number})
            return redirect("ticket", ticket.number)
    heading = _t("New ticket")
    context = {
        "form": form,
        "customer": customer,
        "title": heading,
        "heading": heading,
        "back_url": reverse("customer", args=[customer.number]) if customer else reverse("tickets"),
        "back_label": customer or _t("Desk"),
    }
    return render(request, "crm/desk/new.html", context)


@page("crm.change_ticket", methods=("POST",))
def reply(request: HttpRequest, number: str) -> HttpResponse:
    """Add a public reply or, with `internal`, a note for colleagues. When it is refused, the page shows the text again.

    `seen` is the last message that the writer had on screen; `anyway` sends although newer messages exist.
    """
    ticket, text = _ticket(number), request.POST.get("text", "")
    internal = bool(request.POST.get("internal"))
    seen = request.POST.get("seen", "")
    known = int(seen[:18]) if seen.isascii() and seen.isdigit() and not request.POST.get("anyway") else None
    try:
        services.reply_to_ticket(ticket=ticket, text=text, internal=internal, seen=known, actor=of_user(request.user))
    except DomainError as refusal:
        if text.strip() and refusal.code != "invalid":
            services.save_draft(ticket=ticket, user=viewer(request), text=text)
        return _show(request, _ticket(number), refusal=refusal, text=text)
    messages.success(request, _t("The note is added.") if internal else _t("The reply is on its way."))
    return redirect("ticket", number)


@page("crm.change_ticket", methods=("POST",))
def draft(request: HttpRequest, number: str) -> HttpResponse:
    """Save the text that is being written. The page posts it automatically."""
    saved = services.save_draft(ticket=_ticket(number), user=viewer(request), text=request.POST.get("text", ""))
    return JsonResponse({"saved": when(saved.saved_at) if saved else ""})


@page("crm.change_ticket", methods=("POST",))
def reopen(request: HttpRequest, number: str) -> HttpResponse:
    services.reopen_ticket(ticket=_ticket(number), actor=of_user(request.user))
    messages.success(request, _t("Ticket %(number)s is open again.") % {"number": number})
    return redirect("ticket", number)


@page("crm.change_ticket", methods=("POST",))
def assign(request: HttpRequest, number: str) -> HttpResponse:
    """Assign the ticket to the chosen person, or unassign it when none is chosen."""
    chosen = request.POST.get("assignee", "")
    assignee: User | None = None
    if chosen:
        if not (chosen.isascii() and chosen.isdigit()):
            raise Http404
        assignee = get_object_or_404(selectors.assignees(), pk=int(chosen[:18]))
    services.assign_ticket(ticket=_ticket(number), assignee=assignee, actor=of_user(request.user))
    text = _t("Assigned to %(name)s.") % {"name": assignee} if assignee else _t("Unassigned.")
    messages.success(request, text)
    return redirect("ticket", number)


@page("crm.change_ticket", methods=("POST",))
def prioritise(request: HttpRequest, number: str) -> HttpResponse:
    chosen = request.POST.get("priority", "")
    # The service refuses 0 like any other wrong value.
    priority = int(chosen) if chosen in {str(value) for value in TicketPriority.values} else 0
    services.prioritise_ticket(ticket=_ticket(number), priority=priority, actor=of_user(request.user))
    messages.success(request, _t("The priority is changed."))
    return redirect("ticket", number)


@page("crm.change_ticket", methods=("POST",))
def resolve(request: HttpRequest, number: str) -> HttpResponse:
    services.resolve_ticket(ticket=_ticket(number), actor=of_user(request.user))
    messages.success(request, _t("Ticket %(number)s is resolved.") % {"number": number})
    return redirect("ticket", number)


@page("crm.change_ticket", methods=("POST",))
def close(request: HttpRequest, number: str) -> HttpResponse:
    services.close_ticket(ticket=_ticket(number), actor=of_user(request.user))
    messages.success(request, _t("Ticket %(number)s is closed.") % {"number": number})
    return redirect("ticket", number)


SCORES = [
    (5, _("Very satisfied")),
    (4, _("Satisfied")),
    (3, _("Neither satisfied nor dissatisfied")),
    (2, _("Dissatisfied")),
    (1, _("Very dissatisfied")),
]


class RatingForm(forms.Form):
    score = forms.TypedChoiceField(
        label=_("How satisfied are you with our help?"),
        choices=SCORES,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the five answers.")},
    )
    comment = forms.CharField(
        label=_("Anything you want to tell us?"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for the customer's satisfaction (D2). Anyone with the signed link may answer, once per resolution."""
    page_of = partial(_rating_page, request)
    try:
        ticket, resolution = services.read_rating_token(token)
    except Invalid as error:
        return page_of("rate_done", status=410, refusal=error.message)
    if selectors.is_rated(ticket, resolution):
        return page_of("rate_done", answered=True)
    form = RatingForm(request.POST or None, initial={"score": request.GET.get("score")})
    if request.method == "POST" and form.is_valid():
        try:
            services.rate_ticket(token=token, actor=Actor("member", ticket.customer_id), **form.cleaned_data)
        except Conflict:
            return page_of("rate_done", answered=True)
        return page_of("rate_done", thanks=True)
    return page_of("rate", form=form, ticket=ticket)


def _rating_page(request: HttpRequest, name: str, status: int = 200, **values: Any) -> HttpResponse:
    store = Store.objects.default_or_none()
    context = {"shop": store.name if store else "", **values}
    return render(request, f"crm/desk/{name}.html", context, status=status)
