"""Select the customers of a care rule: one SELECT per trigger, shared by message creation and the audience preview.

Each SELECT yields customer_id, occurrence, due_at and context. The occurrence names the cause that sends once: the year
of a birthday, an order, the last order before a lapse, one entry of a segment. It does not depend on the rule's
version.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from analytics.segments.events import SEGMENT_ENTERED
from campaigns.calendar.selectors import occasion_days_near
from campaigns.care.models import CareRule, CareTrigger
from campaigns.experiments.services.arms import HoldoutSql, kept_out
from campaigns.messages.services import gate
from campaigns.messages.services.gate import CUSTOMER_ZONE
from core.db.statements import statement
from crm.customers.rules.birthdays import celebrated_around
from crm.customers.services.customers import birthday_indexes
from crm.orders.selectors.bought import acted_at, acts_outside, order_counts

Select = tuple[str, dict[str, Any]]
LAPSE_WINDOW_DAYS = 3
RECENT_DAYS = 30
# Customers who were being created while a run looked.
OVERLAP = timedelta(hours=1)
# The next time that the customer's local clock shows `send_at`; immediately when the rule names no time.
_NEXT_SEND = """CASE WHEN %(send_at)s::time IS NULL THEN %(now)s ELSE
    (((%(now)s AT TIME ZONE z.zone)::date + ((%(now)s AT TIME ZONE z.zone)::time > %(send_at)s::time)::int
      + %(send_at)s::time) AT TIME ZONE z.zone) END"""
_BIRTHDAY = f"""
    SELECT c.id, to_char(g.birthday, 'YYYY'),
           CASE WHEN %(send_at)s::time IS NULL THEN %(now)s
                ELSE ((g.birthday - %(days)s + %(send_at)s::time) AT TIME ZONE z.zone) END, '{{}}'::jsonb
    FROM unnest(%(indexes)s::bytea[], %(birthdays)s::date[]) AS g(birthday_index, birthday)
    JOIN crm_customer c ON c.birthday_index = g.birthday_index AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE (%(now)s AT TIME ZONE z.zone)::date - (g.birthday - %(days)s) BETWEEN 0 AND %(late)s
          AND g.birthday - %(days)s >= (%(since)s AT TIME ZONE z.zone)::date"""  # noqa: S608 - fragments of the code; values are parameters
_LAPSED = f"""
    SELECT c.id, 'last:' || to_char(f.last_order_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           {_NEXT_SEND}, '{{}}'::jsonb
    FROM analytics_customerfeature f JOIN crm_customer c ON c.id = f.customer_id AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE f.last_order_at <= %(now)s - make_interval(days => %(days)s) AND f.last_order_at > %(after)s
          -- A lapse that was over before its order was imported is history.
          AND NOT EXISTS (SELECT FROM crm_order o WHERE o.customer_id = c.id AND o.state = 'paid'
                          AND o.paid_at = f.last_order_at AND NOT {acts_outside("o")}
                          AND o.paid_at + make_interval(days => %(days)s) <= o.recorded_at)"""  # noqa: S608 - fragments of the code; values are parameters
_BOUGHT = f"""
    SELECT c.id, 'order:' || o.id,
           CASE WHEN %(send_at)s::time IS NULL THEN {acted_at("o")} + make_interval(days => %(days)s)
                ELSE (({acted_at("o")} AT TIME ZONE z.zone)::date + %(days)s + %(send_at)s::time)
                     AT TIME ZONE z.zone END,
           jsonb_build_object('order_id', o.id)
    FROM crm_order o JOIN crm_customer c ON c.id = o.customer_id AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE {order_counts("o")} AND {acts_outside("o")} AND {acted_at("o")} >= %(since)s"""  # noqa: S608 - fragments of the code; values are parameters
_ENTERED = f"""
    SELECT c.id, 'event:' || e.id, {_NEXT_SEND},
           jsonb_build_object('segment', jsonb_build_object('name', %(segment_name)s))
    FROM core_domainevent e JOIN crm_customer c ON c.id = e.subject_id AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE e.id = ANY(%(events)s) AND e.kind = '{SEGMENT_ENTERED.kind}' AND e.occurred_at >= %(since)s
          AND e.payload->'segments' @> to_jsonb(%(segment)s::bigint)"""  # noqa: S608 - fragments of the code; values are parameters


# Every customer reaches an occasion, so a run looks only at those whose local day has begun since the last run, and at
# new customers.
_OCCASION = f"""
    SELECT c.id, g.occurrence,
           CASE WHEN %(send_at)s::time IS NULL THEN %(now)s
                ELSE ((g.day - %(days)s + %(send_at)s::time) AT TIME ZONE z.zone) END, '{{}}'::jsonb
    FROM unnest(%(occurrences)s::text[], %(occasion_days)s::date[]) AS g(occurrence, day)
    CROSS JOIN crm_customer c
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE c.state = 'active'
          AND (%(now)s AT TIME ZONE z.zone)::date - (g.day - %(days)s) BETWEEN 0 AND %(late)s
          AND g.day - %(days)s >= (%(since)s AT TIME ZONE z.zone)::date
          AND (%(looked_at)s::timestamptz IS NULL OR c.created_at > %(looked_at)s
               OR (g.day - %(days)s)::timestamp AT TIME ZONE z.zone > %(looked_at)s)"""  # noqa: S608 - fragments of the code; values are parameters


def birthday(rule: CareRule, now: datetime, *, late: int = 1) -> Select:
    """Select customers whose birthday it is in their own zone (J7), or was up to `late` days ago if no run happened."""
    params = _params(rule, now)
    pairs = _birthdays(now, rule.days, gate.policy().leap_birthday)
    params |= {
        "indexes": [index for index, _day in pairs],
        "birthdays": [day for _index, day in pairs],
        "late": late,
    }
    return _BIRTHDAY, params


def expiring(rule: CareRule, now: datetime, *, late: int = 1) -> Select:
    """Select customers whose points expire in that many days: one occurrence an expiry day; `late` as for birthdays."""
    return statement(__package__, "expiring", zone=CUSTOMER_ZONE), {**_params(rule, now), "late": late}


def occasion(rule: CareRule, now: datetime, *, late: int = 1) -> Select | None:
    """Select the customers on whose local date the occasion is that many days away; None when it is on no zone's date.

    A rule that has run looks only at new customers and those whose day has begun since. `late` as for birthdays.
    """
    days = occasion_days_near(rule.occasion, today=now.date(), days_before=rule.days, late=late)
    if not days:
        return None
    looked_at = rule.last_run_at - OVERLAP if rule.last_run_at else None
    return _OCCASION, {
        **_params(rule, now),
        "occurrences": [day.key for day in days],
        "occasion_days": [day.on for day in days],
        "late": late,
        "looked_at": looked_at,
    }


def lapsed(rule: CareRule, now: datetime, *, everyone: bool) -> Select:
    """Select customers without an order for that many days: all of them, or only those who lapsed recently."""
    after = (
        datetime.min.replace(year=1900, tzinfo=now.tzinfo)
        if everyone
        else (rule.last_run_at or now) - timedelta(days=rule.days + LAPSE_WINDOW_DAYS)
    )
    return _LAPSED, {**_params(rule, now), "after": after}


def bought(rule: CareRule, now: datetime, order_ids: Sequence[int]) -> Select:
    """Select the customers of these orders and the parameters of the query."""
    return f"{_BOUGHT} AND o.id = ANY(%(orders)s)", {**_params(rule, now), "orders": list(order_ids)}


def bought_in_import(rule: CareRule, now: datetime, run_id: int) -> Select:
    """Select the customers of the orders of an import run and the parameters of the query."""
    return f"{_BOUGHT} AND o.import_run_id = %(run)s", {**_params(rule, now), "run": run_id}


def entered(rule: CareRule, now: datetime, event_ids: Sequence[int]) -> Select:
    """Select the customers of these segment events and the parameters of the query."""
    return _ENTERED, {**_params(rule, now), "events": list(event_ids)}


def in_segment(rule: CareRule, column: str = "a.customer_id") -> str:
    """Limit the audience to the rule's segment, for every trigger except entering a segment."""
    if rule.segment_id is None or rule.trigger == CareTrigger.SEGMENT_ENTERED:
        return "true"
    return f"""EXISTS (SELECT FROM analytics_customersegments s
                       WHERE s.customer_id = {column} AND %(segment)s = ANY(s.inside))"""


def preview_select(rule: CareRule, now: datetime) -> tuple[str, dict[str, Any], str]:
    """Return the SELECT of candidates for the gate, its parameters, and the basis of the preview."""
    basis = "last_30_days"
    recent = now - timedelta(days=RECENT_DAYS)
    if rule.trigger == CareTrigger.BIRTHDAY:
        (select, params), basis = birthday(rule, now, late=0), "now"
        params["since"] = recent
    elif rule.trigger == CareTrigger.NO_ORDER:
        (select, params), basis = lapsed(rule, now, everyone=True), "now"
    elif rule.trigger == CareTrigger.POINTS_EXPIRING:
        (select, params), basis = expiring(rule, now, late=0), "now"
        params["since"] = recent
    elif rule.trigger == CareTrigger.OCCASION:
        # The next day of the occasion, because all customers reach it.
        basis = "next"
        params = _params(rule, now)
        select = """
            SELECT c.id, 'preview', %(now)s, '{}'::jsonb FROM crm_customer c WHERE c.state = 'active'"""
    elif rule.trigger == CareTrigger.AFTER_PURCHASE:
        params = {**_params(rule, now), "after": recent}
        select = """
            SELECT f.customer_id, 'preview', %(now)s, '{}'::jsonb FROM analytics_customerfeature f
            JOIN crm_customer c ON c.id = f.customer_id AND c.state = 'active' WHERE f.last_order_at >= %(after)s"""
    else:
        params = {**_params(rule, now), "after": recent}
        select = """
            SELECT s.customer_id, 'preview', %(now)s, '{}'::jsonb FROM analytics_customersegments s
            JOIN crm_customer c ON c.id = s.customer_id AND c.state = 'active'
            WHERE %(segment)s = ANY(s.inside) AND s.since[array_position(s.inside, %(segment)s)] >= %(after)s"""
    holdout = _holdout(rule)
    candidates = f"""
        SELECT NULL::uuid AS id, a.customer_id, %(channel)s AS channel, %(message_class)s AS message_class,
               %(origin)s AS origin, 'send' AS step, a.occurrence, a.due_at, NULL::timestamptz AS waiting_since,
               NULL::text AS unmatched, {holdout.out} AS holdout
        FROM ({select}) AS a(customer_id, occurrence, due_at, context) WHERE {in_segment(rule)}"""  # noqa: S608 - fragments of the code; values are parameters
    return candidates, {**params, **holdout.params}, basis


def _holdout(rule: CareRule) -> HoldoutSql:
    return kept_out(
        message_class=rule.template.message_class, origin=origin_of(rule), holdout_percent=rule.holdout_percent
    )


def origin_of(rule: CareRule) -> str:
    """Return the origin that messages of the rule carry."""
    return f"care:{rule.pk}"


def _params(rule: CareRule, now: datetime) -> dict[str, Any]:
    return {
        **gate.parameters(now),
        "send_at": rule.send_at,
        "days": rule.days,
        "since": rule.activated_at or now,
        "segment": rule.segment_id,
        "segment_name": rule.segment.name if rule.segment else "",
        "origin": origin_of(rule),
        "channel": rule.template.channel,
        "message_class": rule.template.message_class,
        "holdout": rule.holdout_percent,
    }


def _birthdays(now: datetime, days: int, leap: str) -> list[tuple[bytes, date]]:
    """Return the blind indexes of birthdays, each with the day on which it is celebrated."""
    around = celebrated_around(now.date(), days, leap)
    return [(index, celebrated) for month, day, celebrated in around for index in birthday_indexes(month, day)]
