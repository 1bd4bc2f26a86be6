"""Changes to profiles, tags and notes, and the recorded look at a contact detail in full."""

from __future__ import annotations

import zoneinfo
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import acting
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import Strength, lock_columns, lock_row
from core.events.bus import Emission, emit, emit_many
from core.security import crypto
from core.text.countries import code_of
from crm.customers import events
from crm.customers.models import AttributeDefinition, Customer, CustomerState, CustomerTag, Gender, Identity, Note, Tag
from crm.customers.rules.attributes import AttributeSpec, WrongAttribute, check_attributes
from crm.customers.rules.names import search_form

PLAIN_FIELDS = {"name": 200, "country": 60, "region": 120, "language": 10, "time_zone": 64, "gender": 8}


def _country(text: str) -> str:
    code = code_of(text)
    if code is None:
        raise Invalid(
            _("There is no country %(name)s: use its ISO 3166 code, such as CN.") % {"name": text[:60]},
            code="unknown_country",
            field="country",
        )
    return code


def birthday_indexes(month: int, day: int) -> list[bytes]:
    """Return the blind indexes of a month and day. They find today's birthdays without decrypting any birthday (P3)."""
    return crypto.blind_indexes(f"{month:02d}-{day:02d}", "birthday")


def birthday_columns(birthday: date | None) -> dict[str, Any]:
    """Return the columns that store a birthday: encrypted text, blind index of month and day, and year."""
    if birthday is None:
        return {"birthday": None, "birthday_index": None, "birth_year": None}
    return {
        "birthday": birthday.isoformat(),
        "birthday_index": crypto.blind_index(f"{birthday:%m-%d}", "birthday"),
        "birth_year": birthday.year,
    }


def attribute_specs() -> dict[str, AttributeSpec]:
    """Return the definitions of the attributes that are not archived, by code."""
    return {
        row.code: AttributeSpec(row.code, row.type, tuple(row.choices)) for row in AttributeDefinition.objects.current()
    }


def checked_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the columns for these profile changes. Raises Invalid that names the field."""
    columns: dict[str, Any] = {}
    for field, value in changes.items():
        if field in PLAIN_FIELDS:
            text = str(value or "").strip()
            if len(text) > PLAIN_FIELDS[field] or "\x00" in text:
                raise Invalid(
                    _("This is too long or has characters that can't be stored."), code="invalid", field=field
                )
            columns[field] = _country(text) if field == "country" else text
            if field == "name":
                columns["search_name"] = search_form(text)
        elif field == "birthday":
            columns |= birthday_columns(_birthday(value))
        elif field == "attributes":
            try:
                columns["attributes"] = check_attributes(value or {}, attribute_specs())
            except WrongAttribute as error:
                messages = {
                    "unknown_attribute": _("The shop has no such attribute."),
                    "wrong_type": _("This value does not fit the attribute's type."),
                }
                raise Invalid(messages[error.code], code=error.code, field=f"attributes.{error.attribute}") from None
        else:
            raise Invalid(_("Unknown field."), code="unknown_field", field=field)
    if columns.get("gender") and columns["gender"] not in Gender.values:
        raise Invalid(_("Use female, male, other or nothing."), code="invalid_choice", field="gender")
    if columns.get("time_zone") and columns["time_zone"] not in zoneinfo.available_timezones():
        raise Invalid(_("Use a zone such as Asia/Shanghai."), code="unknown_time_zone", field="time_zone")
    if columns.get("language"):
        columns["language"] = supported_language(columns["language"])
    return columns


def supported_language(tag: str) -> str:
    """Return the language code: `zh-CN`, `zh_Hans` and `zh` become zh-hans.

    Another tag becomes its first part when the product supports that language; otherwise it stays as it is.
    """
    folded = tag.replace("_", "-").lower()
    if folded.split("-")[0] == "zh":
        return "zh-hans"
    first = folded.split("-")[0]
    return first if first in dict(settings.LANGUAGES) else folded


def update_customer(*, customer: Customer, changes: dict[str, Any], actor: Actor) -> Customer:
    """Change a profile. Raises Invalid for a wrong value, Conflict when the customer is merged or erased.

    A member may change only member-writable attributes; other attributes raise Invalid `read_only_attribute`.
    A member may set the birthday once, while none is known; later attempts raise Conflict `birthday_set` (J7).
    """
    columns = checked_changes(changes)
    if actor.kind == "member":
        _check_own_attributes(changes.get("attributes") or {})
    with transaction.atomic():
        locked = lock_row(Customer.objects.filter(pk=customer.pk))
        if locked.state != CustomerState.ACTIVE:
            raise Conflict(_("This customer is merged or erased."), code="customer_not_active")
        if actor.kind == "member" and locked.birthday and columns.get("birthday", locked.birthday) != locked.birthday:
            raise Conflict(
                _("The birthday is already set. Ask the shop to change it."), code="birthday_set", field="birthday"
            )
        if "attributes" in columns:
            merged = {**locked.attributes, **columns["attributes"]}
            columns["attributes"] = {code: value for code, value in merged.items() if value is not None}
        changed = [name for name, value in columns.items() if getattr(locked, name) != value]
        if changed:
            for name in changed:
                setattr(locked, name, columns[name])
            locked.updated_at = Now()  # type: ignore[assignment]
            locked.save(update_fields=[*changed, "updated_at"])
            shown = sorted({"birthday" if name.startswith("birth") else name for name in changed} - {"search_name"})
            emit(events.CUSTOMER_UPDATED, subject_id=locked.pk, payload={"fields": shown}, actor=actor)
            locked.refresh_from_db()
    return locked


def _check_own_attributes(attributes: dict[str, Any]) -> None:
    own = set(AttributeDefinition.objects.current().filter(member_writable=True).values_list("code", flat=True))
    for code in attributes.keys() - own:
        raise Invalid(
            _("Only the shop can change this attribute."), code="read_only_attribute", field=f"attributes.{code}"
        )


def require_active(customer_id: int, *, field: str | None = None) -> None:
    """Lock a customer's state until the transaction ends. Raises Conflict when the customer is merged or erased.

    The row is locked in shared mode, so that no merge or erasure happens between this check and the later writes.
    """
    if lock_columns("crm_customer", [customer_id], ["state"], strength=Strength.SHARE) != [(CustomerState.ACTIVE,)]:
        raise Conflict(_("This customer is merged or erased."), code="customer_not_active", field=field)


def add_tag(*, customer: Customer, name: str, actor: Actor) -> Tag:
    """Tag a customer; a new name creates a tag. Tagging again changes nothing."""
    clean = " ".join(name.split())
    if not clean or len(clean) > 60:
        raise Invalid(_("A tag has 1 to 60 characters."), code="invalid", field="tag")
    with transaction.atomic():
        tag, _created = Tag.objects.get_or_create(name=clean)
        _row, added = CustomerTag.objects.get_or_create(customer=customer, tag=tag, defaults={"added_by": str(actor)})
        if added:
            emit(events.TAGS_CHANGED, subject_id=customer.pk, payload={"added": clean}, actor=actor)
    return tag


def add_tag_to_many(*, customer_ids: list[int], name: str, actor: Actor) -> int:
    """Tag many customers at once. Returns how many did not have the tag before."""
    clean = checked_tag(name)
    with transaction.atomic():
        tag, _created = Tag.objects.get_or_create(name=clean)
        had = set(
            CustomerTag.objects.filter(tag=tag, customer_id__in=customer_ids).values_list("customer_id", flat=True)
        )
        new = [pk for pk in customer_ids if pk not in had]
        CustomerTag.objects.bulk_create(
            [CustomerTag(customer_id=pk, tag=tag, added_by=str(actor)) for pk in new], ignore_conflicts=True
        )
        emit_many([Emission(events.TAGS_CHANGED, pk, {"added": clean}) for pk in new], actor=actor)
    return len(new)


def checked_tag(name: str) -> str:
    """Return the name in its stored form. Raises Invalid."""
    clean = " ".join(name.split())
    if not clean or len(clean) > 60:
        raise Invalid(_("A tag has 1 to 60 characters."), code="invalid", field="tag")
    return clean


def remove_tag(*, customer: Customer, tag: Tag, actor: Actor) -> bool:
    """Remove a tag from a customer. Return whether the customer had it."""
    with transaction.atomic():
        removed, _rows = CustomerTag.objects.filter(customer=customer, tag=tag).delete()
        if removed:
            emit(events.TAGS_CHANGED, subject_id=customer.pk, payload={"removed": tag.name}, actor=actor)
    return bool(removed)


def add_note(*, customer: Customer, text: str, actor: Actor, pinned: bool = False) -> Note:
    """Add a note of staff to a customer. Raises Invalid when the text is missing or too long."""
    clean = text.strip()
    if not clean or len(clean) > 4000:
        raise Invalid(_("A note has 1 to 4,000 characters."), code="invalid", field="text")
    return Note.objects.create(customer=customer, author_id=actor.user_id, text=clean, pinned=pinned)


def pin_note(*, note: Note, pinned: bool, actor: Actor) -> Note:
    """Pin a note to the top of the customer page, or unpin it; several may be pinned. The history names the actor.

    Raises Conflict `customer_not_active`.
    """
    with transaction.atomic(), acting(actor):
        require_active(note.customer_id)
        locked = lock_row(Note.objects.filter(pk=note.pk))
        if locked.pinned != pinned:
            locked.pinned = pinned
            locked.save(update_fields=["pinned"])
    return locked


def unmask_identity(*, identity: Identity, actor: Actor) -> str:
    """Return the full value. Every look is recorded with the person (P3)."""
    with transaction.atomic():
        emit(
            events.IDENTITY_UNMASKED,
            subject_id=identity.customer_id,
            payload={"kind": identity.kind, "identity": identity.pk},
            actor=actor,
        )
    return identity.value


def _birthday(value: Any) -> date | None:
    if value in (None, ""):
        return None
    try:
        birthday = value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise Invalid(_("Use a date such as 1990-12-31."), code="invalid_date", field="birthday") from None
    if not 1900 <= birthday.year <= 2100:
        raise Invalid(_("Use a date such as 1990-12-31."), code="invalid_date", field="birthday")
    return birthday
