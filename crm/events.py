"""Domain events of customers, orders and tickets. `subject_id` is always the customer."""

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events import declare

CUSTOMER_CREATED = declare("crm.customer_created", _("Customer created"), icon="user-plus")
CUSTOMER_UPDATED = declare(
    "crm.customer_updated",
    _("Profile changed"),
    icon="user-edit",
    describe=lambda p: ", ".join(p.get("fields", [])),
)
IDENTITY_ADDED = declare("crm.identity_added", _("Identity added"), icon="id")
IDENTITY_MOVED = declare("crm.identity_moved", _("Identity moved to its verified owner"), icon="id")
IDENTITY_UNMASKED = declare("crm.identity_unmasked", _("Contact detail shown in full"), icon="eye")
DUPLICATE_SUSPECTED = declare("crm.duplicate_suspected", _("Possible duplicate"), icon="copy")
CONSENT_CHANGED = declare(
    "crm.consent_changed",
    _("Consent changed"),
    icon="shield-check",
    describe=lambda p: f"{p['channel']} · {p['purpose']} · {p['decision']}",
)
TAGS_CHANGED = declare("crm.tags_changed", _("Tags changed"), icon="tag")
ORDER_PLACED = declare("crm.order_placed", _("Order placed"), icon="shopping-cart", on_timeline=False)
ORDER_PAID = declare("crm.order_paid", _("Order paid"), icon="shopping-cart", on_timeline=False)
ORDER_CANCELLED = declare("crm.order_cancelled", _("Order cancelled"), icon="shopping-cart-x", on_timeline=False)
ORDER_REFUNDED = declare("crm.order_refunded", _("Refund"), icon="receipt-refund", on_timeline=False)
ORDERS_IMPORTED = declare("crm.orders_imported", _("Orders imported"), icon="file-import", on_timeline=False)
CUSTOMERS_CHANGED = declare("crm.customers_changed", _("Customers changed"), icon="users", on_timeline=False)
ACTIVITY_RECEIVED = declare("crm.activity_received", _("Activity received"), icon="activity", on_timeline=False)
CUSTOMERS_EXPORTED = declare("crm.customers_exported", _("Customers exported"), on_timeline=False)
REFUSED_ROWS_EXPORTED = declare("crm.refused_rows_exported", _("Refused rows downloaded"), on_timeline=False)
TICKET_OPENED = declare(
    "crm.ticket_opened", _("Ticket opened"), icon="message-circle", describe=lambda p: p.get("subject", "")
)
TICKET_REPLIED = declare("crm.ticket_replied", _("Ticket answered"), icon="message-reply")
TICKET_REOPENED = declare("crm.ticket_reopened", _("Ticket opened again"), icon="message-circle")
TICKET_RESOLVED = declare("crm.ticket_resolved", _("Ticket resolved"), icon="message-check")
TICKET_RATED = declare(
    "crm.ticket_rated",
    _("Satisfaction answered"),
    icon="star",
    describe=lambda p: _t("%(score)s of 5") % {"score": p.get("score")},
)
