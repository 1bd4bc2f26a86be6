"""Registrations of recommendations."""

from __future__ import annotations

from analytics.recommendations.registry import RECOMMENDERS
from analytics.recommendations.services import BestSellers

RECOMMENDERS.register("best_sellers", BestSellers())
