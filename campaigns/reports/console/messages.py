"""Serve message pages: every queued send with its outcome, and decisions for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from analytics.segments.models import Segment, SegmentKind
from analytics.segments.services import lists
from campaigns.channels import selectors as channels_selectors
from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.messages import labels as words
from campaigns.messages.labels import REASONS, MessageBadge, reason_label
from campaigns.messages.models import Message, MessageState
from campaigns.messages.selectors import messages as queries
from campaigns.messages.services import messages as services
from campaigns.reports import labels as reports_labels
from campaigns.reports.labels import Origin
from campaigns.templates.console import frames
from campaigns.transactional.rules import SURVEY_ORIGIN
from core.base import clock
from core.base.actor import of_user
from core.base.errors import Invalid
from core.console.forms import FilterChoice
from core.console.views import may, page, viewer
from core.db import paging
from core.jobs.queueing import enqueue_after_commit
from core.text.formatting import number, when

PAGE = 50
ORDER = ["-created_at", "-id"]
CAMPAIGNS_OFFERED = 200
MOST_LISTED = 1_000_000
TILES = (
    MessageState.SENT,
    MessageState.QUEUED,
    MessageState.HELD,
    MessageState.SUPPRESSED,
    MessageState.FAILED,
    MessageState.UNCERTAIN,
)
TILE_TONES = {MessageState.FAILED: "bad", MessageState.UNCERTAIN: "warn"}


@dataclass(frozen=True)
class MessageRow:
    message: Message
    origin: Origin
    channel: str
    badge: MessageBadge


def message_rows(messages: Iterable[Message], origins: Mapping[str, Origin]) -> list[MessageRow]:
    return [
        MessageRow(message, origins[message.origin], channel_label(message.channel), words.badge(message))
        for message in messages
    ]


@page("campaigns.view_message")
def index(request: HttpRequest) -> HttpResponse:
    message_filter = queries.MessageFilter.of(request.GET)
    rows = message_filter.rows()
    messages_page = paging.keyset(rows, ORDER, request.GET.get("cursor"), PAGE)
    origins = reports_labels.origins(
        {message.origin for message in messages_page} | ({message_filter.origin} if message_filter.origin else set())
    )
    counts = message_filter.counts()
    context = {
        "page": messages_page,
        "rows": message_rows(messages_page, origins),
        "wanted": message_filter,
        "tiles": _tiles(counts),
        "reasons": _reasons(counts, message_filter.state),
        "count": paging.count(rows),
        "filters": _filters(message_filter, origins),
        "results_url": _results_url(request, message_filter.origin),
        "may_save_list": bool(message_filter.origin) and may(request.user, "analytics.add_segment"),
        "matching": request.GET.urlencode(),
        "filtered": bool(
            message_filter.state
            or message_filter.reason
            or message_filter.origin
            or message_filter.channel
            or message_filter.reaction
            or request.GET.get("days")
        ),
    }
    return render(request, "campaigns/reports/messages.html", context)


# The page with the results of each kind of campaign, and the permission to see it.
RESULTS = {
    "broadcast": ("broadcast_results", "campaigns.view_broadcast"),
    "care": ("care_results", "campaigns.view_carerule"),
    "journey": ("journey_message_results", "campaigns.view_journey"),
}


def _results_url(request: HttpRequest, origin: str) -> str:
    """Return the results page of the chosen campaign; "" when there is none that the user may see."""
    kind, _colon, pk = origin.partition(":")
    if kind not in RESULTS or not (pk.isascii() and pk.isdecimal() and len(pk) < 18):
        return ""
    route, permission = RESULTS[kind]
    return reverse(route, args=[int(pk)]) if may(request.user, permission) else ""


@page("analytics.add_segment", methods=("POST",))
def save_list(request: HttpRequest) -> HttpResponse:
    """Save the customers of the filtered messages of one campaign as a fixed list, each once."""
    wanted = queries.MessageFilter.of(QueryDict(request.POST.get("matching", "")))
    if not wanted.origin:
        raise Invalid(_t("Choose a campaign first."), code="required", field="campaign")
    customers = wanted.rows().order_by("customer_id").values_list("customer_id", flat=True).distinct()
    ids = list(customers[:MOST_LISTED])
    actor = of_user(request.user)
    origin = reports_labels.origins([wanted.origin])[wanted.origin]
    parts = [
        origin.label,
        _reaction(wanted.reaction, wanted.window) if wanted.reaction else str(words.STATES.get(wanted.state, "")),
        when(clock.now()),
    ]
    name = " · ".join(filter(None, parts))
    segment = Segment.objects.active().filter(name=name, kind=SegmentKind.STATIC).first()
    segment = segment or lists.create_list(name=name, actor=actor, created_by=viewer(request))
    count = lists.add_to_list(segment=segment, customer_ids=ids, actor=actor)
    text = ngettext("%(count)s customer entered the list.", "%(count)s customers entered the list.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("segment", segment.pk)


@dataclass(frozen=True)
class CountedCode:
    """Hold a state or a reason with its number of messages, as a filter of the list."""

    code: str
    label: str
    count: int
    tone: str = ""


def _tiles(counts: dict[tuple[str, str], int]) -> list[CountedCode]:
    """Return the states: ordinary ones always, problems only when there are some."""
    sums: dict[str, int] = {}
    for (state, _reason), count in counts.items():
        sums[state] = sums.get(state, 0) + count
    return [
        CountedCode(state, str(words.STATES[state]), sums.get(state, 0), TILE_TONES.get(state, ""))
        for state in TILES
        if state not in TILE_TONES or sums.get(state)
    ]


def _reasons(counts: dict[tuple[str, str], int], state: str) -> list[CountedCode]:
    """Return the reasons of messages that were not sent, most first, within the chosen state."""
    sums: dict[str, int] = {}
    for (own, reason), count in counts.items():
        if reason and state in {"", own}:
            sums[reason] = sums.get(reason, 0) + count
    by_count = sorted(sums.items(), key=lambda item: -item[1])
    return [CountedCode(reason, reason_label(reason), count) for reason, count in by_count]


def _filters(message_filter: queries.MessageFilter, origins: dict[str, reports_labels.Origin]) -> list[FilterChoice]:
    """Return the filters; a chosen campaign beyond the list's limit is kept."""
    offered = [
        choice for kind in reports_labels.SENDING_KINDS for choice in reports_labels.newest(kind, CAMPAIGNS_OFFERED)
    ]
    campaigns = [*offered, (SURVEY_ORIGIN, _t("Satisfaction question"))]
    if message_filter.origin and message_filter.origin not in dict(campaigns):
        campaigns.append((message_filter.origin, origins[message_filter.origin].label))
    states = [*words.STATES.items(), (queries.TROUBLE, _t("Failed or uncertain"))]
    periods = [
        (value, ngettext("Last %(days)s day", "Last %(days)s days", int(value)) % {"days": value})
        for value in channels_selectors.PERIODS[:-1]
    ]
    return [
        FilterChoice("state", _t("State"), states, message_filter.state),
        FilterChoice("reason", _t("Reason"), list(REASONS.items()), message_filter.reason),
        FilterChoice(
            "reaction",
            _t("Reaction"),
            [(name, _reaction(name, message_filter.window)) for name in queries.REACTIONS],
            message_filter.reaction,
        ),
        FilterChoice("campaign", _t("Campaign"), campaigns, message_filter.origin),
        FilterChoice(
            "channel",
            _t("Channel"),
            [(name, channel_label(name)) for name in CHANNELS.names()],
            message_filter.channel,
        ),
        FilterChoice("days", _t("Period"), [*periods, ("all", _t("All"))], message_filter.days, with_all=False),
    ]


REACTION_LABELS = {
    queries.OPENED: pgettext_lazy("message", "Opened"),
    queries.CLICKED: pgettext_lazy("message", "Clicked"),
    queries.UNSUBSCRIBED: _("Unsubscribed"),
    queries.COMPLAINED: _("Complained"),
    queries.BOUNCED: _("Bounced"),
}


def _reaction(name: str, window: int) -> str:
    if name == queries.ORDERED:
        text = ngettext("Ordered within %(days)s day", "Ordered within %(days)s days", window)
        return text % {"days": number(window)}
    return str(REACTION_LABELS[name])


def _message(pk: UUID) -> Message:
    return get_object_or_404(Message.objects.select_related("customer", "template"), pk=pk)


@page("campaigns.view_message")
def show(request: HttpRequest, pk: UUID) -> HttpResponse:
    message = _message(pk)
    settle = may(request.user, "campaigns.change_message")
    uncertain = message.state == MessageState.UNCERTAIN
    origin = reports_labels.origins([message.origin])[message.origin]
    context: dict[str, Any] = {
        "message": message,
        "origin": origin,
        "may_see_origin": bool(origin.url) and may(request.user, origin.permission),
        "channel": channel_label(message.channel),
        "badge": words.badge(message),
        "outcome": reports_labels.outcome(message),
        "as_html": frames.shows_html(message.channel),
        "may_see_template": may(request.user, "campaigns.view_template"),
        "may_send_again": settle and message.state in {MessageState.UNCERTAIN, MessageState.FAILED},
        "may_mark_sent": settle and uncertain,
        "again_text": _t("1 message is sent again. If the first one arrived, the customer gets it twice.")
        if uncertain
        else _t("1 message is queued again and passes the gate again."),
    }
    return render(request, "campaigns/reports/message.html", context)


@page("campaigns.view_message")
def body(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Return the message's text, for the frame on its page."""
    message = _message(pk)
    return frames.framed(message.body, as_html=frames.shows_html(message.channel))


@page("campaigns.change_message", methods=("POST",))
def again(request: HttpRequest, pk: UUID) -> HttpResponse:
    message = services.send_again(message=_message(pk), actor=of_user(request.user))
    enqueue_after_commit("campaigns.send_due")
    messages.success(request, _t("The message is queued again."))
    return redirect("message", message.pk)


@page("campaigns.change_message", methods=("POST",))
def sent(request: HttpRequest, pk: UUID) -> HttpResponse:
    message = services.mark_sent(message=_message(pk), actor=of_user(request.user))
    messages.success(request, _t("The message counts as sent."))
    return redirect("message", message.pk)
