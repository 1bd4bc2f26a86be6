"""Links of messages."""

from __future__ import annotations

import base64

import structlog
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from campaigns.messages.services import tracking
from core.base.errors import Invalid

log = structlog.get_logger("liuke.tracking")
DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


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
        return render(request, "campaigns/preferences/link_invalid.html", status=404)
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
