"""One customer's timeline: everything that happened, from every source, newest first, paged by cursor.

An app adds a source of its own rows, and a filter that selects sources and kinds of domain events:

    timeline.SOURCES.register("messages", TimelineSource(messages_of, permission="campaigns.view_message"))
    timeline.FILTERS.register("messages", TimelineFilter(_("Messages"), sources=("messages",), events=("campaigns.",)))

A source is a callable(customer, before, limit, filter) that returns at most `limit` moments, newest first. `older`
applies `before` to a queryset. `filter` is the chosen filter or None; only sources that several filters share need it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from crm.customers.models import Customer
from crm.timeline.registry import EVENTS, FILTERS, SOURCES, Before, Moment

PAGE = 30


@dataclass(frozen=True)
class Timeline:
    moments: list[Moment] = field(default_factory=list)
    next: str = ""


def older(queryset: QuerySet, before: Before | None, at: str, pk: str = "id") -> QuerySet:
    """Return the rows older than `before`, newest first."""
    if before is not None:
        if before.id is not None:
            queryset = queryset.filter(Q(**{f"{at}__lt": before.at}) | Q(**{at: before.at, f"{pk}__lt": before.id}))
        else:
            queryset = queryset.filter(**{f"{at}__lte" if before.inclusive else f"{at}__lt": before.at})
    return queryset.order_by(f"-{at}", f"-{pk}")


def timeline(
    customer: Customer, *, show: str = "", cursor: str = "", allowed: Callable[[str | None], bool], limit: int = PAGE
) -> Timeline:
    """Return one page of the moments that the viewer may see. `show` is the name of a filter.

    An unreadable cursor means the start. Moments of the same instant are ordered by source, then by id, so that a
    cursor names one place.
    """
    chosen = FILTERS.get(show)
    names = [
        name
        for name, source in SOURCES.items()
        if allowed(source.permission)
        and (chosen is None or name in chosen.sources or (name == EVENTS and bool(chosen.events)))
    ]
    start = decode(cursor)
    candidates: list[tuple[int, Moment]] = []
    for rank, name in enumerate(SOURCES.names()):
        if name in names:
            moments = SOURCES[name].fetch(customer, _before(start, rank), limit + 1, chosen)
            candidates += [(rank, replace(moment, source=name)) for moment in moments]
    candidates.sort(key=lambda item: (item[1].at, -item[0], item[1].id), reverse=True)
    shown = [moment for _rank, moment in candidates[:limit]]
    return Timeline(shown, encode(shown[-1]) if len(candidates) > limit else "")


def _before(start: tuple[datetime, str, int] | None, rank: int) -> Before | None:
    if start is None:
        return None
    at, name, pk = start
    names = SOURCES.names()
    last = names.index(name) if name in names else -1
    return Before(at, inclusive=rank > last, id=pk if rank == last else None)


def encode(moment: Moment) -> str:
    text = json.dumps([moment.at.isoformat(), moment.source, moment.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[datetime, str, int] | None:
    try:
        at, name, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        return (moment, str(name), int(pk)) if moment.tzinfo else None
    except (ValueError, TypeError, binascii.Error):
        return None
