"""The shop's own customer fields: create, rename, change options, order, archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from crm.customers.models import AttributeDefinition, AttributeType

MOST_CHOICES = 100
LONGEST = 80


def create_attribute(*, code: str, label: str, type: str, actor: Actor, **values: Any) -> AttributeDefinition:
    """Create a field. Raises Invalid naming the field, also `code_taken`."""
    text = code.strip().lower()
    if not text or len(text) > 40 or not text.replace("_", "").replace("-", "").isalnum() or not text.isascii():
        raise Invalid(_("Use small letters, digits, - and _."), code="invalid", field="code")
    if type not in AttributeType.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="type")
    cleaned = _cleaned({"label": label, **values})
    row = AttributeDefinition(code=text, type=type, **cleaned)
    _check_choices(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Invalid(_("Another field has this code."), code="code_taken", field="code") from None
    return row


def update_attribute(*, attribute: AttributeDefinition, actor: Actor, **values: Any) -> AttributeDefinition:
    """Change a field; its code stays. Raises Invalid naming the field.

    Raises Conflict `type_in_use` when customers have values of the present type, `choice_in_use` when they have an
    option that is left out.
    """
    kind = values.pop("type", None)
    cleaned = _cleaned(values)
    with transaction.atomic():
        locked = lock_row(AttributeDefinition.objects.filter(pk=attribute.pk))
        if kind is not None and kind != locked.type:
            if kind not in AttributeType.values:
                raise Invalid(_("Not one of the choices."), code="invalid_choice", field="type")
            if customer_count(locked):
                raise Conflict(
                    _("Customers have values in this field, so its type can't be changed. Create another field."),
                    code="type_in_use",
                    field="type",
                )
            locked.type = kind
        gone = set(locked.choices) - set(cleaned.get("choices", locked.choices))
        for name, value in cleaned.items():
            setattr(locked, name, value)
        _check_choices(locked)
        if gone and (used := [choice for choice in sorted(gone) if _has_choice(locked, choice)]):
            raise Conflict(
                _("Customers have these options, so they can't be removed: %(choices)s.")
                % {"choices": ", ".join(used[:5])},
                code="choice_in_use",
                field="choices",
            )
        locked.save()
    return locked


def archive_attribute(*, attribute: AttributeDefinition, actor: Actor) -> AttributeDefinition:
    """Hide a field from forms, pages and the API. Customers keep their values."""
    return _set_archived(attribute, clock.now())


def restore_attribute(*, attribute: AttributeDefinition, actor: Actor) -> AttributeDefinition:
    """Show an archived field again, with the values that customers kept."""
    return _set_archived(attribute, None)


def customer_count(attribute: AttributeDefinition) -> int:
    """Return how many customers have a value in the field."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM crm_customer WHERE attributes ? %s AND attributes -> %s <> 'null'",
            [attribute.code, attribute.code],
        )
        return cursor.fetchone()[0]


def customer_counts() -> dict[str, int]:
    """Return {code: number of customers with a value}, with one scan of the customers."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT one.key, count(*) FROM crm_customer c CROSS JOIN LATERAL jsonb_each(c.attributes) AS one
               WHERE c.attributes <> '{}' AND one.value <> 'null' GROUP BY one.key"""
        )
        return dict(cursor.fetchall())


def _set_archived(attribute: AttributeDefinition, at: Any) -> AttributeDefinition:
    with transaction.atomic():
        locked = lock_row(AttributeDefinition.objects.filter(pk=attribute.pk))
        locked.archived_at = at
        locked.save(update_fields=["archived_at"])
    return locked


def _has_choice(attribute: AttributeDefinition, choice: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM crm_customer WHERE attributes @> jsonb_build_object(%s::text, %s::text))",
            [attribute.code, choice],
        )
        return cursor.fetchone()[0]


def _check_choices(row: AttributeDefinition) -> None:
    if row.type == AttributeType.CHOICE and not row.choices:
        raise Invalid(_("Enter at least one option."), code="no_choices", field="choices")
    if row.type != AttributeType.CHOICE:
        row.choices = []


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if name == "label":
            text = " ".join(str(value).split())
            if not text or len(text) > LONGEST or "\x00" in text:
                raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
            cleaned[name] = text
        elif name == "choices":
            cleaned[name] = _options(value)
        elif name == "position":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 32767:
                raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
            cleaned[name] = value
        elif name == "member_writable":
            cleaned[name] = bool(value)
        else:
            raise Invalid(_("This can't be changed here."), code="fixed", field=name)
    return cleaned


def _options(value: Sequence[str]) -> list[str]:
    options = list(dict.fromkeys(text for one in value if (text := " ".join(str(one).split()))))
    if len(options) > MOST_CHOICES or any(len(one) > LONGEST or "\x00" in one for one in options):
        raise Invalid(
            _("At most %(most)s options of at most 80 characters are possible.") % {"most": MOST_CHOICES},
            code="invalid",
            field="choices",
        )
    return options
