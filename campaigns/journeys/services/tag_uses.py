"""Journeys that give or take away a tag. They know tags by name, so that a tag they use keeps its name."""

from __future__ import annotations

from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.rules import StepValues, walk
from crm.customers.models import Tag


def journeys_with(tag: Tag) -> list[str]:
    """Return the names of the journeys that are not stopped and whose draft or published version names the tag."""
    journeys = Journey.objects.exclude(state=JourneyState.STOPPED).select_related("version").order_by("name")
    return [journey.name for journey in journeys if _names(journey, tag.name)]


def _names(journey: Journey, name: str) -> bool:
    definitions = [journey.draft, *([journey.version.definition] if journey.version else [])]
    for definition in definitions:
        for step, _depth in walk(definition.get("steps", [])):
            values: StepValues = step
            if step["kind"] == "tag" and " ".join(str(values.get("tag", "")).split()) == name:
                return True
    return False
