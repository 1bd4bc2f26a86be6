"""Domain events: declared, emitted inside the transaction of the change, handled after its commit.

    ORDER_PAID = declare("crm.order_paid", _("Order paid"))
    emit(ORDER_PAID, subject_id=customer.pk, payload={"order": order.pk}, actor=actor)

    @subscribe(ORDER_PAID, name="loyalty.award_points")
    def award(events: Sequence[Event]) -> None: ...

A handler gets a list, works inside one transaction and must be idempotent (unique keys). Rows of pending deliveries are
written with the event and removed with the handler's work, so a crash at any moment loses nothing.

A handler that rarely has work declares it with `wanted`: an event that it does not want then costs nothing to emit.

A handler also declares how far its work goes (`effect`): figures and standing, points, or the outside (messages,
journeys, webhooks). Events that are emitted within `limited(Effect.FIGURES)` are not queued for handlers that go
further. The same limit holds for the events that those handlers emit: imported history must not act on today.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from django.db import connection, transaction
from django.utils.functional import Promise

from core.base import actor as actors
from core.base.actor import SYSTEM, Actor
from core.base.registry import Registry
from core.db.locks import require_transaction
from core.events.relays import LONG_HANDLERS, gatherer


class Effect(IntEnum):
    """The reach of a handler's work, and the limit on the consequences of an event."""

    FIGURES = 1
    POINTS = 2
    OUTSIDE = 3


_allowed: ContextVar[Effect] = ContextVar("effect", default=Effect.OUTSIDE)


@contextmanager
def limited(effect: Effect) -> Iterator[None]:
    """Limit the effect of events that are emitted here. A nested limit can only narrow the outer one."""
    token = _allowed.set(min(effect, _allowed.get()))
    try:
        yield
    finally:
        _allowed.reset(token)


def allowed() -> Effect:
    """Return the effect limit for an event that is emitted now."""
    return _allowed.get()


@dataclass(frozen=True)
class EventType:
    """A declared type. The timeline shows `icon` and `label`; `describe` turns a payload into one plain sentence."""

    kind: str
    label: str | Promise
    icon: str = "circle"
    describe: Callable[[Mapping[str, Any]], str] | None = None
    on_timeline: bool = True

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True)
class Event:
    """One event as a handler sees it."""

    id: int
    kind: str
    subject_id: int | None
    payload: dict[str, Any]
    occurred_at: datetime
    effect: Effect = Effect.OUTSIDE


@dataclass(frozen=True)
class Emission:
    """One event to be emitted by `emit_many`."""

    type: EventType
    subject_id: int | None
    payload: dict[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None


Handler = Callable[[Sequence[Event]], None]
TYPES: Registry[EventType] = Registry("event type")
HANDLERS: Registry[Handler] = Registry("event handler")
_handlers_of: dict[str, list[str]] = defaultdict(list)
_wanted_by: dict[str, Callable[[str], bool]] = {}
_effect_of: dict[str, Effect] = {}


def declare(
    kind: str,
    label: str | Promise,
    *,
    icon: str = "circle",
    describe: Callable[[Mapping[str, Any]], str] | None = None,
    on_timeline: bool = True,
) -> EventType:
    return TYPES.register(kind, EventType(kind, label, icon, describe, on_timeline))


def subscribe(
    *types: EventType,
    name: str,
    effect: Effect = Effect.FIGURES,
    wanted: Callable[[str], bool] | None = None,
    long: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler under a stable name. The name is stored, so renaming it strands the pending deliveries.

    `wanted` is called with the kind whenever such an event is emitted, also during a redemption: it must answer from
    memory, and may be some seconds behind. An event that it refuses is never queued for the handler. `long`: one event
    may take minutes, so it goes to the worker for long work and no other event waits behind it. `effect`: the reach of
    the handler's work; an event with a lower limit is never queued for it.
    """

    def decorate(handler: Handler) -> Handler:
        HANDLERS.register(name, handler)
        _effect_of[name] = effect
        if long:
            LONG_HANDLERS.add(name)
        if wanted is not None:
            _wanted_by[name] = wanted
        for event_type in types:
            hear(event_type, name)
        return handler

    return decorate


def hear(event_type: EventType, name: str) -> None:
    """Subscribe a handler to one more type (idempotent). For handlers whose types other apps register."""
    if name not in _handlers_of[event_type.kind]:
        _handlers_of[event_type.kind].append(name)


def handler_names(kind: str) -> list[str]:
    """Return the handlers for which an event of this kind would be queued now."""
    return _names(kind, _allowed.get())


def _names(kind: str, effect: Effect) -> list[str]:
    names = _handlers_of.get(kind, [])
    if effect < Effect.OUTSIDE:
        names = [name for name in names if _effect_of[name] <= effect]
    if _wanted_by.keys().isdisjoint(names):
        return names
    return [name for name in names if name not in _wanted_by or _wanted_by[name](kind)]


def emit(
    event_type: EventType,
    *,
    subject_id: int | None,
    payload: dict[str, Any] | None = None,
    actor: Actor = SYSTEM,
    occurred_at: datetime | None = None,
) -> None:
    """Write one event and its pending deliveries in one round trip."""
    emit_many([Emission(event_type, subject_id, payload or {}, occurred_at)], actor=actor)


def emit_many(emissions: Iterable[Emission], *, actor: Actor = SYSTEM) -> int:
    """Write many events in one statement. Return their number."""
    require_transaction()
    rows = list(emissions)
    if not rows:
        return 0
    _insert(
        """SELECT kind, subject_id, payload::jsonb, occurred_at
           FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::timestamptz[])
                AS given(kind, subject_id, payload, occurred_at)""",
        [
            [row.type.kind for row in rows],
            [row.subject_id for row in rows],
            [json.dumps(row.payload) for row in rows],
            [row.occurred_at for row in rows],
        ],
        kinds={row.type.kind for row in rows},
        actor=actor,
    )
    return len(rows)


def emit_from_select(
    event_type: EventType, select: str, params: Sequence[Any], *, actor: Actor = SYSTEM, effect: str = ""
) -> int:
    """Emit the rows of `select`: (subject_id bigint, payload jsonb, occurred_at timestamptz). Return their number.

    `effect` is an SQL expression over `given` with the effect limit of each event, if the limits differ.
    """
    require_transaction()
    return _insert(
        f"SELECT %s::text, given.* FROM ({select}) AS given(subject_id, payload, occurred_at)",  # noqa: S608 - a SELECT of the caller's code; values are parameters
        [event_type.kind, *params],
        kinds={event_type.kind},
        actor=actor,
        effect=effect,
    )


def _insert(select: str, params: Sequence[Any], *, kinds: set[str], actor: Actor, effect: str = "") -> int:
    most = _allowed.get()
    deliveries = [(kind, name) for kind in kinds for name in _names(kind, most)]
    each = f"least({effect}, {int(most)})::smallint" if effect else f"{int(most)}::smallint"
    insert = f"""
        INSERT INTO core_domainevent (kind, subject_id, payload, occurred_at, effect, actor, request_id)
        SELECT given.kind, given.subject_id, given.payload, coalesce(given.occurred_at, now()), {each}, %s, %s
        FROM ({select}) AS given(kind, subject_id, payload, occurred_at)"""  # noqa: S608 - a SELECT of the caller's code; values are parameters
    values: list[Any] = [str(actor), actors.request_id.get(), *params]
    with connection.cursor() as cursor:
        if not deliveries:
            cursor.execute(insert, values)
            return cursor.rowcount
        cursor.execute(
            f"""WITH event AS ({insert} RETURNING id, kind, effect),
                     delivery AS (
                         INSERT INTO core_eventdelivery (event_id, handler, attempts, last_error)
                         SELECT event.id, owed.handler, 0, ''
                         FROM event JOIN unnest(%s::text[], %s::text[], %s::smallint[]) AS owed(kind, handler, effect)
                              ON owed.kind = event.kind AND owed.effect <= event.effect)
                SELECT count(*) FROM event""",  # noqa: S608 - a SELECT of the caller's code; values are parameters
            [
                *values,
                [kind for kind, _ in deliveries],
                [name for _, name in deliveries],
                [_effect_of[name] for _, name in deliveries],
            ],
        )
        count = cursor.fetchone()[0]
    if count:
        wake(name for _, name in deliveries)
    return count


def wake(names: Iterable[str]) -> None:
    """Wake the workers after the commit, because these handlers have pending deliveries."""
    unique = set(names)
    if unique:
        transaction.on_commit(lambda: gatherer.add(unique), robust=True)
