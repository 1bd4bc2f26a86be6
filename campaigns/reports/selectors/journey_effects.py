"""The effects of journeys beside their holdouts, counted by a scheduled task and kept for the lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import ExperimentEffect
from campaigns.journeys.models import Journey
from campaigns.journeys.selectors.results import effect_of_journey
from campaigns.reports.selectors.figures import CampaignEffect

# Journeys beyond this number began long ago.
MOST = 50


def count_journey_effects() -> dict[str, dict[str, Any]]:
    """Return {journey id: effect} of the newest journeys with a holdout, in a form that can be kept."""
    journeys = Journey.objects.exclude(started_at=None).select_related("version").order_by("-started_at", "-pk")[:MOST]
    effects = {}
    for journey in journeys:
        if not journey.definition.get("holdout"):
            continue
        compared = effect_of_journey(journey)
        if compared.held_out is None:
            continue
        metrics = {"ordered": ExperimentMetric.ORDERED, "revenue": ExperimentMetric.REVENUE}
        found = {name: compared.effects.get(metric) for name, metric in metrics.items()}
        effects[str(journey.pk)] = {
            **{name: asdict(effect) if effect else None for name, effect in found.items()},
            "counted": compared.entered.counted,
            "held_out": compared.held_out.counted,
            "currency": compared.currency,
        }
    return effects


def kept_effect(row: Mapping[str, Any]) -> CampaignEffect:
    """Return the effect of a journey from its kept form."""
    ordered, revenue = (ExperimentEffect(**row[name]) if row[name] else None for name in ("ordered", "revenue"))
    return CampaignEffect(ordered, revenue, row["counted"], row["held_out"], row["currency"])
