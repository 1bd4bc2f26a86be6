"""The page on which staff record a consent or a withdrawal that a customer told them."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.effects import Effect
from core.console.forms import RefusableForm
from core.console.views import page
from crm.customers.models import Channel, ConsentDecision, ConsentState, Customer, Purpose
from crm.customers.services.consents import record_consent

SOURCES = {
    "phone call": _("Phone call"),
    "store": pgettext_lazy("channel", "Store"),
    "e-mail": _("E-mail"),
    "letter": _("Letter"),
    "chat": _("Chat"),
}


class ConsentForm(RefusableForm):
    """`seen` is the decision whose effect was shown; another one is shown first."""

    channel = forms.ChoiceField(label=_("Channel"), choices=Channel.choices)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=Purpose.choices)
    decision = forms.ChoiceField(label=_("Decision"), choices=ConsentDecision.choices, widget=forms.RadioSelect)
    source = forms.ChoiceField(label=_("Where the customer said it"), choices=list(SOURCES.items()))
    evidence = forms.CharField(
        label=_("Evidence"),
        max_length=500,
        required=False,
        help_text=_("For example the number of the call, or the words of the customer."),
    )


@page("crm.add_consent", methods=("GET", "POST"))
def record(request: HttpRequest, number: str) -> HttpResponse:
    """Show the form, then the effect of the decision, then record it."""
    customer = get_object_or_404(Customer.objects.active(), number=number)
    form = ConsentForm(request.POST or None, initial={"channel": Channel.SMS, "purpose": Purpose.MARKETING})
    effects: list[Effect] = []
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        if request.POST.get("do") == "save":
            try:
                record_consent(customer=customer, actor=of_user(request.user), **values)
            except DomainError as error:
                form.refuse(error)
            else:
                messages.success(request, _t("The consent is recorded."))
                return redirect("customer", number)
        else:
            effects = effects_of(customer, values["channel"], values["purpose"], values["decision"])
    heading = _t("Record a consent")
    context = {
        "customer": customer,
        "form": form,
        "effects": effects,
        "title": heading,
        "heading": heading,
        "back_url": reverse("customer", args=[number]),
        "back_label": customer,
    }
    return render(request, "crm/profiles/consent.html", context)


def effects_of(customer: Customer, channel: str, purpose: str, decision: str) -> list[Effect]:
    """Return what a decision changes: the state of this channel and purpose, and which messages may be sent."""
    state = ConsentState.objects.filter(customer_id=customer.pk, channel=channel, purpose=purpose).first()
    granted = ConsentDecision.GRANTED.label
    now = _t("not asked") if state is None else granted if state.granted else ConsentDecision.WITHDRAWN.label
    after = ConsentDecision(decision).label
    label = f"{Channel(channel).label} · {Purpose(purpose).label}"
    text = (
        _t("Such messages may be sent on this channel from now on.")
        if decision == ConsentDecision.GRANTED
        else _t("No such messages are sent on this channel any more, not even those that are already queued.")
    )
    return [Effect(label, now, after), Effect(text)]
