"""Show why a customer did not get a campaign: its decisions, and what the gate would decide now."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from campaigns.broadcasts.models import Broadcast
from campaigns.care.models import CareRule
from campaigns.journeys.console.paths import path_of
from campaigns.journeys.labels import END_REASONS
from campaigns.journeys.models import Journey
from campaigns.messages import labels as words
from campaigns.messages.labels import reason_label
from campaigns.messages.models import Message
from campaigns.reports import labels as reports_labels
from campaigns.reports.services import Explanation, NoMessage, why
from core.console.views import may, page
from core.text.formatting import when
from crm.customers.models import Customer

Campaign = Broadcast | CareRule | Journey
OFFERED = 200


def choices() -> list[tuple[str, str]]:
    """Return campaigns by name for the form, newest first."""
    return [choice for kind in reports_labels.SENDING_KINDS for choice in reports_labels.newest(kind, OFFERED)]


def _campaign(value: str) -> Campaign | None:
    for kind in reports_labels.SENDING_KINDS:
        for pk in reports_labels.ids_of(kind.prefix, [value]):
            parts = ("version",) if kind.model is Journey else ("template", "segment")
            return kind.model.objects.select_related(*parts).filter(pk=pk).first()
    return None


@dataclass(frozen=True)
class ToldMessage:
    """Hold a message with its state and the sentence that explains it."""

    message: Message
    badge: words.MessageBadge
    outcome: str | Promise


@page("campaigns.view_message")
def show(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer, number=number)
    value = request.GET.get("campaign", "")
    campaign = _campaign(value)
    context = {"customer": customer, "campaigns": choices(), "value": value, "campaign": campaign}
    if campaign is not None:
        answer = why(customer=customer, campaign=campaign)
        origin = reports_labels.origins([value])[value]
        context |= {
            "origin": origin,
            "may_see_origin": may(request.user, origin.permission),
            "answer": answer,
            "rows": [
                ToldMessage(message, words.badge(message), reports_labels.outcome(message))
                for message in answer.messages
            ],
            "cause": cause_words(answer, campaign) if answer.cause else "",
            "now_reason": reason_label(answer.now) if answer.now else "",
            "now_words": reports_labels.explained(answer.now) if answer.now else "",
            "has_message": answer.now is not None,
            "run": answer.run,
            "path": path_of(answer.run) if answer.run and may(request.user, "campaigns.view_journeyrun") else None,
            "may_see_messages": True,
        }
    return render(request, "campaigns/reports/why.html", context)


def cause_words(answer: Explanation, campaign: Campaign) -> str:
    """Return a sentence that explains why no message was made."""
    assert answer.cause is not None
    values = {
        "name": campaign.name,
        "segment": answer.segment or "",
        "time": when(answer.at) if answer.at else "",
        "end": END_REASONS.get(answer.run.end_reason, "") if answer.run else "",
    }
    texts = {
        NoMessage.NOT_STARTED: _t("“%(name)s” has not started yet, so no customer has got it."),
        NoMessage.BEING_PREPARED: _t("“%(name)s” is just starting. Check again in a minute."),
        NoMessage.NOT_IN_SEGMENT: _t("The customer was not in “%(segment)s” at %(time)s."),
        NoMessage.NOT_IN_AUDIENCE: _t("The customer was not an active customer when “%(name)s” started at %(time)s."),
        NoMessage.RULE_NOT_ACTIVE: _t("“%(name)s” is not active, so it takes no customers."),
        NoMessage.NOT_MATCHED:
            _t("Since “%(name)s” was activated at %(time)s, its condition has not been met for this customer."),
        NoMessage.STOPPED: _t("“%(name)s” was stopped before it started, so no customer got it."),
        NoMessage.SEGMENT_NOT_COMPUTED:
            _t("“%(segment)s” is not computed yet, so it has no members. “%(name)s” waits for it."),
        NoMessage.NOT_PUBLISHED: _t("“%(name)s” is not published, so no customer enters it."),
        NoMessage.JOURNEY_PAUSED:
            _t("“%(name)s” is paused, so no customer enters it. The customer had not entered before."),
        NoMessage.JOURNEY_STOPPED: _t("“%(name)s” is stopped. The customer had not entered it."),
        NoMessage.INSIDE_BEFORE:
            _t("The customer was already in “%(segment)s”. Only customers who join it later enter “%(name)s”."),
        NoMessage.NOT_ENTERED:
            _t("Since “%(name)s” was published at %(time)s, the event that lets customers enter has not happened for"
               " this customer."),
        NoMessage.RUN_HELD_OUT:
            _t("The customer reached “%(name)s” at %(time)s and belongs to the holdout, which gets no message."),
        NoMessage.RUN_UNDER_WAY:
            _t("The customer is in “%(name)s” and has not reached a message yet. The next step is due at %(time)s."),
        NoMessage.RUN_ENDED: _t("The customer's run of “%(name)s” ended at %(time)s before a message: %(end)s."),
    }  # fmt: skip
    return texts[answer.cause] % values
