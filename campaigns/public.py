"""The page behind a message's unsubscribe link. No sign-in: the signed link is the proof."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.labels import channel_label
from campaigns.services.unsubscribing import is_unsubscribed, read_link, unsubscribe
from core.errors import Invalid
from crm.models import Store


@login_not_required
@never_cache
@csrf_exempt  # Mail providers post here for their one-click button (RFC 8058); the token is what counts.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, so that a scanner that follows links unsubscribes nobody; POST does it."""
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
