"""Let customers enter journeys: by an event, a segment, a personal date, a timetable or a call (J3, J7).

Entries are set-based, once per cause. Each kind of entry is one SELECT of customer_id, cause, at, context; one INSERT
applies the re-entry policy. The unique keys of the runs (one active, numbered, once per cause) protect against
concurrent entries.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from analytics.segments.events import SEGMENT_ENTERED, SEGMENT_LEFT
from analytics.segments.models import Segment
from campaigns.calendar.selectors import occasion_days_near
from campaigns.journeys import rules
from campaigns.journeys.models import Journey, JourneyRun, JourneyState
from campaigns.journeys.registry import STEPS, Run, StepBatch
from campaigns.journeys.rules import JourneyDefinition, JourneyEntry, StepValues
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import events as journey_events
from campaigns.messages.services import gate
from campaigns.messages.services.gate import CUSTOMER_ZONE
from core.base import clock
from core.base.errors import Conflict
from core.db.cached_names import CachedNames
from core.db.idempotency import check_key
from core.db.locks import Strength, lock_columns, lock_row
from core.db.statements import statement
from core.events.bus import Event
from core.jobs.sweeping import Sweep
from core.sending import services as sending_hold
from crm.activity.events import ACTIVITY_RECEIVED
from crm.customers.models import Customer, CustomerState
from crm.customers.rules.birthdays import celebrated_around
from crm.customers.services.customers import birthday_indexes
from crm.orders.events import ORDERS_IMPORTED
from loyalty.triggers.registry import customers_of
from loyalty.triggers.selectors import buyers_of_imports

log = structlog.get_logger("liuke.journeys")
CHUNK = 20_000
LATE_DAYS = 1
# Customers who were being created while a run looked.
OVERLAP = timedelta(hours=1)
Candidates = tuple[str, dict[str, Any]]
# J3. The same cause never enters twice, and an event during a run does not start another run.
_AGAIN = {
    "never": "false",
    "every": "true",
    "days": "past.entered <= %(now)s - make_interval(days => %(value)s)",
    "times": "past.times < %(value)s",
}
_BIRTHDAY = f"""
    SELECT c.id, 'birthday:' || to_char(g.day, 'YYYY'), %(now)s, '{{}}'::jsonb
    FROM unnest(%(indexes)s::bytea[], %(birthdays)s::date[]) AS g(birthday_index, day)
    JOIN crm_customer c ON c.birthday_index = g.birthday_index AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE %(now)s >= (g.day - %(days)s + %(time)s::time) AT TIME ZONE z.zone
          AND (%(now)s AT TIME ZONE z.zone)::date - (g.day - %(days)s) <= %(late)s
          AND (g.day - %(days)s + %(time)s::time) AT TIME ZONE z.zone >= %(since)s"""  # noqa: S608 - fragments of the code; values are parameters
# The anniversary of enrolment, in the member's zone, in every later year.
_MEMBER_DAY = f"""
    SELECT c.id, 'member_day:' || to_char(g.day, 'YYYY'), %(now)s, '{{}}'::jsonb
    FROM unnest(%(days_of)s::text[], %(birthdays)s::date[]) AS g(month_day, day)
    JOIN loyalty_member m ON m.state = 'active'
    JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
    JOIN crm_customer c ON c.id = m.customer_id AND c.state = 'active'
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    WHERE to_char(m.enrolled_at AT TIME ZONE z.zone, 'MM-DD') = g.month_day
          AND extract(year FROM g.day) > extract(year FROM m.enrolled_at AT TIME ZONE z.zone)
          AND %(now)s >= (g.day - %(days)s + %(time)s::time) AT TIME ZONE z.zone
          AND (%(now)s AT TIME ZONE z.zone)::date - (g.day - %(days)s) <= %(late)s
          AND (g.day - %(days)s + %(time)s::time) AT TIME ZONE z.zone >= %(since)s"""  # noqa: S608 - fragments of the code; values are parameters
# Every customer reaches an occasion, so a run looks only at those whose hour has come since the last run, and at new
# customers.
_OCCASION = f"""
    SELECT c.id, g.cause, %(now)s, '{{}}'::jsonb
    FROM unnest(%(causes)s::text[], %(occasion_days)s::date[]) AS g(cause, day)
    CROSS JOIN crm_customer c
    CROSS JOIN LATERAL (SELECT {CUSTOMER_ZONE} AS zone) AS z
    CROSS JOIN LATERAL (SELECT (g.day - %(days)s + %(time)s::time) AT TIME ZONE z.zone AS at) AS hour
    WHERE c.state = 'active' AND %(now)s >= hour.at
          AND (%(now)s AT TIME ZONE z.zone)::date - (g.day - %(days)s) <= %(late)s
          AND hour.at >= %(since)s
          AND (%(looked_at)s::timestamptz IS NULL OR c.created_at > %(looked_at)s OR hour.at > %(looked_at)s)"""  # noqa: S608 - fragments of the code; values are parameters
_MEMBERS_OF_SEGMENT = """
    SELECT m.customer_id, %(cause)s, %(now)s, jsonb_build_object('segment', jsonb_build_object('name', s.name))
    FROM analytics_segment s JOIN analytics_customersegments m ON s.id = ANY(m.inside) WHERE s.id = %(segment)s"""
_ENTERED_SEGMENT = """
    SELECT e.subject_id, 'event:' || e.id, e.occurred_at,
           jsonb_build_object('segment', jsonb_build_object('name', s.name))
    FROM core_domainevent e JOIN analytics_segment s ON s.id = %(segment)s
    WHERE e.id = ANY(%(events)s) AND e.payload->'segments' @> to_jsonb(s.id) AND e.occurred_at >= %(since)s"""


class Chunk(NamedTuple):
    """Hold how many customers entered, how many were candidates, and the last customer of the chunk."""

    made: int
    looked: int
    last: int


def enter(*, journey: Journey | int, candidates: Candidates, now: datetime | None = None) -> int:
    """Let these customers enter the newest version of a running journey, if the re-entry policy allows it (J3).

    Works in chunks of customers, each in its own transaction. Return how many entered, held out or not.
    """
    pk = journey if isinstance(journey, int) else journey.pk
    entered, after = 0, 0
    while True:
        with transaction.atomic():
            chunk = _enter_chunk(pk, candidates, after, now or clock.now())
        entered += chunk.made
        if chunk.looked < CHUNK:
            return entered
        after = chunk.last


def _enter_chunk(journey_id: int, candidates: Candidates, after: int, now: datetime) -> Chunk:
    # A shared lock: many may enter at once, while publishing, pausing and stopping exclude them.
    states = lock_columns("campaigns_journey", [journey_id], ["state"], strength=Strength.SHARE)
    if states != [(JourneyState.RUNNING,)]:
        return Chunk(0, 0, after)
    journey = Journey.objects.select_related("version").get(pk=journey_id)
    definition = journey.definition
    reentry = definition["reentry"]
    select, params = candidates
    enter = statement(__package__, "enter", select=_limited(definition, select), again=_AGAIN[reentry["policy"]])
    with connection.cursor() as cursor:
        cursor.execute(
            enter,
            {
                **params,
                "journey": journey.pk,
                "version": journey.version_id,
                "origin": f"journey:{journey.pk}",
                "holdout": definition["holdout"],
                "first": rules.first(definition["steps"]),
                "value": reentry.get("value") or 0,
                "limiting": definition["entry"].get("segment"),
                "now": now,
                "after": after,
                "limit": CHUNK,
            },
        )
        *rows, (looked, last, _mark) = sorted(cursor.fetchall(), key=lambda row: row[2] == "chosen")
    if rows:
        journey_engine.count(journey.version_id, Counter((rules.ENTRY, row[2]) for row in rows))  # type: ignore[arg-type]
        _first_waits(journey, [(row[0], row[1]) for row in rows if row[2] == "active"], now)
    return Chunk(len(rows), looked, last or after)


def _limited(definition: JourneyDefinition, select: str) -> str:
    """Limit the entry to its segment, for every entry except the one by segment."""
    entry = definition["entry"]
    if entry["kind"] == "segment" or not entry.get("segment"):
        return select
    return f"""SELECT l.* FROM ({select}) AS l(customer_id, cause, at, context) WHERE EXISTS (
        SELECT FROM analytics_customersegments s
        WHERE s.customer_id = l.customer_id AND %(limiting)s = ANY(s.inside))"""  # noqa: S608 - fragments of the code; values are parameters


def _first_waits(journey: Journey, active: Sequence[tuple[int, int]], now: datetime) -> None:
    """Start the wait of the first step at the moment of entry, when the journey begins with a wait."""
    definition = journey.definition
    if not definition["steps"] or not active:
        return
    step = definition["steps"][0]
    runs = [Run(pk, customer, 1, now, now) for pk, customer in active]
    batch = StepBatch(journey.pk, journey.name, journey.published.number, definition, step, runs, now)
    waits = STEPS[step["kind"]].wait(batch)
    if waits:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE campaigns_journeyrun r SET waits_until = g.until, waits_for = g.event,
                          due_at = CASE WHEN g.event = '' THEN g.until ELSE r.due_at END
                   FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS g(id, until, event) WHERE r.id = g.id""",
                [list(waits), [wait.until for wait in waits.values()], [wait.event for wait in waits.values()]],
            )


def enter_by_call(*, journey: Journey, customer: Customer, key: str) -> tuple[str, JourneyRun | None]:
    """Let a storefront enter one customer; idempotent by key.

    Answers the result and the run: `entered`, `held_out`, `repeated`, or `refused` by the re-entry policy (J3). Raises
    Conflict `journey_not_running`, `journey_not_by_call`, `customer_not_active`.
    """
    if journey.state != JourneyState.RUNNING or journey.version is None:
        raise Conflict(_("This journey is not running."), code="journey_not_running")
    if journey.definition["entry"]["kind"] != "api":
        raise Conflict(_("Customers can't enter this journey by API."), code="journey_not_by_call")
    if customer.state != CustomerState.ACTIVE:
        raise Conflict(_("This customer is merged or erased."), code="customer_not_active")
    cause = f"api:{check_key(key)[:110]}"
    select = "SELECT %(customer)s::bigint, %(cause)s::text, clock_timestamp(), '{}'::jsonb"
    before = JourneyRun.objects.filter(journey=journey, customer=customer, cause=cause).first()
    if before is not None:
        return "repeated", before
    enter(journey=journey, candidates=(select, {"customer": customer.pk, "cause": cause}))
    run = JourneyRun.objects.filter(journey=journey, customer=customer, cause=cause).first()
    if run is None:
        return "refused", None
    return ("held_out" if run.state == "held_out" else "entered"), run


def _wanted_kinds() -> Iterable[str]:
    keys: set[str] = set()
    for definition in _live_definitions():
        entry = definition["entry"]
        if entry["kind"] == "event":
            keys.update(journey_events.kinds_of(entry["event"]))
        elif entry["kind"] == "segment":
            keys.add(SEGMENT_ENTERED.kind)
        if (goal := definition.get("goal")) and definition["exit"]["policy"] in ("goal", "both"):
            keys.update(journey_events.kinds_of(goal["event"]))
        if definition["exit"]["policy"] in ("unmatched", "both"):
            keys.add(SEGMENT_LEFT.kind)
        for step, _depth in rules.walk(definition["steps"]):
            values: StepValues = step
            if values.get("event"):
                keys.update(journey_events.kinds_of(values["event"]))
    return keys


def _live_definitions() -> list[JourneyDefinition]:
    """Return the definitions of versions that new runs enter, and of those with active runs (J8)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT v.id FROM campaigns_journeyversion v JOIN campaigns_journey j ON j.id = v.journey_id
               WHERE j.state IN ('running', 'paused') AND (j.version_id = v.id OR EXISTS (
                   SELECT FROM campaigns_journeyrun r
                   WHERE r.journey_id = j.id AND r.version_id = v.id AND r.state = 'active'))"""
        )
        ids = [row[0] for row in cursor.fetchall()]
    return [journey_engine.plan_of(pk).definition for pk in ids]


wanted_kinds = CachedNames("journeys:kinds", _wanted_kinds)


def wanted(kind: str) -> bool:
    """Return whether any journey refers to this kind of event. The answer may be some seconds old."""
    return kind in wanted_kinds()


def hear(*, events: Sequence[Event]) -> int:
    """Process events: let customers enter, and wake runs that waited for them. Return how many entered or woke."""
    changed = 0
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event)
    customers = {kind: _customers_of(kind, alike) for kind, alike in by_kind.items()}
    earliest = min((event.occurred_at for event in events), default=clock.now())
    for journey in Journey.objects.filter(state=JourneyState.RUNNING).select_related("version").order_by("pk"):
        entry = journey.definition["entry"]
        since = max(journey.started_at or clock.now(), earliest - timedelta(days=LATE_DAYS))
        if entry["kind"] == "segment" and (came := by_kind.get(SEGMENT_ENTERED.kind)):
            ids = [event.id for event in came if entry["segment"] in event.payload["segments"]]
            params = {"events": ids, "segment": entry["segment"], "since": journey.started_at}
            changed += enter(journey=journey, candidates=(_ENTERED_SEGMENT, params)) if ids else 0
        elif entry["kind"] == "event":
            who = _union(customers, journey_events.kinds_of(entry["event"]))
            if who:
                changed += enter(journey=journey, candidates=_by_event(entry, who, since))
    return changed + _wake(customers)


def _by_event(entry: JourneyEntry, customers: set[int], since: datetime) -> Candidates:
    select = f"""SELECT h.customer_id, h.cause, h.at, h.context
                 FROM ({journey_events.select_of(entry["event"])}) AS h(customer_id, cause, at, properties, context)
                 WHERE campaigns_where(h.properties, %(where)s::jsonb)"""  # noqa: S608 - fragments of the code; values are parameters
    return select, {
        "customers": sorted(customers),
        "key": entry["event"],
        "since": since,
        "where": json.dumps(entry.get("where", [])),
    }


def _union(customers: Mapping[str, set[int]], kinds: Iterable[str]) -> set[int]:
    return set().union(*(customers.get(kind, set()) for kind in kinds))


def _customers_of(kind: str, events: Sequence[Event]) -> set[int]:
    return set(buyers_of_imports(events) if kind == ORDERS_IMPORTED.kind else customers_of(events))


def _wake(customers: Mapping[str, set[int]]) -> int:
    """Make runs due whose wait, goal or segment these events may have decided. The engine checks the facts."""
    woken = 0
    for kind, who in customers.items():
        if not who:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE campaigns_journeyrun r SET due_at = least(r.due_at, clock_timestamp())
                   FROM (SELECT n.id FROM campaigns_journeyrun n JOIN campaigns_journeyversion v ON v.id = n.version_id
                         WHERE n.customer_id = ANY(%(who)s) AND n.state = 'active'
                           AND n.due_at > clock_timestamp() AND (
                             n.waits_for = ANY(%(keys)s) OR n.waits_for LIKE %(prefix)s
                             OR (v.definition #>> '{exit,policy}' IN ('goal', 'both')
                                 AND (v.definition #>> '{goal,event}' = ANY(%(keys)s)
                                      OR v.definition #>> '{goal,event}' LIKE %(prefix)s))
                             OR (%(left)s AND v.definition #>> '{exit,policy}' IN ('unmatched', 'both')))
                         ORDER BY n.id FOR NO KEY UPDATE OF n) AS woken
                   WHERE r.id = woken.id""",
                {
                    "who": sorted(who),
                    "keys": [journey_events.ORDER] if kind == ORDERS_IMPORTED.kind else [kind],
                    "prefix": "activity:%" if kind == ACTIVITY_RECEIVED.kind else "-",
                    "left": kind == SEGMENT_LEFT.kind,
                },
            )
            woken += cursor.rowcount
    return woken


def enter_due(*, now: datetime | None = None, though_held: bool = False) -> dict[int, int]:
    """Let customers enter by date, timetable, or segment membership at the start. Return how many entered per journey.

    One failing journey does not stop the others; the next run tries it again.
    """
    Sweep("campaigns.end_stopped_journeys").attempt("all", journey_engine.end_stopped)
    entered: dict[int, int] = {}
    if sending_hold.is_held() and not though_held:
        # Days that pass under a hold are processed when it ends: `looked_at` is not changed.
        return entered
    for journey in Journey.objects.filter(state=JourneyState.RUNNING).select_related("version").order_by("pk"):
        try:
            count = _enter_due(journey, now or clock.now())
        except Exception as error:
            log.exception("journey_entry_failed", journey=journey.pk, error=str(error)[:300])
            continue
        if count:
            entered[journey.pk] = count
    return entered


def _enter_due(journey: Journey, now: datetime) -> int:
    entry = journey.definition["entry"]
    count = 0
    if journey.members_after is not None:
        count += enter_members(journey=journey, now=now)
    if entry["kind"] == "schedule" and not _is_ready(entry):
        # `looked_at` is not changed, so that the day is entered once its segment is computed.
        return count
    if entry["kind"] == "date":
        count += enter(journey=journey, candidates=_by_date(journey, entry, now), now=now)
    elif entry["kind"] == "occasion":
        candidates = _by_occasion(journey, entry, now)
        count += enter(journey=journey, candidates=candidates, now=now) if candidates else 0
    elif entry["kind"] == "schedule":
        for day in _due_days(entry, journey.looked_at or journey.started_at or now, now):
            cause = f"schedule:{day:%Y-%m-%d}"
            params = {"cause": cause, "segment": entry["segment"]}
            count += enter(journey=journey, candidates=(_MEMBERS_OF_SEGMENT, params), now=now)
    Journey.objects.filter(pk=journey.pk).update(looked_at=now)
    return count


def _is_ready(entry: JourneyEntry) -> bool:
    """Return whether the members of the segment are known; until then the tables show none."""
    segment = Segment.objects.filter(pk=entry["segment"]).first()
    return segment is None or segment.is_current


def enter_waiting() -> int:
    """Let members enter each journey that was just published or whose segment was just computed."""
    if sending_hold.is_held():
        return 0
    entered = 0
    waiting = Journey.objects.filter(state=JourneyState.RUNNING, members_after__isnull=False)
    for journey in waiting.select_related("version").order_by("pk"):
        try:
            entered += enter_members(journey=journey)
        except Exception as error:
            log.exception("journey_entry_failed", journey=journey.pk, error=str(error)[:300])
    return entered


def awaited_segments() -> list[int]:
    """Return the segments that running journeys wait for.

    A segment whose computation failed waits for the hourly run.
    """
    segment_ids = {
        journey.definition["entry"]["segment"]
        for journey in Journey.objects.filter(state=JourneyState.RUNNING).select_related("version")
        if journey.members_after is not None or journey.definition["entry"]["kind"] == "schedule"
    }
    rows = Segment.objects.active().filter(pk__in=segment_ids, error="").order_by("pk")
    return [segment.pk for segment in rows if not segment.is_current]


def enter_members(*, journey: Journey, now: datetime | None = None) -> int:
    """Let the segment's members enter a published version, from where an earlier attempt stopped.

    A segment that is not computed yet has no members in the tables; they enter once it is computed.
    """
    at = now or clock.now()
    entered = 0
    while True:
        with transaction.atomic():
            locked = lock_row(Journey.objects.select_related("version").filter(pk=journey.pk), weak=True)
            if locked.members_after is None or locked.state != JourneyState.RUNNING or locked.version is None:
                return entered
            if not _is_ready(locked.definition["entry"]):
                return entered
            params = {
                "cause": f"members:{locked.version.number}",
                "segment": locked.definition["entry"]["segment"],
            }
            chunk = _enter_chunk(locked.pk, (_MEMBERS_OF_SEGMENT, params), locked.members_after, at)
            more = chunk.looked == CHUNK
            Journey.objects.filter(pk=locked.pk).update(members_after=chunk.last if more else None)
        entered += chunk.made
        if not more:
            return entered


def _by_date(journey: Journey, entry: JourneyEntry, now: datetime) -> Candidates:
    """Select customers with a birthday or member day in that many days, or a day less, at the given local hour (J7)."""
    days = entry["days"]
    pairs = celebrated_around(now.date(), days, gate.policy().leap_birthday)
    shared = {
        **{name: value for name, value in gate.parameters(now).items() if name in ("zones", "zone")},
        "days": days,
        "time": time.fromisoformat(entry["time"]),
        "late": LATE_DAYS,
        "since": journey.started_at,
    }
    if entry["date"] == "birthday":
        indexed = [(index, day) for month, number, day in pairs for index in birthday_indexes(month, number)]
        return _BIRTHDAY, {**shared, "indexes": [i for i, _d in indexed], "birthdays": [d for _i, d in indexed]}
    return _MEMBER_DAY, {
        **shared,
        "days_of": [f"{month:02d}-{number:02d}" for month, number, _day in pairs],
        "birthdays": [day for _month, _number, day in pairs],
    }


def _by_occasion(journey: Journey, entry: JourneyEntry, now: datetime) -> Candidates | None:
    """Select customers whose local hour before the occasion has come; None when the occasion is on no zone's date."""
    days = entry["days"]
    found = occasion_days_near(entry["occasion"], today=now.date(), days_before=days, late=LATE_DAYS)
    if not found:
        return None
    return _OCCASION, {
        **{name: value for name, value in gate.parameters(now).items() if name in ("zones", "zone")},
        "days": days,
        "time": time.fromisoformat(entry["time"]),
        "late": LATE_DAYS,
        "since": journey.started_at,
        "looked_at": journey.looked_at and journey.looked_at - OVERLAP,
        "causes": [day.key for day in found],
        "occasion_days": [day.on for day in found],
    }


def _due_days(entry: JourneyEntry, since: datetime, now: datetime) -> list[date]:
    """Return the days of the timetable whose hour, in the shop's zone, is after `since` and not after `now`."""
    parameters = gate.parameters(now)
    zone, at = ZoneInfo(parameters["zone"]), time.fromisoformat(entry["time"])
    first, last = since.astimezone(zone).date(), now.astimezone(zone).date()
    # After a long outage of the shop only the newest day is used.
    days = [last - timedelta(days=offset) for offset in range(min((last - first).days, LATE_DAYS) + 1)]
    due = []
    for day in reversed(days):
        moment = datetime.combine(day, at, zone)
        fits = (
            entry["every"] == "day"
            or (entry["every"] == "week" and day.isoweekday() == int(entry["weekday"]))
            or (entry["every"] == "month" and day.day == int(entry["day"]))
            or (entry["every"] == "once" and day.isoformat() == entry["on"])
        )
        if fits and since < moment <= now:
            due.append(day)
    return due
