"""Compare the effects that the demo shop plants with the intervals that the product shows for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.broadcasts.models import Broadcast
from campaigns.experiments.models import Experiment, ExperimentMetric
from campaigns.experiments.rules import ExperimentEffect, GroupOutcome
from campaigns.experiments.selectors.holdouts import compare
from campaigns.experiments.selectors.results import results_of
from campaigns.journeys.models import Journey
from campaigns.journeys.selectors.results import effect_of_journey

ORDERED = ExperimentMetric.ORDERED


@dataclass(frozen=True)
class PlantedInterval:
    """Hold the true difference of the share that ordered, and the interval that the product shows."""

    name: str
    truth: float
    low: float
    high: float

    @property
    def covers(self) -> bool:
        return self.low <= self.truth <= self.high


def planted_intervals(truth: dict[str, Any]) -> list[PlantedInterval]:
    """Return all effects of the demo shop that have an interval; `truth` is the content of truth.json.

    A planted rate is the share of delivered messages that cause an order. A customer who would have ordered anyway
    changes nothing, and one without a delivered message neither, so the true difference of the groups is smaller.
    """
    return [*_experiments(truth), *_broadcasts(truth), *_journeys(truth)]


def _experiments(truth: dict[str, Any]) -> Iterator[PlantedInterval]:
    for planted in truth["experiments"].values():
        experiment = Experiment.objects.get(name=planted["name"])
        control, variant = results_of(experiment).arms
        base = control.outcomes[ORDERED]
        rates = [
            planted[arm] * _delivered("exposure", experiment.pk, found.arm.template_id) / found.outcomes[ORDERED].count
            for arm, found in (("control", control), ("variant", variant))
        ]
        yield from _interval(planted["name"], (rates[1] - rates[0]) * (1 - _share(base)), variant.effects[ORDERED])


def _broadcasts(truth: dict[str, Any]) -> Iterator[PlantedInterval]:
    plain = [name for name in truth["campaigns"] if name.startswith("broadcast ")]
    for name in plain:
        planted = truth["campaigns"][name]
        arms = truth["experiments"].get(name.removeprefix("broadcast "))
        rate = (arms["control"] + arms["variant"]) / 2 if arms else planted["orders"]
        broadcast = Broadcast.objects.get(pk=planted["origin"].partition(":")[2])
        compared = compare(broadcast.origin, days=7, now=timezone.now(), goes_on=False)
        if compared is None:
            continue
        caused = rate * _delivered("origin", broadcast.origin) / compared.assigned.counted
        yield from _interval(
            name, caused * (1 - _share(compared.held_out.outcomes[ORDERED])), compared.effects[ORDERED]
        )


def _journeys(truth: dict[str, Any]) -> Iterator[PlantedInterval]:
    for name, planted in truth["campaigns"].items():
        if not name.startswith("journey "):
            continue
        journey = Journey.objects.get(pk=planted["origin"].partition(":")[2])
        found = effect_of_journey(journey)
        if found.held_out is None or not found.entered.counted:
            continue
        # Messages of customers whose window is still open are not counted.
        counted = found.entered.counted / (found.entered.counted + found.entered.waiting)
        caused = planted["orders"] * _delivered("origin", f"journey:{journey.pk}") * counted / found.entered.counted
        yield from _interval(name, caused * (1 - _share(found.held_out.outcomes[ORDERED])), found.effects[ORDERED])


def _interval(name: str, truth: float, effect: ExperimentEffect | None) -> Iterator[PlantedInterval]:
    if effect is not None and effect.low is not None and effect.high is not None:
        yield PlantedInterval(name, truth, effect.low, effect.high)


def _share(outcome: GroupOutcome) -> float:
    return outcome.total / outcome.count if outcome.count else 0.0


def _delivered(by: str, *values: object) -> int:
    """Return the number of delivered messages of an origin, or of an experiment's arm by its template."""
    where = {
        "origin": "m.origin = %s",
        "exposure": "m.customer_id IN (SELECT customer_id FROM campaigns_exposure WHERE experiment_id = %s)"
        " AND m.template_id = %s",
    }[by]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM campaigns_message m WHERE m.state = 'sent' AND {where}", values)
        return cursor.fetchone()[0]
