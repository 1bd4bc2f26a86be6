"""Registrations of crm: facts, import kinds, scopes, roles, encrypted columns."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core import crypto, health
from core.facts import FACTS, Amounts, amounts, supersede
from core.roles import Role, grant
from core.rotation import ENCRYPTED, EncryptedColumn
from core.scopes import SCOPES
from core.services.jobs import WORK
from core.zones import ZONES
from crm import panels, webhooks  # noqa: F401
from crm.console import audit, desk, listing, shell  # noqa: F401
from crm.import_kinds import ImportType, register_import
from crm.models import Store
from crm.rules.identities import phone_tail
from crm.services import activity_partitions, tagging
from crm.services.imports import following, refunds, reviews, tickets
from crm.services.imports.catalogue import ActivityImport, Products
from crm.services.imports.orders import Orders
from crm.services.imports.profiles import Consents, Customers


def _count(sql: str):
    def fact() -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] or 0

    return fact


def _refunds() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), coalesce(sum(amount), 0)::bigint FROM crm_refund")
        count, amount = cursor.fetchone()
    return {"count": count, "amount": amount}


def _money(statement: str) -> Callable[[], Amounts]:
    """Build a fact of minor units by currency; `statement` yields currency and amount."""

    def fact() -> Amounts:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return amounts(dict(cursor.fetchall()))

    return fact


# Guests are included. In each currency, gross less refunds plus adjustments is net.
GROSS = "SELECT currency, sum(total)::bigint FROM crm_order WHERE state = 'paid' GROUP BY 1"
REFUNDED = "SELECT currency, -sum(refunded)::bigint FROM crm_order WHERE state = 'paid' AND refunded > 0 GROUP BY 1"
ADJUSTED = "SELECT currency, sum(amount)::bigint FROM crm_spendadjustment GROUP BY 1"
NET = f"""SELECT currency, sum(amount)::bigint
          FROM ({GROSS} UNION ALL {REFUNDED} UNION ALL {ADJUSTED}) AS parts(currency, amount) GROUP BY 1"""


def _tickets() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status, count(*) FROM crm_ticket GROUP BY 1 ORDER BY 1")
        return dict(cursor.fetchall())


FACTS.register("customers", _count("SELECT count(*) FROM crm_customer WHERE state = 'active'"))
FACTS.register("identities", _count("SELECT count(*) FROM crm_identity"))
FACTS.register("orders", _count("SELECT count(*) FROM crm_order WHERE state = 'paid'"))
FACTS.register("order_lines", _count("SELECT count(*) FROM crm_orderline"))
FACTS.register("products", _count("SELECT count(*) FROM crm_product"))
FACTS.register("activity_events", _count("SELECT count(*) FROM crm_activityevent"))
FACTS.register("refunds", _refunds)
FACTS.register("gross_revenue_minor", _money(GROSS))
FACTS.register("refunded_minor", _money(REFUNDED))
FACTS.register("adjustments", _count("SELECT count(*) FROM crm_spendadjustment"))
FACTS.register("adjusted_minor", _money(ADJUSTED))
FACTS.register("net_revenue_minor", _money(NET))
FACTS.register("net_revenue", _money(NET))
for _name in ("refunds", "net_revenue"):
    supersede(_name)
FACTS.register("tickets", _tickets)


def _store_zone() -> str:
    return Store.objects.filter(is_default=True).values_list("time_zone", flat=True).first() or ""


health.register("partitions", activity_partitions.check, fix=activity_partitions.fix)
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
WORK.register(tagging.KIND, tagging.tag_everyone)
WORK.register(following.KIND, following.follow)
ZONES.register("store", _store_zone)

for _scope, _label in {
    "customers:read": _("Read customers"),
    "customers:write": _("Create and change customers, identities and consents"),
    "orders:read": _("Read orders"),
    "orders:write": _("Send orders and refunds"),
    "activity:write": _("Send activity events"),
    "products:read": _("Read products"),
    "products:write": _("Send products"),
    "tickets:read": _("Read tickets"),
    "tickets:write": _("Open and answer tickets"),
    "tokens:write": _("Make member tokens"),
}.items():
    SCOPES.register(_scope, _label)

EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]
grant(
    "crm.view_customer", "crm.view_identity", "crm.view_consent", "crm.view_tag", "crm.view_order", "crm.view_product",
    "crm.view_note", "crm.view_spendadjustment", "crm.view_attributedefinition", "crm.view_store",
    to=EVERYONE,
)  # fmt: skip
grant("crm.view_ticket", to=[Role.AGENT, Role.LEAD, Role.ANALYST])
grant("crm.add_ticket", "crm.change_ticket", "crm.add_note", to=[Role.AGENT, Role.LEAD])
grant("crm.change_customer", "crm.add_customertag", "crm.unmask_customer", to=[Role.AGENT, Role.LEAD])
grant("crm.add_customertag", "crm.view_importrun", "crm.add_importrun", to=[Role.MARKETER])
grant("crm.export_customer", "crm.view_importrun", to=[Role.LEAD, Role.ANALYST])
grant("core.view_jobs", to=[Role.LEAD, Role.MARKETER])
grant("core.view_audit", to=[Role.LEAD])
grant(
    "core.manage_apikeys", "core.view_user", "core.add_user", "core.change_user", "core.view_apikey",
    "auth.view_group", "crm.change_store", "crm.add_store", "crm.add_attributedefinition", "crm.change_attributedefinition",
    "crm.delete_attributedefinition", "crm.view_activitykind", "crm.change_tag", "crm.delete_tag", "crm.change_product", "crm.add_product",
    to=[],
)  # fmt: skip


def _identity_index(value: str, row: dict) -> bytes:
    return crypto.blind_index(value, f"identity:{row['kind']}")


def _tail_index(value: str, row: dict) -> bytes | None:
    return crypto.blind_index(phone_tail(value), "identity:phone_tail") if row["kind"] == "phone" else None


ENCRYPTED.register(
    "crm.identity",
    EncryptedColumn(
        "crm_identity",
        "value",
        "crm.identity.value",
        ("kind",),
        {"value_index": _identity_index, "tail_index": _tail_index},
    ),
)
ENCRYPTED.register(
    "crm.customer.birthday",
    EncryptedColumn(
        "crm_customer",
        "birthday",
        "crm.customer.birthday",
        (),
        {"birthday_index": lambda value, row: crypto.blind_index(value[5:], "birthday")},
    ),
)
ENCRYPTED.register(
    "crm.importrefusal", EncryptedColumn("crm_importrefusal", "raw", "crm.importrefusal.raw", base64=True)
)
for _table, _column in (("crm_identityevent", "value"), ("crm_customerevent", "birthday")):
    ENCRYPTED.register(
        f"history.{_table}",
        EncryptedColumn(
            _table, _column, f"{_table.replace('_', '.', 1).removesuffix('event')}.{_column}", key="pgh_id"
        ),
    )
