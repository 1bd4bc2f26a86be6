"""Registrations of the kinds of imports."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.import_kinds.services import online_retail, refunds, reviews, tickets
from crm.import_kinds.services.catalogue import ActivityImport, Products
from crm.import_kinds.services.orders import Orders
from crm.import_kinds.services.profiles import Consents, Customers
from crm.imports.registry import IMPORT_PROFILES, ImportProfile, ImportType, register_import

GROWN = (
    "crm_order, crm_orderline, crm_refund, crm_refundline, crm_spendadjustment, crm_product, crm_customer, crm_identity"
)
register_import("customers", ImportType(_("Customers"), Customers, named=True,
                                        grown="crm_customer, crm_identity, crm_customertag"))  # fmt: skip
register_import("products", ImportType(_("Products"), Products, grown="crm_product"))
register_import("orders", ImportType(_("Orders"), Orders, grown=GROWN))
register_import(
    "refunds",
    ImportType(_("Refunds"), refunds.Refunds, refunds.FIELDS, refunds.LABELS, grown="crm_refund, crm_refundline"),
)
register_import("activity", ImportType(_("Activity"), ActivityImport, grown="crm_activityevent, crm_activityreceipt"))
register_import(
    "reviews",
    ImportType(
        _("Reviews"),
        reviews.Reviews,
        reviews.FIELDS,
        reviews.LABELS,
        named=True,
        grown="crm_activityevent, crm_activityreceipt",
    ),
)
register_import("consents", ImportType(_("Consents"), Consents, named=True, grown="crm_consent, crm_consentstate"))
register_import("tickets", ImportType(_("Tickets"), tickets.Tickets, tickets.FIELDS, tickets.LABELS, named=True))
IMPORT_PROFILES.register(
    online_retail.NAME, ImportProfile(handler=online_retail.OnlineRetail, reading=online_retail.PROFILE)
)
