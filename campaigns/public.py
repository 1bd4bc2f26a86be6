"""Serve pages that customers open from their messages. There is no sign-in: the signed link is the proof."""

from __future__ import annotations

import base64
from itertools import groupby

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.labels import channel_label
from campaigns.services import preferences, tracking
from campaigns.services.unsubscribing import is_unsubscribed, read_link, unsubscribe
from core.errors import Invalid
from crm.models import Purpose, Store

log = structlog.get_logger("liuke.tracking")
DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


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
        return render(request, "campaigns/unsubscribe.html", {**context, "error": error.message}, status=404)
    return render(request, "campaigns/unsubscribe.html", context)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD"])
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """Redirect to the link of the message, and nowhere else; the first click is recorded. HEAD does not count."""
    try:
        link = tracking.read_link(token)
        if not link.url:
            raise Invalid(code="link_invalid")
    except Invalid:
        return render(request, "campaigns/link_invalid.html", status=404)
    if request.method == "GET":
        try:
            tracking.record_click(link=link)
        except DatabaseError as error:
            # The reader wants the page, even if our count fails.
            log.warning("click_not_recorded", error=str(error)[:200])
    response = HttpResponseRedirect(link.url)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD"])
def open_dot(request: HttpRequest, token: str) -> HttpResponse:
    """Return the one-pixel picture, in any case, so that no message shows a broken one."""
    if request.method == "GET":
        try:
            tracking.record_open(message_id=tracking.read_link(token).message_id)
        except (Invalid, DatabaseError) as error:
            log.info("open_not_recorded", error=str(error)[:200])
    return HttpResponse(DOT, content_type="image/gif")


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
        return render(request, "campaigns/link_invalid.html", status=404)
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
        return render(request, "campaigns/preferences.html", context)


NATIVE = {"en": "English", "zh-hans": "简体中文"}
