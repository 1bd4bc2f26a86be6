"""Registries of timeline for other subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from core.base.registry import Registry
from crm.customers.models import Customer


@dataclass(frozen=True)
class Moment:
    """Something that happened. `id` is unique within its source; `tone` is good, warn, bad or "".

    `url` is shown to viewers with the permission `needs`. Moments with the same `fold`, the name of an item of FOLDS,
    are shown as one line when nothing else lies between them.
    """

    at: datetime
    id: int
    title: str | Promise
    icon: str = "circle"
    detail: str = ""
    url: str = ""
    actor: str = ""
    amount: int | None = None
    currency: str = ""
    tone: str = ""
    source: str = ""
    fold: str = ""
    needs: str | None = None


@dataclass(frozen=True)
class Before:
    """The upper limit of a page: times below `at`; at exactly `at`, all rows (`inclusive`) or ids below `id`."""

    at: datetime
    inclusive: bool = False
    id: int | None = None


Fetch = Callable[[Customer, "Before | None", int, "TimelineFilter | None"], list[Moment]]


@dataclass(frozen=True)
class TimelineSource:
    """A source of moments. A `noisy` one has many that are folded, so a page reads more of its rows."""

    fetch: Fetch
    permission: str | None = None
    noisy: bool = False


@dataclass(frozen=True)
class EventLink:
    """The page of the object that a domain event is about. `build` returns its address, or "" without one."""

    build: Callable[[Customer, Mapping[str, Any]], str]
    permission: str | None = None


@dataclass(frozen=True)
class TimelineFilter:
    """A tab: its sources, and the domain events whose kind starts with one of `events`."""

    label: str | Promise
    sources: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


SOURCES: Registry[TimelineSource] = Registry("timeline source")
FILTERS: Registry[TimelineFilter] = Registry("timeline filter")
# By kind of domain event.
LINKS: Registry[EventLink] = Registry("link of a timeline event")
# The text of a folded line, by kind of domain event or by a name that the source chooses.
FOLDS: Registry[Callable[[int], str]] = Registry("fold of the timeline")
EVENTS = "events"


def link_events(
    *kinds: str, build: Callable[[Customer, Mapping[str, Any]], str], permission: str | None = None
) -> None:
    for kind in kinds:
        LINKS.register(kind, EventLink(build, permission))
