"""Values of one customer for the customer page."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from core.text.formatting import day
from crm.customers.models import (
    AttributeDefinition,
    Channel,
    ConsentState,
    Customer,
    Identity,
    IdentityKind,
    Purpose,
    Store,
)
from crm.customers.rules.identities import mask


def shop_currency() -> str:
    """Return the currency of the shop; "CNY" before the shop is set up."""
    return Store.objects.filter(is_default=True).values_list("currency", flat=True).first() or "CNY"


def default_country() -> str:
    store = Store.objects.default_or_none()
    return (store.country if store else "") or "CN"


def logo_path(store: Store | None) -> str:
    """Return the path of the shop's logo, or ""."""
    name = ((store.logo.name if store else "") or "").rpartition("/")[2]
    return reverse("shop_logo", args=[name]) if name else ""


@dataclass(frozen=True)
class MailSender:
    """The sender of e-mails as the shop set it; an empty address means that of the server."""

    address: str | None
    reply_to: list[str]


def mail_sender() -> MailSender:
    """Return the sender of e-mails to customers."""
    store = Store.objects.default_or_none()
    name, address = (store.sender_name, store.sender_email) if store else ("", "")
    if name or address:
        address = formataddr((name, address or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))
    return MailSender(address or None, [store.reply_to] if store and store.reply_to else [])


CONTACT_ICONS = {
    "phone": "phone",
    "email": "mail",
    "storefront": "building-store",
    "wechat_openid": "brand-wechat",
    "wecom_external": "brand-wechat",
    "wechat_unionid": "brand-wechat",
    "card": "credit-card",
    "device": "device-mobile",
}


@dataclass(frozen=True)
class Contact:
    """An identity with its value masked. Only `unmask_identity` returns the full value, and it records the look."""

    id: int
    kind: str
    label: str | Promise
    icon: str
    masked: str
    verified_at: datetime | None


@dataclass(frozen=True)
class ConsentRow:
    channel: str | Promise
    purpose: str | Promise
    granted: bool
    since: datetime


@dataclass(frozen=True)
class AttributeValue:
    label: str
    value: str | bool | None


def contact(identity: Identity) -> Contact:
    return Contact(
        identity.pk,
        identity.kind,
        identity.get_kind_display(),
        CONTACT_ICONS.get(identity.kind, "id"),
        mask(identity.kind, identity.value),
        identity.verified_at,
    )


def contacts(customer: Customer) -> list[Contact]:
    """Return the identities of a customer: contact details first (phone, e-mail), then the other identifiers."""
    order = IdentityKind.values
    identities = sorted(customer.identities.all(), key=lambda item: (order.index(item.kind), item.pk))
    return [contact(identity) for identity in identities]


def consents(customer: Customer) -> list[ConsentRow]:
    channels, purposes = dict(Channel.choices), dict(Purpose.choices)
    states = ConsentState.objects.filter(customer_id=customer.pk)
    return [
        ConsentRow(
            channels.get(row.channel, row.channel), purposes.get(row.purpose, row.purpose), row.granted, row.since
        )
        for row in sorted(states, key=lambda row: (row.purpose, row.channel))
    ]


def attributes(customer: Customer) -> list[AttributeValue]:
    """Return the shop's own fields in their order, including fields without a value."""
    result = []
    for definition in AttributeDefinition.objects.current():
        value = customer.attributes.get(definition.code)
        if definition.type == "date" and isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = day(datetime.fromisoformat(value).date())
        result.append(AttributeValue(definition.label, value))
    return result


def masked_birthday(customer: Customer) -> str:
    """Return only the year, because the full date is a security question elsewhere (P3)."""
    if not customer.birthday:
        return ""
    if not customer.birth_year:
        return _t("known, but hidden")
    return _t("%(year)s, the day is hidden") % {"year": customer.birth_year}
