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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter

from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from crm.customers.models import Customer
from crm.timeline.registry import EVENTS, FILTERS, FOLDS, SOURCES, Before, Moment

PAGE = 30
# Rows of a noisy source that one page reads at most, so that a run of them becomes one line.
WINDOW = 120
FOLD_FROM = 3

# The order of moments: time, source, id.
Place = tuple[datetime, int, int]


@dataclass(frozen=True)
class Line:
    """A line of the timeline: a moment, or several of one kind, the newest first, under one title."""

    moment: Moment
    title: str | Promise
    folded: tuple[Moment, ...] = ()

    @property
    def oldest(self) -> Moment:
        return self.folded[-1] if self.folded else self.moment


@dataclass(frozen=True)
class Timeline:
    """One page: its lines, and all its moments in their order. `next` is the cursor of the next page, or ""."""

    moments: list[Moment] = field(default_factory=list)
    next: str = ""
    lines: list[Line] = field(default_factory=list)


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
    """Return one page of about `limit` lines of what the viewer may see. `show` is the name of a filter.

    An unreadable cursor means the start. Moments of the same instant are ordered by source, then by id, so that a
    cursor names one place. The number of queries does not depend on what is folded.
    """
    chosen = FILTERS.get(show)
    names = [
        name
        for name, source in SOURCES.items()
        if allowed(source.permission)
        and (chosen is None or name in chosen.sources or (name == EVENTS and bool(chosen.events)))
    ]
    start = decode(cursor)
    candidates: list[tuple[Place, Moment]] = []
    # A source that filled its limit may have more rows below its last one, so the page ends above that row.
    floors: list[Place] = []
    for rank, name in enumerate(SOURCES.names()):
        if name in names:
            source = SOURCES[name]
            size = (max(limit, WINDOW) if source.noisy else limit) + 1
            moments = source.fetch(customer, _before(start, rank), size, chosen)
            placed = [((moment.at, -rank, moment.id), replace(moment, source=name)) for moment in moments]
            candidates += placed
            if len(placed) == size:
                floors.append(placed[-1][0])
    candidates.sort(key=itemgetter(0), reverse=True)
    certain = [_linked(moment, allowed) for place, moment in candidates if not floors or place > max(floors)]
    lines, used = fold(certain, limit)
    shown = certain[:used]
    return Timeline(shown, encode(shown[-1]) if used < len(candidates) else "", lines)


def _linked(moment: Moment, allowed: Callable[[str | None], bool]) -> Moment:
    return moment if not moment.url or allowed(moment.needs) else replace(moment, url="")


def fold(moments: Sequence[Moment], limit: int) -> tuple[list[Line], int]:
    """Return at least `limit` lines, if there are so many, and the number of moments that they show.

    A run of moments that may be folded is never divided: it becomes one line for each kind with at least FOLD_FROM
    moments, at the place of the newest.
    """
    lines: list[Line] = []
    place = 0
    while place < len(moments) and len(lines) < limit:
        end = place
        while end < len(moments) and moments[end].fold:
            end += 1
        if end == place:
            lines.append(Line(moments[place], moments[place].title))
            place += 1
        else:
            lines += _folded(moments[place:end])
            place = end
    return lines, place


def _folded(run: Sequence[Moment]) -> Iterator[Line]:
    groups: dict[str, list[Moment]] = {}
    for moment in run:
        groups.setdefault(moment.fold, []).append(moment)
    for moment in run:
        group = groups[moment.fold]
        if len(group) < FOLD_FROM:
            yield Line(moment, moment.title)
        elif moment is group[0]:
            yield Line(moment, FOLDS[moment.fold](len(group)), tuple(group))


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
