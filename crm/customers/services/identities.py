"""Resolution of identities to customers (S5).

A verified identity decides. A soft identity (unverified, or a device) attaches an unowned identity to the customer that
has the soft one, but never joins two known customers: such pairs are proposed as duplicates, and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_names
from core.events.bus import emit
from core.security import crypto
from crm.customers import events
from crm.customers.models import Customer, Identity, IdentityKind
from crm.customers.rules.identities import SOFT_KINDS, normalise, phone_tail
from crm.customers.services import customers
from crm.customers.services.duplicates import suspect_duplicate

# Order of precedence when two verified identities name different customers.
PRECEDENCE = ["storefront", "wechat_unionid", "wechat_openid", "wecom_external", "card", "phone", "email", "device"]
ASSERTED_BY_SERVER = frozenset({"storefront", "wechat_unionid", "wechat_openid", "wecom_external", "card"})
REASONS = {
    "empty": _("This is empty."),
    "too_long": _("This is longer than 200 characters."),
    "not_a_phone": _("This is not a phone number of that country."),
    "not_an_email": _("This is not an e-mail address."),
    "not_printable": _("This has characters that can't be shown."),
}


@dataclass(frozen=True)
class GivenIdentity:
    """A customer's identity as the caller sends it.

    `verified` None means true for ids that only a server can know, else false.
    """

    kind: str
    value: str
    verified: bool | None = None

    @property
    def strong(self) -> bool:
        """Return whether the identity identifies a customer on its own: it is verified or asserted by a server."""
        if self.kind in SOFT_KINDS:
            return False
        return self.kind in ASSERTED_BY_SERVER if self.verified is None else self.verified


@dataclass(frozen=True)
class Resolution:
    """The result of resolving identities: the customer, if any, and whether it was created."""

    customer: Customer | None
    created: bool = False


def index_of(kind: str, normalised: str) -> bytes:
    """Return the blind index of a normalised value with the current key."""
    return crypto.blind_index(normalised, f"identity:{kind}")


def indexes_of(kind: str, normalised: str) -> list[bytes]:
    """Return the blind indexes of a normalised value with all keys."""
    return crypto.blind_indexes(normalised, f"identity:{kind}")


def normalised(given: Sequence[GivenIdentity], *, country: str, field: str = "identities") -> list[GivenIdentity]:
    """Return the identities in normal form, in order of precedence. Raises Invalid that names the wrong item."""
    result = []
    for position, item in enumerate(given):
        if item.kind not in IdentityKind.values:
            raise Invalid(_("Unknown kind of identity."), code="unknown_kind", field=f"{field}.{position}.kind")
        try:
            value = normalise(item.kind, item.value, country)
        except ValueError as error:
            code = str(error)
            raise Invalid(REASONS[code], code=code, field=f"{field}.{position}.value") from None
        result.append(GivenIdentity(item.kind, value, item.verified))
    return sorted(result, key=lambda item: PRECEDENCE.index(item.kind))


def find(kind: str, value: str) -> Identity | None:
    """Return the identity of this kind and value, or None."""
    return (
        Identity.objects.select_related("customer").filter(kind=kind, value_index__in=indexes_of(kind, value)).first()
    )


def resolve_customer(
    given: Sequence[GivenIdentity],
    *,
    actor: Actor,
    source: str,
    country: str,
    create: bool = True,
    defaults: dict | None = None,
) -> Resolution:
    """Find the customer that these identities name, or create one. New identities are attached to that customer.

    Returns no customer when only a device is given, or when nothing matches and `create` is false.
    Raises Invalid for a malformed identity.
    """
    items = normalised(given, country=country)
    with transaction.atomic():
        # Two concurrent requests for the same new person must create only one customer.
        lock_identities(items)
        known = {
            (item.kind, item.value): identity for item in items if (identity := find(item.kind, item.value)) is not None
        }
        verified = _distinct(
            known[item.kind, item.value].customer
            for item in items
            if item.strong and (item.kind, item.value) in known and known[item.kind, item.value].verified_at
        )
        strong = any(item.strong for item in items)
        soft = _distinct(
            known[item.kind, item.value].customer
            for item in items
            if item.kind not in SOFT_KINDS and (item.kind, item.value) in known
        )
        created = False
        if verified:
            customer = verified[0]
        elif not strong and soft:
            customer = soft[0]
        elif not create or all(item.kind in SOFT_KINDS for item in items):
            return Resolution(None)
        else:
            customer = Customer.objects.create(source=source, **(defaults or {}))
            customer.refresh_from_db(fields=["number", "created_at", "updated_at"])
            created = True
            emit(events.CUSTOMER_CREATED, subject_id=customer.pk, payload={"source": source}, actor=actor)
        for item in items:
            _attach(customer, item, known.get((item.kind, item.value)), actor)
        for other in _distinct([*verified, *soft]):
            if other.pk != customer.pk:
                suspect_duplicate(customer=customer, other=other, actor=actor)
        return Resolution(customer, created)


def add_identity(
    *, customer: Customer, kind: str, value: str, verified: bool | None, actor: Actor, country: str
) -> Identity:
    """Attach one identity to a known customer.

    Raises Conflict when another customer owns it, Invalid when malformed.
    """
    item = normalised([GivenIdentity(kind, value, verified)], country=country, field="identity")[0]
    with transaction.atomic():
        lock_names([f"identity:{item.kind}:{index_of(item.kind, item.value).hex()}"])
        customers.require_active(customer.pk)
        existing = find(item.kind, item.value)
        if existing and existing.customer_id != customer.pk and (existing.verified_at or not item.strong):
            raise Conflict(
                _("This identity belongs to another customer."), code="identity_taken", field="identity.value"
            )
        identity = _attach(customer, item, existing, actor)
        if identity is None:
            raise Conflict(
                _("This identity belongs to another customer."), code="identity_taken", field="identity.value"
            )
        return identity


def lock_identities(items: Iterable[GivenIdentity]) -> None:
    """Lock the names of these normalised identities until the transaction ends, whether or not they are known."""
    lock_names([f"identity:{item.kind}:{index_of(item.kind, item.value).hex()}" for item in items])


def _distinct(customers: Iterable[Customer]) -> list[Customer]:
    return list({customer.pk: customer for customer in customers}.values())


def _attach(customer: Customer, item: GivenIdentity, existing: Identity | None, actor: Actor) -> Identity | None:
    """Attach an identity and return it, or None when it stays with another customer."""
    if existing is None:
        try:
            with transaction.atomic():
                identity = Identity.objects.create(
                    customer=customer,
                    kind=item.kind,
                    value=item.value,
                    value_index=index_of(item.kind, item.value),
                    tail_index=crypto.blind_index(phone_tail(item.value), "identity:phone_tail")
                    if item.kind == "phone"
                    else None,
                    verified_at=Now() if item.strong else None,
                )
        except IntegrityError:
            return None
        emit(events.IDENTITY_ADDED, subject_id=customer.pk, payload={"kind": item.kind}, actor=actor)
        return identity
    if existing.customer_id == customer.pk:
        if item.strong and not existing.verified_at:
            Identity.objects.filter(pk=existing.pk).update(verified_at=Now())
        return existing
    if item.strong and not existing.verified_at:
        # A verified owner takes precedence over a customer who only claimed the address.
        previous = existing.customer_id
        Identity.objects.filter(pk=existing.pk).update(customer=customer, verified_at=Now())
        emit(
            events.IDENTITY_MOVED,
            subject_id=customer.pk,
            payload={"kind": item.kind, "from": previous},
            actor=actor,
        )
        return existing
    return None
