"""Serve pages that customers open from their messages. There is no sign-in: the signed link is the proof."""

from __future__ import annotations

from itertools import groupby

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.channels.labels import channel_label
from campaigns.preferences.services import preferences
from campaigns.preferences.services.unsubscribing import is_unsubscribed, read_link, unsubscribe
from core.base.errors import Invalid
from crm.customers.models import Purpose, Store


@login_not_required
@never_cache
@csrf_exempt  # Mail providers post here for their one-click button (RFC 8058); the token is the proof.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, so that a link scanner unsubscribes no customer; unsubscribe on POST."""
    store = Store.objects.filter(is_default=True).first()
    context: dict = {"shop": store.name if store else ""}
    try:
        if request.method == "POST":
            one_click = request.POST.get("List-Unsubscribe") == "One-Click"
            link = unsubscribe(token=token, source="one-click unsubscribe" if one_click else "unsubscribe link")
            context |= {"done": True, "channel": channel_label(link.channel)}
        else:
            link = read_link(token)
            context |= {"done": is_unsubscribed(link), "channel": channel_label(link.channel)}
    except Invalid as error:
        return render(
            request, "campaigns/preferences/unsubscribe.html", {**context, "error": error.message}, status=404
        )
    return render(request, "campaigns/preferences/unsubscribe.html", context)


@login_not_required
@never_cache
@csrf_exempt  # There is no session to abuse; the token is the proof.
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show preferences in the language of ?language=, else of the customer, else of the browser."""
    store = Store.objects.filter(is_default=True).first()
    try:
        customer = preferences.customer_of(token)
        saved = request.method == "POST"
        choices = (
            preferences.save_choices(token=token, wanted=set(request.POST.getlist("on")))
            if saved
            else preferences.choices_of(customer)
        )
    except Invalid:
        return render(request, "campaigns/preferences/link_invalid.html", status=404)
    supported = dict(settings.LANGUAGES)
    language = next(
        (code for code in (request.GET.get("language", ""), customer.language) if code in supported),
        translation.get_language() or settings.LANGUAGE_CODE,
    )
    purposes = dict(Purpose.choices)
    with translation.override(language):
        rows = groupby(choices, key=lambda choice: choice.channel)
        context = {
            "shop": store.name if store else "",
            "saved": saved,
            "groups": [
                (channel_label(channel), [(choice, purposes[choice.purpose]) for choice in group])
                for channel, group in rows
            ],
            "languages": [(code, label) for code, label in NATIVE.items() if code != language],
        }
        return render(request, "campaigns/preferences/preferences.html", context)


NATIVE = {"en": "English", "zh-hans": "简体中文"}
