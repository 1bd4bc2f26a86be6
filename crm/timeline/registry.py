"""Registries of timeline for other subjects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise

from core.base.registry import Registry
from crm.customers.models import Customer


@dataclass(frozen=True)
class Moment:
    """Something that happened. `id` is unique within its source; `tone` is good, warn, bad or ""."""

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


@dataclass(frozen=True)
class Before:
    """The upper limit of a page: times below `at`; at exactly `at`, all rows (`inclusive`) or ids below `id`."""

    at: datetime
    inclusive: bool = False
    id: int | None = None


Fetch = Callable[[Customer, "Before | None", int, "TimelineFilter | None"], list[Moment]]


@dataclass(frozen=True)
class TimelineSource:
    fetch: Fetch
    permission: str | None = None


@dataclass(frozen=True)
class TimelineFilter:
    """A tab: its sources, and the domain events whose kind starts with one of `events`."""

    label: str | Promise
    sources: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


SOURCES: Registry[TimelineSource] = Registry("timeline source")
FILTERS: Registry[TimelineFilter] = Registry("timeline filter")
EVENTS = "events"
