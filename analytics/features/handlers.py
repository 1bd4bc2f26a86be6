"""Event handlers that mark customers whose inputs changed; the refresh updates them within a minute."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.features.services.features import mark_changed, mark_changed_by_query
from core.events.bus import Event, subscribe
from crm.activity import events as activity_events
from crm.customers import events as crm
from crm.desk import events as desk_events
from crm.orders import events as orders_events
from crm.orders.models import OrderEffect
from loyalty.ledger import events as loyalty
from loyalty.program import events as program_events
from loyalty.tiers import events as tiers_events


@subscribe(
    crm.CUSTOMER_CREATED,
    crm.CUSTOMER_UPDATED,
    crm.IDENTITY_ADDED,
    crm.IDENTITY_MOVED,
    crm.IDENTITY_VERIFIED,
    crm.IDENTITY_REMOVED,
    crm.CONSENT_CHANGED,
    crm.TAGS_CHANGED,
    orders_events.ORDER_PAID,
    orders_events.ORDER_REFUNDED,
    desk_events.TICKET_OPENED,
    desk_events.TICKET_RESOLVED,
    program_events.MEMBER_ENROLLED,
    program_events.MEMBER_SUSPENDED,
    program_events.MEMBER_RESUMED,
    loyalty.POINTS_EARNED,
    loyalty.POINTS_HELD,
    loyalty.POINTS_REDEEMED,
    loyalty.HOLD_RELEASED,
    loyalty.POINTS_RETURNED,
    loyalty.POINTS_TAKEN_BACK,
    loyalty.POINTS_ADJUSTED,
    tiers_events.TIER_CHANGED,
    name="analytics.mark_changed",
)
def mark_subjects(events: Sequence[Event]) -> None:
    mark_changed(event.subject_id for event in events if event.subject_id is not None)


@subscribe(
    activity_events.ACTIVITY_RECEIVED,
    crm.CUSTOMERS_CHANGED,
    loyalty.ACCOUNTS_CHANGED,
    name="analytics.mark_changed_in_batch",
)
def mark_listed(events: Sequence[Event]) -> None:
    mark_changed(pk for event in events for pk in event.payload.get("customers") or [])


@subscribe(orders_events.ORDERS_IMPORTED, name="analytics.mark_imported", long=True)
def mark_imported(events: Sequence[Event]) -> None:
    for event in events:
        run = event.payload["run"]
        mark_changed_by_query(
            """SELECT customer_id FROM crm_order WHERE import_run_id = %s AND effect = ANY(%s)
               UNION SELECT customer_id FROM crm_refund WHERE import_run_id = %s
               UNION SELECT customer_id FROM crm_spendadjustment WHERE import_run_id = %s""",
            [run, event.payload.get("effects", list(OrderEffect.values)), run, run],
        )
