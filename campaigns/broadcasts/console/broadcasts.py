"""Serve broadcast pages: list, details with audience and live counts, editing and commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.broadcasts import labels as broadcasts_labels
from campaigns.broadcasts.console.form import BroadcastForm
from campaigns.broadcasts.console.listing import BROADCASTS, badge
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services import broadcasts as services
from campaigns.experiments.selectors import figures as selectors
from campaigns.messages import labels as words
from campaigns.messages.labels import reason_label
from campaigns.messages.models import MessageState
from campaigns.messages.selectors import messages as queries
from campaigns.messages.selectors import waiting
from campaigns.messages.services import gate as messages_gate
from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console import editing
from core.console.switching import switch
from core.console.views import may, page, wants_part
from core.lists.showing import respond
from core.text.formatting import number, when

LAST_MESSAGES = 10
MOVING = {BroadcastState.SCHEDULED, BroadcastState.SENDING}
# Once sending has begun, the gate would call every message a duplicate of the one that was made.
PREVIEWED = {BroadcastState.DRAFT, BroadcastState.SCHEDULED}


EDITOR = editing.Editor(
    new="broadcast_new",
    edit="broadcast_edit",
    index="broadcasts",
    index_label=_("Broadcasts"),
    new_heading=_("New broadcast"),
    edit_heading=_("Edit broadcast"),
    page="broadcast",
)


def _broadcast(pk: int) -> Broadcast:
    return get_object_or_404(Broadcast.objects.select_related("template", "segment", "coupon"), pk=pk)


@page("campaigns.view_broadcast")
def index(request: HttpRequest) -> HttpResponse:
    return respond(BROADCASTS, request)


@page("campaigns.view_broadcast")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "campaigns/broadcasts/broadcast.html", _details(request, _broadcast(pk)))


@page("campaigns.view_broadcast")
def counts(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the counts, polled every few seconds while the broadcast moves; reload the page when the state has
    changed.
    """
    broadcast = _broadcast(pk)
    if not wants_part(request):
        return redirect("broadcast", broadcast.pk)
    if request.GET.get("state") != broadcast.state:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(
        request, "campaigns/broadcasts/broadcast_counts.html", {"broadcast": broadcast, **_figures(broadcast)}
    )


def _details(request: HttpRequest, broadcast: Broadcast) -> dict[str, Any]:
    label, tone = badge(broadcast)
    may_change = may(request.user, "campaigns.change_broadcast")
    state = broadcast.state
    waiting = broadcast.state in {BroadcastState.SENDING, BroadcastState.PAUSED}
    return {
        "broadcast": broadcast,
        "schedule": broadcasts_labels.schedule_words(broadcast),
        "state_label": label,
        "tone": tone,
        "recent": [(message, words.badge(message)) for message in queries.messages_of(broadcast.origin, LAST_MESSAGES)],
        "begun": broadcast.prepared_at is not None,
        "previewed": state in PREVIEWED,
        "may_change": may_change,
        "may_edit": may_change and state == BroadcastState.DRAFT,
        "may_unschedule": may_change and state == BroadcastState.SCHEDULED,
        "may_pause": may_change and state == BroadcastState.SENDING,
        "may_resume": may_change and state == BroadcastState.PAUSED,
        "may_stop": may_change and waiting,
        "stop_text": _stop_text(broadcast) if may_change and waiting else "",
        **_figures(broadcast),
    }


def _figures(broadcast: Broadcast) -> dict[str, Any]:
    figures = selectors.figures_of(broadcast.origin, broadcast.coupon_id)
    listed = f"{reverse('messages')}?campaign={broadcast.origin}&days=all"
    settled = sum(figures.states.get(state, 0) for state in SETTLED)
    return {
        "figures": figures,
        "listed": listed,
        "moving": broadcast.state in MOVING,
        **_waits(broadcast),
        "through": settled,
        **words.outcome_rows(figures.states, figures.reasons, listed),
    }


@dataclass(frozen=True)
class WaitRow:
    """Messages that wait for one reason; `until` is when the last of them is due, "" when that is unknown or now."""

    label: str
    count: int
    until: str


def _waits(broadcast: Broadcast) -> dict[str, Any]:
    """Describe what of a started broadcast has not gone yet, why, and until when."""
    if broadcast.state not in {BroadcastState.SENDING, BroadcastState.PAUSED}:
        return {"waits": []}
    rows = waiting.waiting_by_reason(broadcast.origin, zoned=broadcast.customer_zone, paced=broadcast.per_minute > 0)
    return {
        "waits": [WaitRow(words.wait_label(row.reason), row.count, _until(row)) for row in rows],
        "waiting_count": sum(row.count for row in rows),
    }


def _until(row: waiting.WaitingMessages) -> str:
    if row.reason in OPEN_ENDED or row.last <= clock.now():
        return ""
    if row.first < row.last and row.first > clock.now():
        return _t("%(first)s to %(last)s") % {"first": when(row.first), "last": when(row.last)}
    return _t("until %(time)s") % {"time": when(row.last)}


# A person ends these, so no time is known.
OPEN_ENDED = (words.PAUSED, waiting.ALL_HELD, waiting.HANDING_OVER)
SETTLED = (MessageState.SENT, MessageState.SUPPRESSED, MessageState.FAILED, MessageState.UNCERTAIN)


def _stop_text(broadcast: Broadcast) -> str:
    waiting = queries.waiting_of(broadcast.origin)
    text = ngettext(
        "%(count)s waiting message will never be sent. This can't be undone.",
        "%(count)s waiting messages will never be sent. This can't be undone.",
        waiting,
    )
    return text % {"count": number(waiting)}


@page("campaigns.view_broadcast")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the audience by the gate that sends: as a part of the page, or as the whole page."""
    broadcast = _broadcast(pk)
    if broadcast.state not in PREVIEWED:
        if wants_part(request):
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        return redirect("broadcast", broadcast.pk)
    draft = broadcast.state == BroadcastState.DRAFT
    context: dict[str, Any] = {"broadcast": broadcast}
    try:
        counts = services.preview_broadcast(broadcast)
    except DomainError as error:
        context["refusal"] = str(error.message)
    else:
        reasons = sorted(((r, c) for r, c in counts.reasons.items() if r != "quiet_hours"), key=lambda item: -item[1])
        context |= {
            "preview": counts,
            "kept_back": [(reason_label(reason), count) for reason, count in reasons],
            "may_schedule": draft and may(request.user, "campaigns.change_broadcast"),
            "schedule_text": _schedule_text(broadcast, counts),
            "schedule_label": _t("Schedule") if broadcast.send_on else _t("Send now"),
        }
    if wants_part(request):
        return render(request, "campaigns/broadcasts/broadcast_preview.html", context)
    return render(
        request,
        "campaigns/broadcasts/broadcast.html",
        {**_details(request, broadcast), **context, "with_preview": True},
    )


def _schedule_text(broadcast: Broadcast, counts: messages_gate.AudiencePreview) -> str:
    figures = {
        "name": broadcast.name,
        "sent": number(counts.sent + counts.held),
        "not_sent": number(counts.suppressed),
        "when": broadcasts_labels.schedule_words(broadcast),
    }
    if broadcast.send_on:
        text = _t("“%(name)s” goes out %(when)s. By today's figures %(sent)s customers get it, %(not_sent)s do not.")
    else:
        text = _t("“%(name)s” goes out now: %(sent)s customers get it, %(not_sent)s do not.")
    return text % figures


@page("campaigns.add_broadcast", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("campaigns.change_broadcast", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _broadcast(pk))


def _form(request: HttpRequest, broadcast: Broadcast | None) -> HttpResponse:
    form = BroadcastForm(request.POST or None, broadcast=broadcast, given=request.GET.dict())
    if response := EDITOR.save(request, form, lambda: _save(request, broadcast, form.values())):
        return response
    values = {"broadcast": broadcast, "form": form, **EDITOR.values(broadcast)}
    return render(request, "campaigns/broadcasts/broadcast_edit.html", values)


def _save(request: HttpRequest, broadcast: Broadcast | None, values: dict[str, Any]) -> Broadcast:
    actor = of_user(request.user)
    if broadcast is None:
        return services.create_broadcast(actor=actor, **values)
    return services.update_broadcast(broadcast=broadcast, actor=actor, **values)


@page("campaigns.change_broadcast", methods=("POST",))
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(
        request, pk, services.schedule_broadcast, _t("“%(name)s” is scheduled."), task="campaigns.run_broadcasts"
    )


@page("campaigns.change_broadcast", methods=("POST",))
def unschedule(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(request, pk, services.unschedule_broadcast, _t("“%(name)s” is a draft again."))


@page("campaigns.change_broadcast", methods=("POST",))
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(request, pk, services.pause_broadcast, _t("“%(name)s” is paused."))


@page("campaigns.change_broadcast", methods=("POST",))
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(
        request, pk, services.resume_broadcast, _t("“%(name)s” is resumed."), task="campaigns.run_broadcasts"
    )


@page("campaigns.change_broadcast", methods=("POST",))
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    return _switch(request, pk, services.stop_broadcast, _t("“%(name)s” is stopped."), task="campaigns.run_broadcasts")


def _switch(
    request: HttpRequest,
    pk: int,
    service: Callable[..., Broadcast],
    text: str,
    *,
    task: str = "",
) -> HttpResponse:
    return switch(request, service, text, route="broadcast", task=task, broadcast=_broadcast(pk))
