"""Event handlers of messages."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.features.services.features import mark_changed
from campaigns.messages.events import ADDRESS_SUPPRESSED
from core.events.bus import Event, subscribe


@subscribe(ADDRESS_SUPPRESSED, name="campaigns.mark_suppressed")
def mark_suppressed(events: Sequence[Event]) -> None:
    """Mark customers as changed, because their reachable channels are stored with their figures."""
    mark_changed(event.subject_id for event in events if event.subject_id is not None)
