"""Serve journey pages: list, details with live counts, switching, one customer's run, a trial run."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from analytics.segments.models import Segment
from campaigns.journeys import labels as journeys_labels
from campaigns.journeys.console import results, words
from campaigns.journeys.console.forms import EXIT, REENTRY
from campaigns.journeys.console.listing import JOURNEYS
from campaigns.journeys.console.paths import path_of
from campaigns.journeys.models import Journey, JourneyRun, JourneyState
from campaigns.journeys.rules import AnyJourney, walk
from campaigns.journeys.selectors import runs as selectors
from campaigns.journeys.selectors.results import window_days
from campaigns.journeys.services import journeys as services
from campaigns.journeys.services import presets as journey_presets
from campaigns.journeys.services import trials as journey_trials
from campaigns.messages.labels import reason_label
from campaigns.messages.models import Message, MessageState
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.console.rows import CountedLink
from core.console.switching import switch
from core.console.views import may, page, viewer, wants_part
from core.jobs.queueing import enqueue_after_commit
from core.lists.showing import respond
from core.text.formatting import in_chinese, number
from crm.customers.models import Customer, Store

RECENT = 10


def journey_of(pk: int) -> Journey:
    return get_object_or_404(Journey.objects.select_related("version"), pk=pk)


@page("campaigns.view_journey")
def index(request: HttpRequest) -> HttpResponse:
    return respond(JOURNEYS, request)


@page("campaigns.add_journey", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """Create an empty draft by name, or a ready-made journey."""
    error, name = "", request.POST.get("name", "")
    segment = _segment_of(request)
    if request.method == "POST":
        actor = of_user(request.user)
        preset = request.POST.get("preset", "")
        try:
            if preset:
                journey = journey_presets.draft_from_preset(code=preset, store=_store(), actor=actor)
            else:
                entry = {"entry": {"kind": "segment", "segment": segment.pk}} if segment else None
                journey = services.create_journey(name=name, actor=actor, draft=entry)
        except Invalid as refusal:
            error = str(refusal.message)
        else:
            messages.success(
                request,
                _t("The draft “%(name)s” is created. Customers enter only after you publish it.")
                % {"name": journey.name},
            )
            return redirect("journey_edit", journey.pk)
    context = {"presets": journey_presets.offered(), "error": error, "name": name, "segment": segment}
    return render(request, "campaigns/journeys/journey_new.html", context)


def _segment_of(request: HttpRequest) -> Segment | None:
    """Return the segment whose members are to enter the new journey."""
    text = request.POST.get("segment") or request.GET.get("segment", "")
    pk = int(text[:18]) if text.isascii() and text.isdigit() else 0
    return Segment.objects.active().filter(pk=pk).first()


def _store() -> Store:
    return get_object_or_404(Store, is_default=True)


@page("campaigns.view_journey")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    journey = journey_of(pk)
    context = {**_figures(journey), **_actions(request, journey)}
    definition: AnyJourney = journey.version.definition if journey.version else journey.draft
    runs = JourneyRun.objects.filter(journey=journey).select_related("customer", "version")
    steps = _labels(definition)
    who = request.GET.get("who", "").strip()
    if who:
        runs = runs.filter(customer__number=who[:20])
    context |= {
        "entry": words.entry_words(definition),
        "letting_in": words.members_words(definition) if journey.members_after is not None else "",
        "goal": words.goal_words(definition),
        "reentry": REENTRY.get(definition["reentry"].get("policy") or "", ""),
        "exit": EXIT.get(definition["exit"].get("policy") or "", ""),
        "holdout": definition.get("holdout", 0),
        "window_days": window_days(definition),
        "changed": journey.version is not None and journey.version.definition != journey.draft,
        "who": who,
        "recent": words.run_rows(runs.order_by("-entered_at", "-id")[:RECENT], steps),
        "messages_of": _messages(journey),
        **(results.overview(journey) if journey.version else {}),
    }  # fmt: skip
    return render(request, "campaigns/journeys/journey.html", context)


def _labels(definition: AnyJourney) -> dict[str, str]:
    return {step["id"]: services.label_of(step) for step, _depth in walk(definition["steps"])}


def _messages(journey: Journey) -> list[CountedLink]:
    """Return the journey's messages by state."""
    listed = f"{reverse('messages')}?campaign=journey:{journey.pk}&days=all"
    rows = (
        Message.objects.filter(origin=f"journey:{journey.pk}")
        .order_by()
        .values_list("state")
        .annotate(count=Count("pk"))
    )
    labels = dict(MessageState.choices)
    return [CountedLink(labels[state], count, f"{listed}&state={state}") for state, count in rows]


def _figures(journey: Journey) -> dict[str, Any]:
    """Return the tree of the running version with its counts; of the draft before the first version."""
    if journey.version is None:
        return {
            "journey": journey,
            "nodes": words.tree(journey.draft["steps"]),
            "live": False,
        }
    counts = selectors.counts_of(journey.version)
    return {
        "journey": journey,
        "nodes": words.tree(journey.version.definition["steps"], counts),
        "live": journey.state == JourneyState.RUNNING,
    }


@page("campaigns.view_journey")
def counts(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the tree with its counts, polled every few seconds; redirect to the whole page for a direct visit."""
    journey = journey_of(pk)
    if not wants_part(request):
        return redirect("journey", journey.pk)
    return render(request, "campaigns/journeys/journey_counts.html", _figures(journey))


def publish_text(journey: Journey) -> str:
    """Return the effect of publishing, in numbers."""
    return _joined(words.publishing_words(journey), words.members_words(journey.draft))


def _joined(*sentences: str) -> str:
    """Join sentences in the way of the language."""
    return ("" if in_chinese() else " ").join(filter(None, sentences))


def _actions(request: HttpRequest, journey: Journey) -> dict[str, Any]:
    """Return the possible actions, each with its effect in numbers."""
    may_change = may(request.user, "campaigns.change_journey")
    if not may_change:
        return {"may_change": False}
    people = services.under_way(journey) if journey.version else 0
    queued = Message.objects.filter(origin=f"journey:{journey.pk}", state__in=["queued", "held"]).count()
    figures = {"name": journey.name, "people": number(people), "queued": number(queued)}
    pause = ngettext(
        "%(people)s customer stays at their step, and no new customers enter “%(name)s”. Messages not yet "
        "sent (%(queued)s) are dropped.",
        "%(people)s customers stay at their step, and no new customers enter “%(name)s”. Messages not yet "
        "sent (%(queued)s) are dropped.",
        people,
    )
    resume = ngettext(
        "%(people)s customer continues in “%(name)s”. Steps that became due during the pause are done immediately.",
        "%(people)s customers continue in “%(name)s”. Steps that became due during the pause are done immediately.",
        people,
    )
    stop = ngettext(
        "“%(name)s” ends now for %(people)s customer. Messages not yet sent (%(queued)s) are dropped. This "
        "can't be undone.",
        "“%(name)s” ends now for %(people)s customers. Messages not yet sent (%(queued)s) are dropped. This "
        "can't be undone.",
        people,
    )
    return {
        "may_change": True,
        "pause_text": pause % figures,
        "resume_text": resume % figures,
        "stop_text": stop % figures,
    }


@page("campaigns.change_journey", methods=("POST",))
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish the journey, or return to the editor at the first step with a problem."""
    journey = journey_of(pk)
    try:
        version = services.publish_journey(journey=journey, actor=of_user(request.user), user=viewer(request))
    except Invalid as error:
        if error.code != "journey_invalid":
            raise
        messages.error(request, str(error.message))
        first = error.details["problems"][0]
        return redirect(f"{reverse('journey_edit', args=[journey.pk])}?step={_place(first['step'])}&problems=1")
    enqueue_after_commit("campaigns.enter_journeys")
    enqueue_after_commit("campaigns.advance_journeys")
    text = _t("“%(name)s” is published as version %(version)s.") % {"name": journey.name, "version": version.number}
    messages.success(request, _joined(text, words.members_words(version.definition)))
    return redirect("journey", journey.pk)


def _place(step: str) -> str:
    return "entry" if step in ("", "entry", "exit", "goal") else step


@page("campaigns.change_journey", methods=("POST",))
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return switch(request, services.pause_journey, _t("“%(name)s” is paused."), route="journey", journey=journey_of(pk))


@page("campaigns.change_journey", methods=("POST",))
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return switch(
        request,
        services.resume_journey,
        _t("“%(name)s” is resumed."),
        route="journey",
        task="campaigns.advance_journeys",
        journey=journey_of(pk),
    )


@page("campaigns.change_journey", methods=("POST",))
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    journey = journey_of(pk)
    ended = services.stop_journey(journey=journey, actor=of_user(request.user))
    text = ngettext(
        "“%(name)s” is stopped. It ended for %(count)s customer.",
        "“%(name)s” is stopped. It ended for %(count)s customers.",
        ended,
    )
    messages.success(request, text % {"name": journey.name, "count": number(ended)})
    return redirect("journey", journey.pk)


@page("campaigns.change_journey", methods=("POST",))
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    journey = journey_of(pk)
    services.delete_draft(journey=journey, actor=of_user(request.user))
    messages.success(request, _t("“%(name)s” is deleted.") % {"name": journey.name})
    return redirect("journeys")


@page("campaigns.view_journey")
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """Try the draft for one customer: waits pass immediately, and nothing has an effect."""
    journey = journey_of(pk)
    who = request.GET.get("who", "").strip()
    happen = request.GET.get("events") == "happen"
    context: dict[str, Any] = {"journey": journey, "who": who, "happen": happen}
    if who:
        customer = Customer.objects.active().filter(number=who[:20]).first()
        if customer is None:
            context["refusal"] = _t("There is no customer with this number.")
        else:
            context["customer"] = customer
            try:
                result = journey_trials.try_journey(journey=journey, customer=customer, events_happen=happen)
            except DomainError as error:
                context["refusal"] = _t("The draft is not complete: %(reason)s") % {"reason": error.message}
            else:
                context |= {
                    "trial": result,
                    "stops": [(stop, reason_label(stop.reason) if stop.reason else "") for stop in result.stops],
                    "end": journeys_labels.END_REASONS[result.end],
                }
    return render(request, "campaigns/journeys/journey_try.html", context)


@page("campaigns.view_journeyrun")
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the path of one run."""
    run_row = get_object_or_404(JourneyRun.objects.select_related("journey", "version", "customer"), pk=pk)
    context = {
        "run": run_row,
        "state_label": journeys_labels.RUN_STATES[run_row.state],
        "tone": journeys_labels.RUN_TONES[run_row.state],
        "path": path_of(run_row),
        "may_see_messages": may(request.user, "campaigns.view_message"),
    }
    return render(request, "campaigns/journeys/journey_run.html", context)
