"""The audit log: old versions of changed rows, stored by triggers, and the registered events; newest first.

    LOGGED.register("crm.customers_exported", Logged(describe=what_was_exported))
    OBJECTS.register("crm.customer", AuditedObject(url=lambda row: reverse("customer", args=[row["number"]])))

A trigger stores the row before the change. The state after the change is the next stored version, or the row itself.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst

from core.base.registry import Registry
from core.db.fields import BlindIndexField, EncryptedTextField
from core.events import bus as events

PAGE = 50
# Written by a trigger, changed by every save, or derived from another column.
HIDDEN = {"updated_at", "waiting_since", "search_name"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Logged:
    """An event that the log lists.

    `describe` turns its payload into a sentence; default: the event's own `describe`.
    """

    describe: Callable[[Mapping[str, Any]], str] | None = None


@dataclass(frozen=True)
class AuditedObject:
    """The label and the address of a tracked row. `row` holds its columns before the change."""

    label: Callable[[Row], str] | None = None
    url: Callable[[Row], str] | None = None


LOGGED: Registry[Logged] = Registry("event of the audit log")
OBJECTS: Registry[AuditedObject] = Registry("object of the audit log")
# An event whose payload has the name of the object.
BY_NAME = Logged(lambda payload: str(payload["name"]))


def by_route(route: str) -> AuditedObject:
    """Return an object whose page is at `route` with its id."""
    return AuditedObject(url=lambda row: reverse(route, args=[row["id"]]))


@dataclass(frozen=True)
class FieldChange:
    """The change of one field. Of a `secret` field only the fact of the change is shown."""

    label: str
    before: Any
    after: Any
    field: models.Field
    secret: bool = False


@dataclass(frozen=True)
class AuditEntry:
    """One entry of the log.

    `what` is `update`, `delete` or the kind of an event. `actor` as in `core.base.actor`, empty for a change outside
    requests.
    """

    at: datetime
    source: str
    id: int
    what: str
    actor: str
    object_id: str | None = None
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)
    payload: Row = field(default_factory=dict)


@dataclass(frozen=True)
class AuditFilter:
    """The filters of the log; an empty one matches everything.

    `source` is a tracked model's label (crm.customer) or EVENTS; `actor` is the stored text.
    """

    actor: str = ""
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVENTS = "events"
Cursor = tuple[datetime, str, int]


@lru_cache(maxsize=1)
def tracked() -> dict[str, type[models.Model]]:
    """Return the history model of every tracked model, by the label of the tracked one."""
    models_by_label = {
        model.pgh_tracked_model._meta.label_lower: model
        for model in apps.get_models()
        if hasattr(model, "pgh_tracked_model")
    }
    return dict(sorted(models_by_label.items()))


def sources() -> list[tuple[str, str]]:
    """Return the choices of the source filter: (label, name)."""
    return [(name, capfirst(str(model.pgh_tracked_model._meta.verbose_name))) for name, model in tracked().items()]  # type: ignore[attr-defined]


def page(filters: AuditFilter, cursor: str = "", size: int = PAGE) -> tuple[list[AuditEntry], str]:
    """Return one page and the cursor of the next one ("" at the end). A damaged cursor gives the first page."""
    after = _decode(cursor)
    parts, params = [], []
    for name, model in tracked().items():
        if filters.source in {"", name}:
            sql, values = _changes(name, model, filters, after, size + 1)
            parts.append(sql)
            params += values
    if filters.source in {"", EVENTS}:
        sql, values = _events(filters, after, size + 1)
        parts.append(sql)
        params += values
    if not parts:
        return [], ""
    union = " UNION ALL ".join(f"({part})" for part in parts)
    with connection.cursor() as database:
        database.execute(
            f"""SELECT * FROM ({union}) AS log ORDER BY at DESC, source COLLATE "C", id DESC LIMIT {size + 1}""",  # noqa: S608 - table names of tracked models; values are parameters
            params,
        )
        rows = [_entry(*row) for row in database.fetchall()]
    return rows[:size], _encode(rows[size - 1]) if len(rows) > size else ""


def changes(entry: AuditEntry) -> list[FieldChange]:
    """Return the fields that differ. For a deleted row, return the fields that had a value."""
    history = tracked().get(entry.source)
    if history is None:
        return []
    fields = []
    for item in history.pgh_tracked_model._meta.concrete_fields:  # type: ignore[attr-defined]
        if item.primary_key or item.name in HIDDEN or isinstance(item, BlindIndexField):
            continue
        before, after = entry.before.get(item.column), entry.after.get(item.column)
        if before != after and not (entry.what == "delete" and before in (None, "")):
            secret = isinstance(item, EncryptedTextField)
            fields.append(FieldChange(capfirst(str(item.verbose_name)), before, after, item, secret))
    return fields


def label_of(entry: AuditEntry) -> str | Promise:
    """Return the label of the row: its name, else its number."""
    described = OBJECTS.get(entry.source)
    if described and described.label:
        return described.label(entry.before)
    row = entry.before
    return str(row.get("name") or row.get("label") or row.get("number") or row.get("username") or f"#{entry.object_id}")


def url_of(entry: AuditEntry) -> str:
    described = OBJECTS.get(entry.source)
    return described.url(entry.before) if described and described.url else ""


def words_of(entry: AuditEntry) -> str:
    """Describe an event in one sentence; return "" for a payload that no longer fits."""
    declared, logged = events.TYPES.get(entry.what), LOGGED.get(entry.what)
    describe = (logged and logged.describe) or (declared and declared.describe)
    if not describe:
        return ""
    try:
        return describe(entry.payload)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def _changes(
    name: str, model: type[models.Model], filters: AuditFilter, after: Cursor | None, size: int
) -> tuple[str, list]:
    history, live = model._meta.db_table, model.pgh_tracked_model._meta  # type: ignore[attr-defined]
    where, params = _conditions(
        filters, after, name, "e.pgh_created_at", "e.pgh_id", "coalesce(c.metadata ->> 'actor', '')"
    )
    return (
        f"""SELECT e.pgh_created_at AS at, '{name}' AS source, e.pgh_id::bigint AS id, e.pgh_label AS what, e.actor,
                   e.pgh_obj_id::text AS object_id, to_jsonb(old) AS before,
                   CASE WHEN e.pgh_label = 'update' THEN coalesce(to_jsonb(later), to_jsonb(now)) END AS after
            FROM (SELECT e.pgh_id, e.pgh_created_at, e.pgh_label, e.pgh_obj_id,
                         coalesce(c.metadata ->> 'actor', '') AS actor
                  FROM {history} e LEFT JOIN pghistory_context c ON c.id = e.pgh_context_id
                  WHERE {where} ORDER BY e.pgh_created_at DESC, e.pgh_id DESC LIMIT {size}) AS e
            JOIN {history} old ON old.pgh_id = e.pgh_id
            LEFT JOIN LATERAL (SELECT * FROM {history} n WHERE n.pgh_obj_id = e.pgh_obj_id AND n.pgh_id > e.pgh_id
                               ORDER BY n.pgh_id LIMIT 1) AS later ON true
            LEFT JOIN {live.db_table} now ON now.{live.pk.column} = e.pgh_obj_id AND later.pgh_id IS NULL""",  # noqa: S608 - table names of tracked models; values are parameters
        params,
    )


def _events(filters: AuditFilter, after: Cursor | None, size: int) -> tuple[str, list]:
    where, params = _conditions(filters, after, EVENTS, "e.recorded_at", "e.id", "e.actor")
    return (
        f"""SELECT e.recorded_at AS at, '{EVENTS}' AS source, e.id, e.kind AS what, e.actor,
                   e.subject_id::text AS object_id, e.payload AS before, NULL::jsonb AS after
            FROM core_domainevent e WHERE e.kind = ANY(%s) AND {where}
            ORDER BY e.recorded_at DESC, e.id DESC LIMIT {size}""",  # noqa: S608 - table names of tracked models; values are parameters
        [LOGGED.names(), *params],
    )


def _conditions(
    filters: AuditFilter, after: Cursor | None, name: str, at: str, pk: str, actor: str
) -> tuple[str, list]:
    parts: list[str] = ["true"]
    params: list[Any] = []
    for condition, value in (
        (f"{at} >= %s", filters.since),
        (f"{at} < %s", filters.until),
        (f"{actor} = %s", filters.actor),
    ):
        if value:
            parts.append(condition)
            params.append(value)
    if after is not None:
        moment, source, last = after
        # Entries of the same instant are ordered by source, then by id.
        if name < source:
            parts.append(f"{at} < %s")
            params.append(moment)
        elif name > source:
            parts.append(f"{at} <= %s")
            params.append(moment)
        else:
            parts.append(f"({at}, {pk}) < (%s, %s)")
            params += [moment, last]
    return " AND ".join(parts), params


def _entry(
    at: datetime, source: str, pk: int, what: str, actor: str, object_id: str | None, before: Any, after: Any
) -> AuditEntry:
    def row(value: Any) -> Row:
        return (json.loads(value) if isinstance(value, str) else value) or {}

    if source == EVENTS:
        return AuditEntry(at, source, pk, what, actor, object_id, payload=row(before))
    return AuditEntry(at, source, pk, what, actor, object_id, row(before), row(after))


def _encode(entry: AuditEntry) -> str:
    text = json.dumps([entry.at.isoformat(), entry.source, entry.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> Cursor | None:
    try:
        at, source, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        return (moment, str(source), int(pk)) if moment.tzinfo else None
    except (ValueError, TypeError, binascii.Error):
        return None
