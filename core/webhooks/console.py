"""Pages of webhooks: the endpoints of the merchant's own systems, every delivery with its answer, and replay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.apps import apps
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base import clock
from core.console import editing
from core.console.forms import FilterChoice, RefusableForm
from core.console.home import Card, card
from core.console.list_columns import Cell
from core.console.views import link, page
from core.db import paging
from core.jobs.queueing import enqueue_after_commit
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register
from core.lists.showing import respond
from core.text.formatting import day, number, when
from core.webhooks import sending as webhook_sending
from core.webhooks import services
from core.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookState
from core.webhooks.registry import PUBLIC, TEST

PAGE = 50
EVENTS_SHOWN = 6
ORDER = ["-created_at", "-id"]
MANAGE = "core.manage_webhooks"
EDITOR = editing.Editor(
    new="webhook_new",
    edit="webhook_edit",
    index="webhooks",
    index_label=_("Webhooks"),
    new_heading=_("New webhook"),
    edit_heading=_("Edit webhook"),
    page="webhook",
    name="url",
)
TONES = {
    WebhookState.PENDING: "warn",
    WebhookState.DELIVERED: "good",
    WebhookState.DEAD: "bad",
    WebhookState.UNCERTAIN: "warn",
}
SINCE = {"1": _("the last day"), "7": _("the last 7 days"), "30": _("the last 30 days")}
ERRORS = {
    "timeout": _("No answer within 10 seconds"),
    "unknown_host": _("The host name can't be resolved"),
    "private_address": _("The name points into a private network"),
    "tls": _("The certificate or the TLS handshake was refused"),
    "connection": _("The connection failed"),
}


class EndpointForm(RefusableForm):
    url = forms.URLField(
        label=_("Address"),
        max_length=500,
        assume_scheme="https",
        help_text=_("Each event is sent there as a signed POST."),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=200,
        required=False,
        help_text=_("The receiving system, for example the order system."),
    )
    event_types = forms.MultipleChoiceField(
        label=_("Events"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["event_types"].choices = [(name, str(public.label)) for name, public in PUBLIC.items()]  # type: ignore[attr-defined]


@page(MANAGE)
def index(request: HttpRequest) -> HttpResponse:
    return respond(WEBHOOKS, request)


@page(MANAGE, methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if created := editing.save_or_refuse(form, lambda: services.create_endpoint(**form.cleaned_data)):
        endpoint, secret = created
        return _secret(request, endpoint, secret)
    return _form_page(request, form, None)


@page(MANAGE, methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    values = {"url": endpoint.url, "description": endpoint.description, "event_types": endpoint.event_types}
    form = EndpointForm(request.POST or None, initial=values)
    if editing.save_or_refuse(form, lambda: services.update_endpoint(endpoint=endpoint, **form.cleaned_data)):
        webhook_sending.end_pause(endpoint.pk)
        messages.success(request, _t("The webhook is saved."))
        return redirect("webhook", pk)
    return _form_page(request, form, endpoint)


def _form_page(request: HttpRequest, form: EndpointForm, endpoint: WebhookEndpoint | None) -> HttpResponse:
    values = EDITOR.values(endpoint)
    context = {**values, "title": values["heading"], "form": form, "groups": _groups(form), "endpoint": endpoint}
    return render(request, "core/webhooks/webhook_edit.html", context)


@dataclass(frozen=True)
class DeliveryRow:
    delivery: WebhookDelivery
    tone: str
    outcome: str


@page(MANAGE)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    state, kind = request.GET.get("state", ""), request.GET.get("type", "")
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).defer("body", "answer")
    if state in WebhookState.values:
        rows = rows.filter(state=state)
    if kind:
        rows = rows.filter(event_type=kind)
    deliveries = paging.keyset(rows, ORDER, request.GET.get("cursor"), PAGE)
    kinds = sorted({*endpoint.event_types, TEST, *([kind] if kind else [])})
    context = {
        "endpoint": endpoint,
        "badge": _badge(endpoint),
        "page": deliveries,
        "rows": [DeliveryRow(row, TONES[WebhookState(row.state)], outcome_of(row)) for row in deliveries],
        "filters": [
            FilterChoice("state", _t("State"), WebhookState.choices, state),
            FilterChoice("type", _t("Event"), [(name, name) for name in kinds], kind),
        ],
        "filtered": bool(state or kind),
        "types": [(name, str(PUBLIC[name].label) if name in PUBLIC else "") for name in endpoint.event_types],
        "overlap": endpoint.previous_until if _overlaps(endpoint) else None,
        "since": SINCE,
        "now": clock.now(),
    }
    return render(request, "core/webhooks/webhook.html", context)


@page(MANAGE)
def delivery(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = get_object_or_404(WebhookDelivery.objects.select_related("endpoint"), pk=pk)
    context = {
        "delivery": row,
        "tone": TONES[WebhookState(row.state)],
        "outcome": outcome_of(row),
        "body": _pretty(row.body),
        "now": clock.now(),
        "last_attempt": len(webhook_sending.DELAYS) + 1,
    }
    return render(request, "core/webhooks/webhook_delivery.html", context)


@page(MANAGE, methods=("POST",))
def replay(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = services.replay_delivery(delivery=get_object_or_404(WebhookDelivery, pk=pk))
    _send_now(row.endpoint_id)
    messages.success(request, _t("The delivery is being sent again."))
    return redirect("webhook_delivery", pk)


@page(MANAGE, methods=("POST",))
def replay_all(request: HttpRequest, pk: int) -> HttpResponse:
    days = request.POST.get("days", "")
    since = clock.now() - timedelta(days=int(days) if days in SINCE else 1)
    count = services.replay_failed(endpoint=get_object_or_404(WebhookEndpoint, pk=pk), since=since)
    _send_now(pk)
    text = ngettext("Sending %(count)s delivery again.", "Sending %(count)s deliveries again.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("webhook", pk)


@page(MANAGE, methods=("POST",))
def test(request: HttpRequest, pk: int) -> HttpResponse:
    sent = services.send_test_event(endpoint=get_object_or_404(WebhookEndpoint, pk=pk))
    _send_now(pk)
    return redirect("webhook_delivery", sent.pk)


@page(MANAGE, methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    active = request.POST.get("active") == "1"
    services.switch_endpoint(endpoint=get_object_or_404(WebhookEndpoint, pk=pk), active=active)
    if active:
        _send_now(pk)
    messages.success(request, _t("The webhook is switched on.") if active else _t("The webhook is switched off."))
    return redirect("webhook", pk)


@page(MANAGE, methods=("POST",))
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint, secret = services.rotate_secret(endpoint=get_object_or_404(WebhookEndpoint, pk=pk))
    return _secret(request, endpoint, secret)


@card("core.webhooks_off", place="needs", permission=MANAGE, order=90)
def switched_off(request: HttpRequest) -> Card | None:
    count = WebhookEndpoint.objects.filter(active=False).exclude(disabled_reason="").count()
    if not count:
        return None
    return Card(_("Webhooks switched off by failure"), number(count), url=link("webhooks"), tone="bad", icon="webhook")


def outcome_of(row: WebhookDelivery) -> str:
    """Return the result of the last attempt as text; "" before the first."""
    if row.status:
        return _t("Answered %(status)s") % {"status": row.status}
    code = row.error.partition(":")[0]
    return str(ERRORS.get(code, row.error))


def _badge(endpoint: WebhookEndpoint) -> tuple[str, str]:
    """Return (label, tone)."""
    if not endpoint.active:
        return _t("Switched off"), "bad" if endpoint.disabled_reason else "off"
    if endpoint.failing_since:
        return _t("Failing"), "warn"
    return _t("On"), "good"


def _state(endpoint: WebhookEndpoint) -> Cell:
    label, tone = _badge(endpoint)
    detail = ""
    if endpoint.disabled_reason:
        detail = endpoint.get_disabled_reason_display()
    elif endpoint.active and endpoint.failing_since:
        since = _t("since")
        detail = f"{since} {when(endpoint.failing_since)}"
    return Cell(label, detail, badge=tone)


def _events(endpoint: WebhookEndpoint) -> str:
    shown = " · ".join(endpoint.event_types[:EVENTS_SHOWN])
    more = len(endpoint.event_types) - EVENTS_SHOWN
    rest = _t("and %(count)s more") % {"count": more}
    return f"{shown} {rest}" if more > 0 else shown


WEBHOOKS = register(
    ObjectList(
        name="webhooks",
        title=_("Webhooks"),
        route="webhooks",
        model=WebhookEndpoint,
        permission=MANAGE,
        add=MANAGE,
        change=MANAGE,
        select=lambda _request: WebhookEndpoint.objects.all(),
        opens=lambda endpoint: reverse("webhook", args=[endpoint.pk]),
        edit=lambda endpoint: reverse("webhook_edit", args=[endpoint.pk]),
        order=("url", "id"),
        columns=[
            Column("url", _("Address"), lambda row: Cell(row.url, row.description), sort="url"),
            Column("state", _("State"), _state, on_cards=False),
            Column("events", _("Events"), _events, lambda row: " ".join(row.event_types), on_cards=False),
            Column(
                "created",
                _("Created"),
                lambda row: day(row.created_at),
                lambda row: row.created_at.isoformat(),
                "created_at",
            ),
        ],
        states=[
            State("", _("All")),
            State("on", _("Switched on"), lambda: Q(active=True)),
            State("failing", _("Failing"), lambda: Q(active=True, failing_since__isnull=False)),
            State("off", _("Switched off"), lambda: Q(active=False)),
        ],
        search=("url", "description"),
        top_actions=[TopAction(_("New webhook"), "plus", lambda: reverse("webhook_new"), MANAGE)],
        empty=Empty(
            "webhook",
            _("No webhooks yet"),
            _("A webhook sends events to another system within seconds: points earned, a tier reached, a coupon used."),
        ),
    )
)


def _groups(form: EndpointForm) -> list[tuple[str, list]]:
    """Group the check boxes of the event picker by the app of the events."""
    groups: dict[str, list] = {}
    for option in form["event_types"]:
        app = PUBLIC[str(option.data["value"])].event.kind.partition(".")[0]
        groups.setdefault(str(apps.get_app_config(app).verbose_name), []).append(option)
    return list(groups.items())


def _secret(request: HttpRequest, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    # Not a redirect: the secret is only in this answer.
    response = render(request, "core/webhooks/webhook_secret.html", {"endpoint": endpoint, "secret": secret})
    response["Cache-Control"] = "no-store"
    return response


def _send_now(endpoint: int) -> None:
    webhook_sending.end_pause(endpoint)
    enqueue_after_commit("core.send_webhooks", endpoint)


def _overlaps(endpoint: WebhookEndpoint) -> bool:
    return endpoint.previous_until is not None and endpoint.previous_until > clock.now()


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body
