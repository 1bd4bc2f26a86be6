"""Serve the results of a campaign: a part of its page that loads later, because it reads orders."""

from __future__ import annotations

import time

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _t

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.care.models import CareRule
from campaigns.channels.registry import CHANNELS
from campaigns.experiments.console import holdout_words
from campaigns.experiments.selectors import campaigns as selectors
from campaigns.experiments.selectors.holdouts import Comparison, compare
from core.base import clock
from core.console.views import may, page, wants_part
from core.text.formatting import number, percent

SLOW_SECONDS = 0.5
KEPT_SECONDS = 300


@page("campaigns.view_broadcast")
def of_broadcast(request: HttpRequest, pk: int) -> HttpResponse:
    broadcast = get_object_or_404(Broadcast.objects.select_related("template"), pk=pk)
    return _render(request, broadcast, broadcast.origin, reverse("broadcast", args=[pk]))


@page("campaigns.view_carerule")
def of_rule(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(CareRule.objects.select_related("template"), pk=pk)
    return _render(request, rule, f"care:{pk}", reverse("care_rule", args=[pk]))


def _render(request: HttpRequest, campaign: Broadcast | CareRule, origin: str, back_url: str) -> HttpResponse:
    figures, links, compared = _cached_results(origin, campaign)
    channel = CHANNELS.get(campaign.template.channel)
    context = {
        "campaign": campaign,
        "back_url": back_url,
        "found": figures,
        "links": links,
        "tracked": channel is not None and (channel.html or channel.local),
        "opened": _share(figures.opened, figures.delivered),
        "clicked": _share(figures.clicked, figures.delivered),
        "bought": _share(figures.customers, figures.delivered),
        "compared": compared,
        **(holdout_words.shown(compared) if compared else {"edit_url": _edit_url(request, campaign)}),
    }
    return render(
        request,
        "campaigns/reports/results.html" if wants_part(request) else "campaigns/reports/results_page.html",
        context,
    )


def _edit_url(request: HttpRequest, campaign: Broadcast | CareRule) -> str:
    """Return the page on which a holdout can still be set; "" when it is too late or the user may not."""
    if isinstance(campaign, CareRule):
        return reverse("care_edit", args=[campaign.pk]) if may(request.user, "campaigns.change_carerule") else ""
    draft = campaign.state == BroadcastState.DRAFT and may(request.user, "campaigns.change_broadcast")
    return reverse("broadcast_edit", args=[campaign.pk]) if draft else ""


def _share(count: int, of: int) -> tuple[str, str]:
    return number(count), _t("%(share)s of %(total)s") % {
        "share": percent(count / of, 1),
        "total": number(of),
    } if of else ""


def _cached_results(
    origin: str, campaign: Broadcast | CareRule
) -> tuple[selectors.CampaignResults, list[tuple[str, int]], Comparison | None]:
    """Return the results; slow ones are cached for five minutes."""
    days, goes_on = campaign.attribution_days, campaign.holdout_percent > 0
    key = f"campaigns.results:{origin}:{days}:{goes_on}"
    cached = cache.get(key)
    if cached is not None:
        return cached
    started = time.monotonic()
    compared = compare(origin, days=days, now=clock.now(), goes_on=goes_on)
    results = selectors.results_of(origin, days), selectors.links_of(origin), compared
    if time.monotonic() - started > SLOW_SECONDS:
        cache.set(key, results, KEPT_SECONDS)
    return results
