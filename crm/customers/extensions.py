"""Registrations of crm: facts, import kinds, scopes, roles, encrypted columns."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

import crm.customers.console.panels
import crm.customers.events
import crm.customers.webhooks  # noqa: F401
from core.base.facts import FACTS
from core.base.zones import ZONES
from core.jobs.services import WORK
from core.security import crypto
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import Role, grant
from crm.customers.models import Store
from crm.customers.rules.identities import phone_tail
from crm.customers.services import tagging


def _count(sql: str) -> Callable[[], int]:
    def fact() -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] or 0

    return fact


FACTS.register("customers", _count("SELECT count(*) FROM crm_customer WHERE state = 'active'"))
FACTS.register("identities", _count("SELECT count(*) FROM crm_identity"))


def _store_zone() -> str:
    store = Store.objects.default_or_none()
    return store.time_zone if store else ""


WORK.register(tagging.KIND, tagging.tag_everyone)
ZONES.register("store", _store_zone)
EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]
grant(
    "crm.view_customer", "crm.view_identity", "crm.view_consent", "crm.view_tag", "crm.view_order", "crm.view_product",
    "crm.view_note", "crm.view_spendadjustment", "crm.view_attributedefinition", "crm.view_store",
    to=EVERYONE,
)  # fmt: skip
grant("crm.change_customer", "crm.add_customertag", "crm.unmask_customer", to=[Role.AGENT, Role.LEAD])
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
for _table, _column in (("crm_identityevent", "value"), ("crm_customerevent", "birthday")):
    ENCRYPTED.register(
        f"history.{_table}",
        EncryptedColumn(
            _table, _column, f"{_table.replace('_', '.', 1).removesuffix('event')}.{_column}", key="pgh_id"
        ),
    )
