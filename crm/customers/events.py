"""Domain events of customers, orders and tickets. `subject_id` is always the customer."""

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

CUSTOMER_CREATED = declare("crm.customer_created", _("Customer created"), icon="user-plus")
CUSTOMER_UPDATED = declare(
    "crm.customer_updated",
    _("Profile changed"),
    icon="user-edit",
    describe=lambda p: ", ".join(p.get("fields", [])),
)
IDENTITY_ADDED = declare("crm.identity_added", _("Identity added"), icon="id")
IDENTITY_VERIFIED = declare("crm.identity_verified", _("Contact detail verified"), icon="id")
IDENTITY_REMOVED = declare("crm.identity_removed", _("Contact detail removed"), icon="trash")
IDENTITY_MOVED = declare("crm.identity_moved", _("Identity moved to its verified owner"), icon="id")
IDENTITY_UNMASKED = declare("crm.identity_unmasked", _("Contact detail shown in full"), icon="eye")
DUPLICATE_SUSPECTED = declare("crm.duplicate_suspected", _("Possible duplicate"), icon="copy")
DUPLICATE_DISMISSED = declare("crm.duplicate_dismissed", _("Not a duplicate"), icon="copy")
CONSENT_CHANGED = declare(
    "crm.consent_changed",
    _("Consent changed"),
    icon="shield-check",
    describe=lambda p: f"{p['channel']} · {p['purpose']} · {p['decision']}",
)
TAGS_CHANGED = declare("crm.tags_changed", _("Tags changed"), icon="tag")
CUSTOMERS_CHANGED = declare("crm.customers_changed", _("Customers changed"), icon="users", on_timeline=False)
CUSTOMERS_EXPORTED = declare("crm.customers_exported", _("Customers exported"), on_timeline=False)
