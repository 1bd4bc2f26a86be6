"""Why did this customer not get it: one campaign, one customer, the decisions and what the gate would say now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _t

from campaigns import words
from campaigns.labels import reason_label
from campaigns.models import Broadcast, CareRule
from campaigns.services.decisions import NoMessage, why
from core.console.views import may, page
from core.formatting import when
from crm.models import Customer

OFFERED = 200


def choices() -> list[tuple[str, str]]:
    """Campaigns by name, as the form offers them: the newest first."""
    return [
        (f"{prefix}{pk}", name)
        for prefix, model, _route, _permission in words.CAMPAIGNS
        for pk, name in model.objects.order_by("-created_at").values_list("pk", "name")[:OFFERED]
    ]


def _campaign(value: str) -> Broadcast | CareRule | None:
    for prefix, model, _route, _permission in words.CAMPAIGNS:
        number = value.removeprefix(prefix)
        if number != value and number.isascii() and number.isdigit() and len(number) < 16:
            return model.objects.select_related("template", "segment").filter(pk=int(number)).first()
    return None


@page("campaigns.view_message")
def show(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer, number=number)
    value = request.GET.get("campaign", "")
    campaign = _campaign(value)
    context = {"customer": customer, "campaigns": choices(), "value": value, "campaign": campaign}
    if campaign is not None:
        answer = why(customer=customer, campaign=campaign)
        origin = words.origins([value])[value]
        context |= {
            "origin": origin,
            "may_see_origin": may(request.user, origin.permission),
            "answer": answer,
            "rows": [(message, words.badge(message), words.outcome(message)) for message in answer.messages],
            "cause": cause_words(answer.cause, campaign, answer.at) if answer.cause else "",
            "now_reason": reason_label(answer.now) if answer.now else "",
            "now_words": words.explained(answer.now) if answer.now else "",
        }
    return render(request, "campaigns/why.html", context)


def cause_words(cause: NoMessage, campaign: Broadcast | CareRule, at) -> str:
    """Why no message was made, in a sentence that can be read out."""
    given = {"name": campaign.name, "segment": campaign.segment or "", "time": when(at) if at else ""}
    texts = {
        NoMessage.NOT_STARTED: _t("“%(name)s” has not started yet, so nobody has got it."),
        NoMessage.BEING_PREPARED: _t("“%(name)s” is just starting; look again in a minute."),
        NoMessage.NOT_IN_SEGMENT: _t("The customer was not in “%(segment)s” at %(time)s."),
        NoMessage.NOT_IN_AUDIENCE: _t("The customer was not an active customer when “%(name)s” started at %(time)s."),
        NoMessage.RULE_NOT_ACTIVE: _t("“%(name)s” is not active, so it takes nobody."),
        NoMessage.NOT_MATCHED: _t("Since “%(name)s” was activated at %(time)s, its condition has not become true of the customer."),
    }  # fmt: skip
    return texts[cause] % given
