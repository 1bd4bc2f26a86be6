"""Recording of activity events in batches: one statement for the receipts and the rows (S4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.core.cache import cache
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict
from core.events.bus import emit
from crm.activity import events
from crm.activity.models import ActivityKind
from crm.customers.models import Customer, CustomerState
from crm.customers.services.identities import indexes_of

KNOWN_KINDS_KEY = "crm:activity-kinds"


@dataclass(frozen=True, slots=True)
class ActivityInput:
    """One activity event. `sender_id` is unique within the source; `identity` is (kind, normalised value) or None."""

    sender_id: str
    kind: str
    occurred_at: datetime
    identity: tuple[str, str] | None = None
    customer_number: str = ""
    anonymous_id: str = ""
    sku: str = ""
    properties: dict | None = None


@dataclass(frozen=True)
class ActivityRecorded:
    """The numbers of new events and of repeated ones."""

    accepted: int
    repeated: int


def record_activity(*, items: Sequence[ActivityInput], source: str, actor: Actor) -> ActivityRecorded:
    """Record a batch in one transaction. Events that were sent before count as repeated and change nothing.

    Raises Conflict `customer_not_active` when an event belongs to an erased customer; then no event is recorded.
    """
    if not items:
        return ActivityRecorded(0, 0)
    customers = _customers(items)
    owners = [customers.get(item.identity or item.customer_number) for item in items]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """WITH given AS (
                   SELECT DISTINCT ON (sender_id) * FROM unnest(
                       %s::text[], %s::text[], %s::timestamptz[], %s::bigint[], %s::text[], %s::text[], %s::jsonb[])
                       AS g(sender_id, kind, occurred_at, customer_id, anonymous_id, sku, properties)
                   ORDER BY sender_id),
               fresh AS (
                   INSERT INTO crm_activityreceipt (source, sender_id) SELECT %s, sender_id FROM given
                   ON CONFLICT DO NOTHING RETURNING sender_id)
               INSERT INTO crm_activityevent
                   (customer_id, anonymous_id, source, sender_id, kind, product_id, properties, occurred_at)
               SELECT given.customer_id, given.anonymous_id, %s, given.sender_id, given.kind, product.id,
                      given.properties, given.occurred_at
               FROM given JOIN fresh USING (sender_id)
               LEFT JOIN crm_product product ON lower(product.sku) = lower(nullif(given.sku, ''))
               RETURNING customer_id""",
            [
                [item.sender_id for item in items],
                [item.kind for item in items],
                [item.occurred_at for item in items],
                owners,
                [item.anonymous_id for item in items],
                [item.sku for item in items],
                [json.dumps(item.properties) if item.properties else "{}" for item in items],
                source,
                source,
            ],
        )
        written = cursor.fetchall()
        touched = sorted({row[0] for row in written if row[0] is not None})
        if touched:
            emit(events.ACTIVITY_RECEIVED, subject_id=None, payload={"customers": touched}, actor=actor)
    _remember_kinds({item.kind for item in items})
    return ActivityRecorded(len(written), len(items) - len(written))


def join_anonymous_activity(*, customer: Customer, anonymous_id: str, actor: Actor) -> int:
    """Move a visitor's events to the customer that the visitor identified as (S5). Returns how many events moved."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE crm_activityevent SET customer_id = %s
               WHERE anonymous_id = %s AND anonymous_id <> '' AND customer_id IS NULL""",
            [customer.pk, anonymous_id],
        )
        moved = cursor.rowcount
        if moved:
            emit(events.ACTIVITY_RECEIVED, subject_id=None, payload={"customers": [customer.pk]}, actor=actor)
    return moved


def make_partitions(*, first: date, months: int) -> int:
    """Make the partitions of `months` months from `first`. Returns how many were new."""
    made = 0
    with connection.cursor() as cursor:
        for offset in range(months):
            year, month = divmod(first.year * 12 + first.month - 1 + offset, 12)
            cursor.execute("SELECT crm_make_activity_partition(%s)", [date(year, month + 1, 1)])
            made += bool(cursor.fetchone()[0])
    return made


def _customers(items: Sequence[ActivityInput]) -> dict[tuple[str, str] | str, int]:
    """Return {identity or number: customer id} of the known customers; only verified identities count.

    A merged customer leads to the one that remained. Raises Conflict when a customer is not active.
    """
    identities = {item.identity for item in items if item.identity}
    by_index = {index: pair for pair in identities for index in indexes_of(*pair)}
    ids: dict[tuple[str, str] | str, int] = {}
    inactive: set[tuple[str, str] | str] = set()
    with connection.cursor() as cursor:
        if by_index:
            cursor.execute(
                """SELECT i.kind, i.value_index, s.id, s.state FROM crm_identity i
                   JOIN crm_customer c ON c.id = i.customer_id
                   JOIN crm_customer s ON s.id = coalesce(c.merged_into_id, c.id)
                   WHERE i.value_index = ANY(%s) AND i.verified_at IS NOT NULL""",
                [list(by_index)],
            )
            for kind, index, customer_id, state in cursor.fetchall():
                pair = by_index[bytes(index)]
                if pair[0] == kind:
                    ids[pair] = customer_id
                    if state != CustomerState.ACTIVE:
                        inactive.add(pair)
        numbers = {item.customer_number for item in items if item.customer_number}
        if numbers:
            cursor.execute(
                """SELECT c.number, s.id, s.state FROM crm_customer c
                   JOIN crm_customer s ON s.id = coalesce(c.merged_into_id, c.id) WHERE c.number = ANY(%s)""",
                [list(numbers)],
            )
            for number, customer_id, state in cursor.fetchall():
                ids[number] = customer_id
                if state != CustomerState.ACTIVE:
                    inactive.add(number)
    for place, item in enumerate(items if inactive else ()):
        if (item.identity or item.customer_number) in inactive:
            raise Conflict(
                _("This customer is merged or erased."), code="customer_not_active", field=f"events.{place}.customer"
            )
    return ids


def _remember_kinds(kinds: set[str]) -> None:
    known = cache.get(KNOWN_KINDS_KEY) or frozenset(ActivityKind.objects.values_list("code", flat=True))
    new = kinds - known
    if new:
        ActivityKind.objects.bulk_create([ActivityKind(code=code) for code in sorted(new)], ignore_conflicts=True)
    if new or not cache.get(KNOWN_KINDS_KEY):
        cache.set(KNOWN_KINDS_KEY, known | new, 300)
