"""The list of journeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.journeys import labels
from campaigns.journeys.console import words
from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.selectors import runs as selectors
from campaigns.journeys.services import journeys as services
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register
from core.text.formatting import number, percent

TABS = (JourneyState.RUNNING, JourneyState.DRAFT, JourneyState.PAUSED, JourneyState.STOPPED)


@dataclass(frozen=True)
class JourneyRow:
    item: Journey
    entry: str
    entered: int
    under_way: int
    goal: int

    @property
    def goal_share(self) -> str:
        return percent(self.goal / self.entered, 1) if self.goal and self.entered else ""


def _rows(_request: HttpRequest, journeys: Sequence[Journey]) -> list[JourneyRow]:
    counts = selectors.under_way(journeys)
    shown = [journey.version.definition if journey.version else journey.draft for journey in journeys]
    names = words.segment_names(shown)
    return [
        JourneyRow(journey, words.entry_words(definition, names), *counts[journey.pk])
        for journey, definition in zip(journeys, shown, strict=True)
    ]


def _version(row: JourneyRow) -> str:
    return str(row.item.version.number) if row.item.version else ""


JOURNEYS = register(
    ObjectList(
        name="journeys",
        title=_("Journeys"),
        route="journeys",
        model=Journey,
        permission="campaigns.view_journey",
        change="campaigns.change_journey",
        add="campaigns.add_journey",
        select=lambda _request: Journey.objects.select_related("version", "owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda journey: reverse("journey", args=[journey.pk]),
        edit=lambda journey: reverse("journey_edit", args=[journey.pk]),
        order=("name", "id"),
        columns=[
            Column("name", _("Journey"), lambda row: Cell(row.item.name, row.entry), sort="name"),
            Column(
                "state",
                _("State"),
                lambda row: Cell(labels.STATES[row.item.state], badge=TONE_OF.get(row.item.state, "off")),
                on_cards=False,
            ),
            Column(
                "version", _("Version"), _version, sort=Coalesce("version__number", Value(0)), number=True, shown=False
            ),
            Column("entered", _("Entries"), lambda row: number(row.entered), lambda row: row.entered, number=True),
            Column(
                "under_way",
                pgettext_lazy("run", "In progress"),
                lambda row: number(row.under_way),
                lambda row: row.under_way,
                number=True,
            ),
            Column(
                "goal",
                _("Reached the goal"),
                lambda row: Cell(number(row.goal), row.goal_share),
                lambda row: row.goal,
                number=True,
            ),
            owner_column(),
            Column("changed", _("Changed"), lambda row: Cell(at=row.item.updated_at), sort="updated_at", shown=False),
            created_column(),
        ],
        states=[
            State("", _("All")),
            *(State(state, labels.STATES[state], lambda state=state: Q(state=state)) for state in TABS),
        ],
        search=("name",),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda journey, actor: services.duplicate_journey(journey=journey, actor=actor),
        top_actions=[TopAction(_("New journey"), "plus", lambda: reverse("journey_new"), "campaigns.add_journey")],
        added="journeys",
        added_before="owner",
        empty=Empty(
            "route",
            _("No journeys yet"),
            _(
                "A journey leads each customer through steps: waits, messages, points, branches. You can start with a "
                "ready-made one."
            ),
            _("Marketers make them."),
        ),
    )
)
