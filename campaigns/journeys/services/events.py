"""Define events of customers by key: `crm.order_paid`, `activity:add_to_cart`, or any event of the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from analytics.segments.events import SEGMENT_ENTERED, SEGMENT_LEFT
from campaigns.journeys.rules import EventCondition
from core.events.bus import TYPES, Effect, EventType
from crm.activity.events import ACTIVITY_RECEIVED
from crm.activity.models import ActivityKind
from crm.customers.labels import ACTIVITY
from crm.orders.events import ORDER_PAID, ORDERS_IMPORTED
from crm.orders.selectors.bought import acted_at, acts_outside, order_counts

ACTIVITY_PREFIX = "activity:"
ORDER = ORDER_PAID.kind
# A journey that waited for its own messages would wake itself.
LEFT_OUT = ("campaigns.message_sent",)
# Each SELECT yields customer_id, cause, at, properties, context for %(customers)s since %(since)s.
_ORDERS = f"""
    SELECT o.customer_id, 'order:' || o.id, {acted_at("o")},
           jsonb_build_object('amount', o.total, 'channel', o.channel), jsonb_build_object('order_id', o.id)
    FROM crm_order o WHERE o.customer_id = ANY(%(customers)s) AND {order_counts("o")} AND {acts_outside("o")}
          AND {acted_at("o")} >= %(since)s"""  # noqa: S608 - fragments of the code; values are parameters
_ACTIVITY = """
    SELECT a.customer_id, 'activity:' || a.id, a.occurred_at, a.properties,
           jsonb_build_object('activity', jsonb_build_object('id', a.id, 'at', a.occurred_at))
    FROM crm_activityevent a
    WHERE a.customer_id = ANY(%(customers)s) AND a.kind = substr(%(key)s, 10) AND a.occurred_at >= %(since)s"""
_EVENTS = f"""
    SELECT e.subject_id, 'event:' || e.id, e.occurred_at, e.payload,
           CASE WHEN e.kind = 'loyalty.points_expiring'
                THEN jsonb_build_object('expiring',
                                        jsonb_build_object('points', e.payload->'points', 'on', e.payload->'on'))
                ELSE '{{}}'::jsonb END
    FROM core_domainevent e
    WHERE e.subject_id = ANY(%(customers)s) AND e.kind = %(key)s AND e.occurred_at >= %(since)s
          AND e.effect = {Effect.OUTSIDE:d}"""  # noqa: S608 - fragments of the code; values are parameters


def select_of(key: str) -> str:
    """Return the SQL that selects the occurrences of an event."""
    if key == ORDER:
        return _ORDERS
    return _ACTIVITY if key.startswith(ACTIVITY_PREFIX) else _EVENTS


def kinds_of(key: str) -> tuple[str, ...]:
    """Return the domain events that may carry this event."""
    if key == ORDER:
        return (ORDER_PAID.kind, ORDERS_IMPORTED.kind)
    return (ACTIVITY_RECEIVED.kind,) if key.startswith(ACTIVITY_PREFIX) else (key,)


def heard() -> list[EventType]:
    """Return every domain event that a journey may wait for, directly or not."""
    return [kind for kind in TYPES if kind.kind not in LEFT_OUT]


def known(key: str) -> bool:
    """Return whether the event exists."""
    return key in dict(offered())


def offered() -> list[tuple[str, str | Promise]]:
    """Return the choices of a marketer, with names: events of the timeline, orders, and kinds of activity."""
    hidden = {SEGMENT_ENTERED.kind, SEGMENT_LEFT.kind, *LEFT_OUT}
    events = [(kind.kind, kind.label) for kind in TYPES if kind.on_timeline and kind.kind not in hidden]
    activity = [
        (f"{ACTIVITY_PREFIX}{row.code}", str(ACTIVITY.get(row.code) or row.label or row.code))
        for row in ActivityKind.objects.all()
    ]
    return [(ORDER, ORDER_PAID.label), *sorted(activity, key=lambda item: item[1]), *events]


def label_of(key: str) -> str:
    """Return the readable name of an event."""
    if key.startswith(ACTIVITY_PREFIX):
        code = key.removeprefix(ACTIVITY_PREFIX)
        return str(ACTIVITY.get(code) or code)
    known_type = TYPES.get(key)
    return str(known_type.label) if known_type else key


def where_words(where: Sequence[EventCondition]) -> str:
    """Format the conditions on an event, such as "score ≤ 2"; built-in properties have readable names."""
    signs = {"eq": "=", "ne": "≠", "gte": "≥", "lte": "≤"}
    names = {"up": _t("upwards"), "score": _t("score"), "points": _t("points"), "amount": _t("amount in minor units")}
    values = {"true": _t("yes"), "false": _t("no")}
    return " · ".join(
        f"{names.get(item['field'], item['field'])} {signs.get(item['operator'], '?')} "
        f"{values.get(item['value'], item['value'])}"
        for item in where
    )


def event_words(spec: Mapping[str, Any] | None) -> str:
    """Return the event and its conditions as readable text, or "" without an event."""
    if not spec or not spec.get("event"):
        return ""
    label, conditions = label_of(spec["event"]), where_words(spec.get("where", []))
    return _t("%(event)s (%(conditions)s)") % {"event": label, "conditions": conditions} if conditions else label
