"""Event handlers that mark customers whose inputs changed; the refresh updates them within a minute."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.services.features import mark_changed, mark_changed_by_query
from core.events import Event, subscribe
from crm import events as crm
from crm.models import OrderEffect
from loyalty import events as loyalty


@subscribe(
    crm.CUSTOMER_CREATED,
    crm.CUSTOMER_UPDATED,
    crm.IDENTITY_ADDED,
    crm.IDENTITY_MOVED,
    crm.CONSENT_CHANGED,
    crm.TAGS_CHANGED,
    crm.ORDER_PAID,
    crm.ORDER_REFUNDED,
    crm.TICKET_OPENED,
    crm.TICKET_RESOLVED,
    loyalty.MEMBER_ENROLLED,
    loyalty.MEMBER_SUSPENDED,
    loyalty.MEMBER_RESUMED,
    loyalty.POINTS_EARNED,
    loyalty.POINTS_HELD,
    loyalty.POINTS_REDEEMED,
    loyalty.HOLD_RELEASED,
    loyalty.POINTS_RETURNED,
    loyalty.POINTS_TAKEN_BACK,
    loyalty.POINTS_ADJUSTED,
    loyalty.TIER_CHANGED,
    name="analytics.mark_changed",
)
def mark_subjects(events: Sequence[Event]) -> None:
    mark_changed(event.subject_id for event in events if event.subject_id is not None)


@subscribe(
    crm.ACTIVITY_RECEIVED, crm.CUSTOMERS_CHANGED, loyalty.ACCOUNTS_CHANGED, name="analytics.mark_changed_in_batch"
)
def mark_listed(events: Sequence[Event]) -> None:
    mark_changed(pk for event in events for pk in event.payload.get("customers") or [])


@subscribe(crm.ORDERS_IMPORTED, name="analytics.mark_imported", long=True)
def mark_imported(events: Sequence[Event]) -> None:
    for event in events:
        run = event.payload["run"]
        mark_changed_by_query(
            """SELECT customer_id FROM crm_order WHERE import_run_id = %s AND effect = ANY(%s)
               UNION SELECT customer_id FROM crm_refund WHERE import_run_id = %s
               UNION SELECT customer_id FROM crm_spendadjustment WHERE import_run_id = %s""",
            [run, event.payload.get("effects", list(OrderEffect.values)), run, run],
        )
