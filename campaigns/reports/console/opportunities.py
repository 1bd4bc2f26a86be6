"""Serve the buttons of an opportunity: make its segment when it is missing, and open it or a broadcast for it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from analytics.segments.services.segments import ensure_segment
from campaigns.reports.console.home import draft_url
from campaigns.reports.registry import OPPORTUNITIES
from campaigns.reports.selectors.opportunities import Drafts
from core.base.actor import of_user
from core.base.errors import Forbidden
from core.console.views import may, page, viewer


@page("campaigns.add_broadcast", methods=("POST",))
def draft(request: HttpRequest, code: str) -> HttpResponse:
    """Open the form of a broadcast by the posted channel; without a channel, open the segment."""
    opportunity = OPPORTUNITIES.get(code)
    if opportunity is None:
        raise Http404(code)
    channel = request.POST.get("channel", "")
    found = Drafts().fitting(opportunity, channel) if channel else None
    if channel and found is None:
        raise Http404(code)
    if not may(request.user, "analytics.add_segment"):
        raise Forbidden
    segment = ensure_segment(
        name=str(opportunity.label),
        rule=opportunity.rule(),
        actor=of_user(request.user),
        created_by=viewer(request),
    )
    return redirect(draft_url(opportunity, segment, found)) if found else redirect("segment", segment.pk)
