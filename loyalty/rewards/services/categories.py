"""Services that create and change the categories of rewards."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.db.model_values import clean_columns
from loyalty.program.models import Program
from loyalty.rewards.models import RewardCategory

CHANGEABLE = frozenset({"name", "name_zh", "position"})


def create_category(*, program: Program, name: str, actor: Actor, code: str = "", **values: Any) -> RewardCategory:
    """Create a category. Raises Invalid naming the field; `code_taken` when another category has the code."""
    chosen = slugify(code or name)[:40].strip("-") or f"c{uuid.uuid4().hex[:8]}"
    cleaned = _cleaned({**values, "name": name})
    try:
        with transaction.atomic():
            return RewardCategory.objects.create(program=program, code=chosen, **cleaned)
    except IntegrityError:
        raise Invalid(_("Another category has this code."), code="code_taken", field="code") from None


def update_category(*, category: RewardCategory, actor: Actor, **values: Any) -> RewardCategory:
    """Change a category except for its code. Raises Invalid naming the field."""
    cleaned = _cleaned(values)
    with transaction.atomic():
        locked = lock_row(RewardCategory.objects.filter(pk=category.pk), weak=True)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(cleaned))
    return locked


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := values.keys() - CHANGEABLE:
        raise Invalid(_("This can't be changed once it exists."), code="fixed", field=min(unknown))
    return clean_columns(RewardCategory, values)
