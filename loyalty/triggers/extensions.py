"""Registrations of triggers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.activity import events as activity_events
from crm.customers import events as crm_events
from crm.desk import events as desk_events
from crm.orders import events as orders_events
from loyalty.program import events
from loyalty.triggers import registry as triggers
from loyalty.triggers import selectors as trigger_selectors
from loyalty.triggers.registry import TRIGGERS, Trigger

TRIGGERS.register("order", Trigger(_("Paid orders"), trigger_selectors.orders, "shopping-cart", money=True))
TRIGGERS.register(
    "activity", Trigger(_("Activity"), trigger_selectors.activity, "activity", trigger_selectors.activity_kinds)
)
TRIGGERS.register("rating", Trigger(_("Rated answers"), trigger_selectors.rated_tickets, "star"))
TRIGGERS.register(
    "profile", Trigger(_("Complete profile"), trigger_selectors.complete_profiles, "user-check", lasting=True)
)
TRIGGERS.register("referral", Trigger(_("First order of a referred friend"), trigger_selectors.referrals, "user-plus"))
for _event, _trigger in (
    (orders_events.ORDER_PAID, "order"),
    (activity_events.ACTIVITY_RECEIVED, "activity"),
    (desk_events.TICKET_RATED, "rating"),
    (crm_events.CUSTOMER_CREATED, "profile"),
    (crm_events.CUSTOMER_UPDATED, "profile"),
    (crm_events.IDENTITY_ADDED, "profile"),
    (crm_events.IDENTITY_MOVED, "profile"),
    # A customer who becomes a member through an order was no member yet when the order's event was handled.
    (events.MEMBER_ENROLLED, triggers.ANY),
):
    triggers.hear(_event, _trigger)
triggers.hear(orders_events.ORDERS_IMPORTED, "order", asked=trigger_selectors.buyers_of_imports)
triggers.hear(orders_events.ORDER_PAID, "referral", asked=trigger_selectors.referrers)
triggers.hear(orders_events.ORDERS_IMPORTED, "referral", asked=trigger_selectors.referrers_of_imports)
