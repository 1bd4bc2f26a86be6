"""The list of broadcasts."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts import labels
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services import broadcasts as services
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register
from core.text.formatting import number

TABS = (
    BroadcastState.DRAFT, BroadcastState.SCHEDULED, BroadcastState.SENDING, BroadcastState.PAUSED,
    BroadcastState.DONE, BroadcastState.STOPPED,
)  # fmt: skip


def badge(broadcast: Broadcast) -> tuple[str, str]:
    """Return the label and the tone of the broadcast's state."""
    tone = labels.BROADCAST_TONES.get(broadcast.state, "")
    return str(labels.BROADCAST_STATES[broadcast.state]), tone


def _audience(broadcast: Broadcast) -> int | None:
    return broadcast.audience_count if broadcast.prepared_at else None


def _edit(broadcast: Broadcast) -> str:
    return reverse("broadcast_edit", args=[broadcast.pk]) if broadcast.state == BroadcastState.DRAFT else ""


BROADCASTS = register(
    ObjectList(
        name="broadcasts",
        title=_("Broadcasts"),
        route="broadcasts",
        model=Broadcast,
        permission="campaigns.view_broadcast",
        change="campaigns.change_broadcast",
        add="campaigns.add_broadcast",
        select=lambda _request: Broadcast.objects.select_related("segment", "template", "owner"),
        opens=lambda broadcast: reverse("broadcast", args=[broadcast.pk]),
        edit=_edit,
        columns=[
            Column("name", _("Broadcast"), lambda row: Cell(row.name, labels.schedule_words(row)), sort="name"),
            Column("segment", _("Segment"), lambda row: row.segment.name, sort="segment__name", on_cards=False),
            Column(
                "state",
                _("State"),
                lambda row: Cell(badge(row)[0], badge=badge(row)[1] or TONE_OF.get(row.state, "off")),
                on_cards=False,
            ),
            Column(
                "audience",
                _("Audience"),
                lambda row: number(_audience(row)),
                value=_audience,
                sort="audience_count",
                number=True,
            ),
            owner_column(),
            Column("template", _("Template"), lambda row: row.template.name, sort="template__name", shown=False),
            created_column(),
        ],
        states=[
            State("", _("All")),
            *(State(state, labels.BROADCAST_STATES[state], lambda state=state: Q(state=state)) for state in TABS),
        ],
        search=("name", "segment__name", "template__name"),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda broadcast, actor: services.duplicate_broadcast(broadcast=broadcast, actor=actor),
        top_actions=[
            TopAction(_("New broadcast"), "plus", lambda: reverse("broadcast_new"), "campaigns.add_broadcast")
        ],
        added="broadcasts",
        added_before="owner",
        empty=Empty(
            "speakerphone",
            _("No broadcasts yet"),
            _("Send a message to a segment once: now, or at a time of your choice."),
            _("Marketers make them."),
        ),
    )
)
