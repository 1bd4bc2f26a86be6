"""Categories of rewards: create, rename, order, delete."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from loyalty.program.models import Program
from loyalty.rewards.models import Reward, RewardCategory

TEXTS = {"name": 80, "name_zh": 80}


def create_category(*, program: Program, name: str, actor: Actor, **values: Any) -> RewardCategory:
    """Create a category. Raises Invalid naming the field; `name_taken` when its code would be another's."""
    cleaned = _cleaned({"name": name, **values})
    code = slugify(cleaned["name"])[:40].strip("-") or f"c{uuid.uuid4().hex[:8]}"
    try:
        with transaction.atomic():
            return RewardCategory.objects.create(program=program, code=code, **cleaned)
    except IntegrityError:
        raise Invalid(_("Another category has this name."), code="name_taken", field="name") from None


def update_category(*, category: RewardCategory, actor: Actor, **values: Any) -> RewardCategory:
    """Change a category; its code stays. Raises Invalid naming the field."""
    cleaned = _cleaned(values)
    with transaction.atomic():
        locked = lock_row(RewardCategory.objects.filter(pk=category.pk))
        for name, value in cleaned.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(cleaned))
    return locked


def delete_category(*, category: RewardCategory, actor: Actor) -> None:
    """Delete a category. Raises Conflict `category_in_use` while rewards are in it."""
    with transaction.atomic():
        locked = lock_row(RewardCategory.objects.filter(pk=category.pk))
        count = Reward.objects.filter(category=locked).count()
        if count:
            raise Conflict(
                _("%(count)s rewards are in this category. Move them first.") % {"count": count},
                code="category_in_use",
            )
        locked.delete()


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if name in TEXTS:
            text = " ".join(str(value).split())
            if (name == "name" and not text) or len(text) > TEXTS[name] or "\x00" in text:
                raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
            cleaned[name] = text
        elif name == "position":
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 32767:
                raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
            cleaned[name] = value
        else:
            raise Invalid(_("This can't be changed here."), code="fixed", field=name)
    return cleaned
