"""The shop's sending limits in words, and blocking a customer on a channel."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t

from campaigns.channels import CHANNELS
from campaigns.labels import channel_label
from campaigns.models import Suppression
from campaigns.services import suppressions as services
from campaigns.services.gate import policy
from core.actor import of_user
from core.console.views import back, may, page
from core.formatting import month_day
from crm.models import Customer


@page("campaigns.view_sendingpolicy")
def limits(request: HttpRequest) -> HttpResponse:
    found = policy()
    context = {
        "policy": found,
        "leap_day": month_day(*map(int, found.leap_birthday.split("-"))),
        "quiet": found.quiet_from != found.quiet_until,
        "channels": [(channel_label(channel.name), channel) for channel in CHANNELS],
        # The form is in the admin, which asks for more than the permission.
        "change_url": reverse("admin:campaigns_sendingpolicy_change", args=[1])
        if may(request.user, "campaigns.change_sendingpolicy") and request.user.is_staff
        else "",
    }
    return render(request, "campaigns/sending.html", context)


@page("campaigns.add_suppression", methods=("POST",))
def suppress(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    found = services.suppress_customer(
        customer=customer, channel=request.POST.get("channel", ""), reason="manual", actor=of_user(request.user)
    )
    text = _t("Nothing is sent to %(name)s by %(channel)s any more.")
    messages.success(request, text % {"name": customer, "channel": channel_label(found.channel)})
    return redirect(f"{reverse('customer', args=[customer.number])}#panel-suppressions")


@page("campaigns.change_suppression", methods=("POST",))
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    suppression = get_object_or_404(Suppression.objects.filter(lifted_at=None), pk=pk)
    services.lift_suppression(suppression=suppression, actor=of_user(request.user))
    messages.success(request, _t("The block is lifted."))
    return back(request)
