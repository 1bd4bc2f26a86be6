"""Registrations of crm: facts, import kinds, scopes, roles, encrypted columns."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import crm.customers.console.panels
import crm.customers.events
import crm.customers.webhooks  # noqa: F401
from core.base.facts import FACTS, count_of
from core.base.zones import ZONES
from core.console import settings_cards
from core.jobs.services import WORK
from core.security import crypto
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from core.team.registry import SHOP_NAMES
from core.text.currencies import use_own_currency
from crm.customers.models import Store
from crm.customers.rules.identities import phone_tail
from crm.customers.services import tags

FACTS.register("customers", count_of("SELECT count(*) FROM crm_customer WHERE state = 'active'"))
FACTS.register("identities", count_of("SELECT count(*) FROM crm_identity"))


def _store_zone() -> str:
    """Return the zone of the default store. Every page asks for it, so the row also tells the shop's currency."""
    store = Store.objects.default_or_none()
    use_own_currency(store.currency if store else "")
    return store.time_zone if store else ""


def _store_name() -> str:
    store = Store.objects.default_or_none()
    return store.name if store else ""


SHOP_NAMES.register("store", _store_name)
WORK.register(tags.KIND, tags.tag_everyone)
ZONES.register("store", _store_zone)
settings_cards.register(
    "shop",
    _("Shop"),
    _("Name, logo, colours, sender of e-mails, time zone and currency"),
    url="settings_shop",
    icon="building-store",
    permission="crm.change_store",
    group="shop",
    order=10,
)
settings_cards.register(
    "attributes",
    _("Customer fields"),
    _("What your shop knows about customers besides the profile"),
    url="attributes",
    icon="forms",
    permission="crm.change_attributedefinition",
    group="customers",
    order=10,
)
settings_cards.register(
    "tags",
    _("Tags"),
    _("Rename, merge and delete"),
    url="tags",
    icon="tags",
    permission="crm.change_tag",
    group="customers",
    order=20,
)
SCOPES.register("customers:read", _("Read customers"))
SCOPES.register("customers:write", _("Create and change customers, identities and consents"))
SCOPES.register("tokens:write", _("Make member tokens"))
grant(
    "crm.view_customer", "crm.view_identity", "crm.view_consent", "crm.view_tag", "crm.view_note",
    "crm.view_attributedefinition", "crm.view_store",
    to=EVERYONE,
)  # fmt: skip
grant(
    "crm.add_customer", "crm.change_customer", "crm.add_customertag", "crm.unmask_customer", "crm.add_note",
    "crm.add_identity", "crm.change_identity", "crm.delete_identity", "crm.add_consent",
    "crm.view_duplicatecandidate", "crm.change_duplicatecandidate",
    to=[Role.AGENT, Role.LEAD],
)  # fmt: skip
grant("crm.add_customertag", to=[Role.MARKETER])
grant("crm.export_customer", to=[Role.LEAD, Role.ANALYST])
grant(
    "crm.change_store", "crm.add_store", "crm.add_attributedefinition", "crm.change_attributedefinition",
    "crm.delete_attributedefinition", "crm.change_tag", "crm.delete_tag",
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
