"""The triggers that come with loyalty: orders, activity, a rated ticket, a complete profile, a referred friend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from core.base import clock
from core.events.bus import Event
from crm.activity.models import ActivityKind
from crm.customers.labels import ACTIVITY
from crm.orders.models import Order, OrderEffect
from crm.orders.selectors.bought import acted_at, earns, order_counts
from loyalty.program.models import Member
from loyalty.triggers.registry import READ_BACK, Happening

_BATCH = 5_000


def orders(customers: Sequence[int], since: datetime, _kind: str) -> Iterator[Happening]:
    """Yield paid orders. The amount is goods less discounts and less the part paid with points (L6)."""
    yield from _read(
        f"""SELECT customer_id, 'order:' || id, {acted_at("o")}, channel, subtotal - discount - points_amount, id,
                   '{{}}'::jsonb
            FROM crm_order o
            WHERE customer_id = ANY(%s) AND {acted_at("o")} >= %s AND {order_counts("o")} AND {earns("o")}
            ORDER BY 3, id""",  # noqa: S608 - fragments of crm.orders; values are parameters
        [list(customers), since],
    )


def activity(customers: Sequence[int], since: datetime, kind: str) -> Iterator[Happening]:
    yield from _read(
        """SELECT customer_id, 'activity:' || id, occurred_at, kind, 0, NULL, properties
           FROM crm_activityevent WHERE customer_id = ANY(%s) AND occurred_at >= %s AND kind = %s
           ORDER BY occurred_at, id""",
        [list(customers), since, kind],
    )


def rated_tickets(customers: Sequence[int], since: datetime, _kind: str) -> Iterator[Happening]:
    yield from _read(
        """SELECT t.customer_id, 'rating:' || r.id, r.answered_at, '', 0, NULL, jsonb_build_object('score', r.score)
           FROM crm_ticketrating r JOIN crm_ticket t ON t.id = r.ticket_id
           WHERE t.customer_id = ANY(%s) AND r.answered_at >= %s ORDER BY r.answered_at, r.id""",
        [list(customers), since],
    )


def complete_profiles(customers: Sequence[int], _since: datetime, _kind: str) -> Iterator[Happening]:
    """Yield profiles with name, birthday, gender and a verified phone number or e-mail: once in a customer's life."""
    yield from _read(
        """SELECT c.id, 'profile:' || c.id, c.updated_at, '', 0, NULL, '{}'::jsonb FROM crm_customer c
           WHERE c.id = ANY(%s) AND c.state = 'active' AND c.name <> '' AND c.birthday_index IS NOT NULL
                 AND c.gender <> ''
                 AND EXISTS (SELECT FROM crm_identity i WHERE i.customer_id = c.id AND i.verified_at IS NOT NULL
                             AND i.kind IN ('phone', 'email'))""",
        [list(customers)],
    )


def referrals(customers: Sequence[int], since: datetime, _kind: str) -> Iterator[Happening]:
    """Yield the first paid order of a friend after the friend became a member, once for each friend.

    The happening belongs to the member who referred the friend.
    """
    yield from _read(
        f"""SELECT r.customer_id, 'referral:' || f.id, o.paid_at, o.channel, o.subtotal - o.discount - o.points_amount,
                  o.id, '{{}}'::jsonb
           FROM loyalty_member r JOIN loyalty_member f ON f.referred_by_id = r.id
           CROSS JOIN LATERAL (SELECT * FROM crm_order o WHERE o.customer_id = f.customer_id
                                     AND {order_counts("o")}
                               ORDER BY o.paid_at, o.id LIMIT 1) o
           WHERE r.customer_id = ANY(%s) AND {acted_at("o")} >= %s AND {earns("o")} AND o.paid_at >= f.enrolled_at
           ORDER BY o.paid_at, o.id""",  # noqa: S608 - fragments of crm.orders; values are parameters
        [list(customers), since],
    )


def buyers_of_imports(events: Sequence[Event]) -> Iterable[int]:
    """Return the buyers of recent orders of these imports. Only the last 35 days are read back."""
    recent = (
        _imported(events)
        .filter(customer__isnull=False)
        .filter(Q(paid_at__gte=clock.now() - READ_BACK) | Q(effect=OrderEffect.NOW))
    )
    return recent.values_list("customer_id", flat=True).distinct()


def referrers(events: Sequence[Event]) -> Iterable[int]:
    """Return the members' customers who referred these buyers, because a friend's purchase is their happening."""
    return _referrers_of({event.subject_id for event in events if event.subject_id})


def referrers_of_imports(events: Sequence[Event]) -> Iterable[int]:
    friends = _imported(events).filter(customer__memberships__referred_by__isnull=False)
    return _referrers_of(friends.values_list("customer_id", flat=True))


def activity_kinds() -> list[tuple[str, str]]:
    return [(row.code, str(ACTIVITY.get(row.code) or row)) for row in ActivityKind.objects.all()]


def _read(statement: str, params: list) -> Iterator[Happening]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, params)
        while rows := cursor.fetchmany(_BATCH):
            for customer, reference, at, kind, amount, order, properties in rows:
                yield Happening(customer, reference, at, kind, amount, order, json.loads(properties))


def _imported(events: Sequence[Event]) -> QuerySet[Order]:
    imported_orders = Order.objects.none()
    for event in events:
        imported_orders |= Order.objects.imported(event.payload)
    return imported_orders


def _referrers_of(buyers: Iterable[int]) -> Iterable[int]:
    friends = Member.objects.filter(customer__in=buyers, referred_by__isnull=False)
    return friends.values_list("referred_by__customer_id", flat=True).distinct()
