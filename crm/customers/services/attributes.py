"""Services that create, change and remove the fields that the shop adds to its customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.db.model_values import clean_columns
from crm.customers.models import AttributeDefinition, AttributeType

# Stored values are read by code and type, so both are fixed.
CHANGEABLE = frozenset({"label", "choices", "position", "member_writable"})


def create_attribute(
    *, code: str, label: str, type: str, actor: Actor, choices: Sequence[str] = (), **values: Any
) -> AttributeDefinition:
    """Create a customer field. Raises Invalid naming the field; `code_taken` when another field has the code."""
    changed = {**values, "label": label, "choices": choices}
    cleaned = _cleaned(changed, type)
    cleaned |= clean_columns(AttributeDefinition, {"code": code, "type": type})
    try:
        with transaction.atomic():
            return AttributeDefinition.objects.create(**cleaned)
    except IntegrityError:
        raise Invalid(_("Another customer field has this code."), code="code_taken", field="code") from None


def update_attribute(*, attribute: AttributeDefinition, actor: Actor, **values: Any) -> AttributeDefinition:
    """Change a customer field except for its code and type. Raises Invalid naming the field."""
    with transaction.atomic():
        locked = lock_row(AttributeDefinition.objects.filter(pk=attribute.pk), weak=True)
        cleaned = _cleaned(values, locked.type)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(cleaned))
    return locked


def delete_attribute(*, attribute: AttributeDefinition, actor: Actor) -> None:
    """Remove a customer field. Stored values stay in the customers' rows and are no longer shown. Idempotent."""
    AttributeDefinition.objects.filter(pk=attribute.pk).delete()


def _cleaned(values: dict[str, Any], kind: str) -> dict[str, Any]:
    if unknown := values.keys() - CHANGEABLE:
        raise Invalid(_("This can't be changed once it exists."), code="fixed", field=min(unknown))
    if "choices" not in values:
        return clean_columns(AttributeDefinition, values)
    choices = list(dict.fromkeys(filter(None, (" ".join(one.split()) for one in values["choices"]))))
    if kind == AttributeType.CHOICE and not choices:
        raise Invalid(_("Enter at least one choice."), code="required", field="choices")
    if kind != AttributeType.CHOICE and choices:
        raise Invalid(_("Only a field of the type “Choice” has choices."), code="invalid", field="choices")
    if any(len(one) > 80 for one in choices):
        raise Invalid(_("A choice has at most 80 characters."), code="invalid", field="choices")
    others = {name: value for name, value in values.items() if name != "choices"}
    return {**clean_columns(AttributeDefinition, others), "choices": choices}
