"""Add the results to the lists of campaigns: the same columns in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from analytics.features.selectors import shop_currency
from campaigns.reports.console.cells import HEADS, cells_of
from campaigns.reports.selectors.campaigns import Campaign, campaign_of
from campaigns.reports.selectors.coupons import CouponFigures, coupon_figures
from campaigns.reports.selectors.figures import MessageFigures, figures_of
from core.console.list_columns import COLUMNS, AddedColumns


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


def _columns(_request: HttpRequest, rows: Sequence[Any]) -> AddedColumns:
    campaigns = [campaign_of(row) for row in rows]
    figures, currency = results_of(campaigns), shop_currency()
    cells = {campaign.pk: cells_of(campaign, figures[campaign.origin], currency) for campaign in campaigns}
    return AddedColumns(HEADS, cells)


for _list in ("broadcasts", "care", "journeys", "coupons"):
    COLUMNS.register(_list, _columns)
