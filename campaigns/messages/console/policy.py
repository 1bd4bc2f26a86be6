"""Serve the shop's sending limits, as text and as a form, and block customers on a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import SendingPolicy, Suppression
from campaigns.messages.services import policy as sending
from campaigns.messages.services import suppressions
from campaigns.messages.services.gate import policy
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import RefusableForm
from core.console.views import back, may, page
from core.text.formatting import month_day
from crm.customers.models import Customer
from crm.customers.registry import tab_address

FIELDS = (
    "cap_per_day", "cap_per_week", "quiet_from", "quiet_until", "spread_minutes", "stale_hours", "leap_birthday",
    "track_messages", "marketing_per_day", "marketing_per_week", "surveys_per_day", "surveys_per_week",
)  # fmt: skip


class SendingPolicyForm(RefusableForm):
    cap_per_day = forms.IntegerField(
        label=_("Messages a day"), required=False, min_value=0, help_text=_("Empty or 0: no limit.")
    )
    cap_per_week = forms.IntegerField(
        label=_("Messages a week"), required=False, min_value=0, help_text=_("Empty or 0: no limit.")
    )
    marketing_per_day = forms.IntegerField(label=_("Marketing a day"), required=False, min_value=0)
    marketing_per_week = forms.IntegerField(label=_("Marketing a week"), required=False, min_value=0)
    surveys_per_day = forms.IntegerField(label=_("Surveys a day"), required=False, min_value=0)
    surveys_per_week = forms.IntegerField(label=_("Surveys a week"), required=False, min_value=0)
    quiet_from = forms.TimeField(label=_("Quiet from"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Enter the same time twice to turn quiet hours off."),
    )
    spread_minutes = forms.IntegerField(
        label=_("Spread over (minutes)"),
        min_value=0,
        help_text=_("Held messages are sent over this period, not all at once."),
    )
    stale_hours = forms.IntegerField(
        label=_("Dropped after (hours)"), min_value=0, help_text=_("0: held messages are never dropped.")
    )
    leap_birthday = forms.ChoiceField(label=_("In years without 29 February, birthday on"))
    track_messages = forms.BooleanField(
        label=_("Record opens and clicks of marketing e-mail"),
        required=False,
        help_text=_("Links then pass through this shop. Messages about orders are never tracked."),
    )

    def __init__(self, data: Any = None, *, found: SendingPolicy) -> None:
        super().__init__(data, initial={name: getattr(found, name) for name in FIELDS})
        choices = [(code, _day(code)) for code, _label in SendingPolicy._meta.get_field("leap_birthday").flatchoices]
        self.fields["leap_birthday"].choices = choices  # type: ignore[attr-defined]


def _day(code: str) -> str:
    """Format a day: 02-28 becomes February 28 or 2月28日."""
    month, day = code.split("-")
    return month_day(int(month), int(day))


@dataclass(frozen=True)
class KindLimit:
    """Hold how many messages of a kind a customer gets a day and a week; None: no limit."""

    label: str
    day: int | None
    week: int | None


@page("campaigns.view_sendingpolicy")
def limits(request: HttpRequest) -> HttpResponse:
    row = policy()
    context = {
        "policy": row,
        "kinds": [
            KindLimit(_t("Marketing"), row.marketing_per_day, row.marketing_per_week),
            KindLimit(_t("Surveys"), row.surveys_per_day, row.surveys_per_week),
        ],
        "leap_day": _day(row.leap_birthday),
        "quiet": row.quiet_from != row.quiet_until,
        "channels": [(channel_label(channel.name), channel) for channel in CHANNELS],
        "may_change": may(request.user, "campaigns.change_sendingpolicy"),
    }
    return render(request, "campaigns/messages/sending.html", context)


@page("campaigns.change_sendingpolicy", methods=("GET", "POST"))
def edit(request: HttpRequest) -> HttpResponse:
    form = SendingPolicyForm(request.POST or None, found=policy())
    if request.method == "POST" and form.is_valid():
        try:
            sending.set_sending_policy(**form.cleaned_data, actor=of_user(request.user))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("The sending limits are saved."))
            return redirect("sending")
    heading = _t("Edit sending limits")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "back_url": reverse("sending"),
        "back_label": _t("Sending limits"),
    }
    return render(request, "campaigns/messages/sending_edit.html", context)


@page("campaigns.add_suppression", methods=("POST",))
def suppress(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    suppression = suppressions.suppress_customer(
        customer=customer, channel=request.POST.get("channel", ""), reason="manual", actor=of_user(request.user)
    )
    text = _t("%(name)s gets no more messages by %(channel)s.")
    messages.success(request, text % {"name": customer, "channel": channel_label(suppression.channel)})
    return redirect(tab_address(customer, "messages", "suppressions"))


@page("campaigns.change_suppression", methods=("POST",))
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    suppression = get_object_or_404(Suppression.objects.filter(lifted_at=None), pk=pk)
    suppressions.lift_suppression(
        suppression=suppression, reason=request.POST.get("reason", "").replace("\x00", ""), actor=of_user(request.user)
    )
    messages.success(request, _t("The block is removed."))
    return back(request)
