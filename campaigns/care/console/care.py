"""Serve care rule pages: list, details with audience and message counts, editing and switching."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.care import labels as care_labels
from campaigns.care.console.form import CareForm
from campaigns.care.console.listing import CARE_RULES
from campaigns.care.models import CareRule, CareState
from campaigns.care.services import care as services
from campaigns.experiments.selectors import figures as selectors
from campaigns.messages import labels as words
from campaigns.messages.labels import reason_label
from campaigns.messages.selectors import messages as queries
from campaigns.messages.services import gate as messages_gate
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console import editing
from core.console.switching import switch
from core.console.views import may, page, wants_part
from core.lists.showing import respond
from core.text.formatting import number

LAST_MESSAGES = 10


EDITOR = editing.Editor(
    new="care_new",
    edit="care_edit",
    index="care",
    index_label=_("Care rules"),
    new_heading=_("New care rule"),
    edit_heading=_("Edit care rule"),
    page="care_rule",
)


def _rule(pk: int) -> CareRule:
    return get_object_or_404(CareRule.objects.select_related("template", "segment", "coupon"), pk=pk)


@page("campaigns.view_carerule")
def index(request: HttpRequest) -> HttpResponse:
    return respond(CARE_RULES, request)


@page("campaigns.view_carerule")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "campaigns/care/care_rule.html", _details(request, _rule(pk)))


def _details(request: HttpRequest, rule: CareRule) -> dict[str, Any]:
    figures = selectors.figures_of(f"care:{rule.pk}", rule.coupon_id)
    listed = f"{reverse('messages')}?campaign=care:{rule.pk}&days=all"
    return {
        "rule": rule,
        "trigger": care_labels.trigger_words(rule),
        "state_label": care_labels.RULE_STATES[rule.state],
        "figures": figures,
        **words.outcome_rows(figures.states, figures.reasons, listed),
        "listed": listed,
        "recent": [
            (message, words.badge(message)) for message in queries.messages_of(f"care:{rule.pk}", LAST_MESSAGES)
        ],
        "active": rule.state == CareState.ACTIVE,
        "may_change": may(request.user, "campaigns.change_carerule"),
        "pause_text": _pause_text(rule) if rule.state == CareState.ACTIVE else "",
    }


def _pause_text(rule: CareRule) -> str:
    waiting = queries.waiting_of(f"care:{rule.pk}")
    text = ngettext(
        "%(count)s waiting message will not be sent, and “%(name)s” takes no new customers.",
        "%(count)s waiting messages will not be sent, and “%(name)s” takes no new customers.",
        waiting,
    )
    return text % {"count": number(waiting), "name": rule.name}


@page("campaigns.view_carerule")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the audience by the gate that sends: as a part of the rule's page, or as the whole page."""
    rule = _rule(pk)
    context: dict[str, Any] = {"rule": rule, "active": rule.state == CareState.ACTIVE}
    try:
        counts = services.preview_audience(rule)
    except DomainError as error:
        context["refusal"] = str(error.message)
    else:
        reasons = sorted(((r, c) for r, c in counts.reasons.items() if r != "quiet_hours"), key=lambda item: -item[1])
        context |= {
            "preview": counts,
            "kept_back": [(reason_label(reason), count) for reason, count in reasons],
            "activate_text": _activate_text(rule, counts),
        }
    context["may_change"] = may(request.user, "campaigns.change_carerule")
    if wants_part(request):
        return render(request, "campaigns/care/care_preview.html", context)
    return render(
        request, "campaigns/care/care_rule.html", {**_details(request, rule), **context, "with_preview": True}
    )


def _activate_text(rule: CareRule, counts: messages_gate.AudiencePreview) -> str:
    figures = {
        "name": rule.name,
        "sent": number(counts.sent + counts.held),
        "not_sent": number(counts.suppressed),
    }
    if counts.basis == "now":
        return _t("“%(name)s” starts now: %(sent)s customers would get the message, %(not_sent)s would not.") % figures
    if counts.basis == "next":
        return (
            _t(
                "“%(name)s” starts now. On its next day %(sent)s customers would get the message, "
                "%(not_sent)s would not."
            )
            % figures
        )
    return (
        _t(
            "“%(name)s” starts now and only applies to future events. In the last 30 days %(sent)s customers "
            "would have got the message, %(not_sent)s would not."
        )
        % figures
    )


@page("campaigns.add_carerule", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("campaigns.change_carerule", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _rule(pk))


def _form(request: HttpRequest, rule: CareRule | None) -> HttpResponse:
    """Show or save the form. Another trigger needs other fields: `do=look` renders the form again and saves nothing."""
    action = EDITOR.action(rule)
    if editing.is_submitted(request):
        form = CareForm(request.POST, rule=rule, action=action)
        if response := EDITOR.save(request, form, lambda: _save(request, rule, form.values())):
            return response
    else:
        form = CareForm(rule=rule, action=action, typed=editing.typed_values(request) or request.GET.dict())
    template = "campaigns/care/care_fields.html" if wants_part(request) else "campaigns/care/care_edit.html"
    return render(request, template, {"rule": rule, "form": form, **EDITOR.values(rule)})


def _save(request: HttpRequest, rule: CareRule | None, values: dict[str, Any]) -> CareRule:
    actor = of_user(request.user)
    if rule is None:
        return services.create_care_rule(actor=actor, **values)
    return services.update_care_rule(rule=rule, actor=actor, **values)


@page("campaigns.change_carerule", methods=("POST",))
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    return switch(request, services.activate_care_rule, _t("“%(name)s” is active."), route="care_rule", rule=_rule(pk))


@page("campaigns.change_carerule", methods=("POST",))
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    return switch(request, services.pause_care_rule, _t("“%(name)s” is paused."), route="care_rule", rule=_rule(pk))
