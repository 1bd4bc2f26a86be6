"""Add the results and the comparison to the lists of campaigns: the same in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from campaigns.reports.console.cells import HEADS, cells_of
from campaigns.reports.selectors.campaigns import Campaign, campaign_of
from campaigns.reports.selectors.coupons import CouponFigures, coupon_figures
from campaigns.reports.selectors.figures import MessageFigures, figures_of
from campaigns.reports.selectors.journey_effects import count_journey_effects, kept_effect
from core.console import kept
from core.console.list_columns import COLUMNS, AddedColumns
from core.lists.declaration import ADDED_ACTIONS, BulkAction
from crm.customers.selectors import shop_currency

EFFECTS = "campaigns.journey_effects"
kept.FIGURES.register(EFFECTS, count_journey_effects)


def results_of(campaigns: Sequence[Campaign]) -> dict[str, MessageFigures | CouponFigures]:
    """Return the figures of campaigns of any kind by origin: a coupon counts the messages and orders of its codes."""
    coupons = [campaign for campaign in campaigns if campaign.is_coupon]
    result: dict[str, MessageFigures | CouponFigures] = dict(
        figures_of([campaign for campaign in campaigns if not campaign.is_coupon])
    )
    if coupons:
        counted = coupon_figures([campaign.pk for campaign in coupons])
        result |= {campaign.origin: counted[campaign.pk] for campaign in coupons}
    return result


def _columns(request: HttpRequest, rows: Sequence[Any]) -> AddedColumns:
    campaigns = [campaign_of(row) for row in rows]
    figures, currency = results_of(campaigns), shop_currency()
    _add_effects_of_journeys(request, campaigns, figures)
    cells = {campaign.pk: cells_of(campaign, figures[campaign.origin], currency) for campaign in campaigns}
    return AddedColumns(HEADS, cells)


def _add_effects_of_journeys(
    request: HttpRequest, campaigns: Sequence[Campaign], figures: Mapping[str, MessageFigures | CouponFigures]
) -> None:
    """Add the kept effects: journeys hold customers out at the entry, so their messages do not tell."""
    if not any(campaign.origin.startswith("journey:") for campaign in campaigns):
        return
    effects = kept.of(request).get(EFFECTS) or {}
    for campaign in campaigns:
        own, row = figures[campaign.origin], effects.get(str(campaign.pk))
        if row is not None and campaign.origin.startswith("journey:") and isinstance(own, MessageFigures):
            own.effect = kept_effect(row)


def _compare(prefix: str) -> Callable[[HttpRequest, QuerySet[Any]], HttpResponse]:
    def perform(_request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
        origins = [("of", f"{prefix}:{pk}") for pk in rows.order_by("pk").values_list("pk", flat=True)]
        return redirect(f"{reverse('campaign_compare')}?{urlencode(origins)}")

    return perform


for _list, _prefix in (("broadcasts", "broadcast"), ("care", "care"), ("journeys", "journey"), ("coupons", "coupon")):
    COLUMNS.register(_list, _columns)
    ADDED_ACTIONS.register(
        _list,
        [
            BulkAction(
                "compare", _("Compare"), "chart-bar", perform=_compare(_prefix), permission="campaigns.view_broadcast"
            )
        ],
    )
