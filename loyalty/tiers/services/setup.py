"""Services that create and change tiers and their policy. Members change only with the next evaluation, never here."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from loyalty.program.models import Program, TierDowngrade, TierMetric, TierPolicy
from loyalty.tiers.models import Tier

LARGEST = 2**53
TEXTS = {"name": 80, "name_zh": 80}
# (minimum, maximum) of each number. The threshold is in the program's metric, the price in minor units.
NUMBERS = {"rank": (1, 100), "threshold": (0, LARGEST), "paid_price": (0, LARGEST), "paid_days": (1, 3660)}
CHOICES = {"tier_metric": TierMetric, "tier_period": TierPolicy, "tier_downgrade": TierDowngrade}
DAYS = {"tier_window_days": (1, 3660), "tier_grace_days": (0, 366)}
TAKEN = {
    "loyalty_tier_rank_once": ("rank", _("Another tier has this rank.")),
    "loyalty_tier_threshold_once": ("threshold", _("Another tier has this threshold.")),
    "loyalty_tier_code_once": ("name", _("Another tier has this name.")),
}


def create_tier(*, program: Program, name: str, rank: int, threshold: int, actor: Actor, **values: Any) -> Tier:
    """Create a tier. Raises Invalid naming the field."""
    cleaned = _cleaned({**values, "name": name, "rank": rank, "threshold": threshold})
    code = slugify(name)[:40].strip("-") or f"t{uuid.uuid4().hex[:8]}"
    return _saved(Tier(program=program, code=code), cleaned)


def update_tier(*, tier: Tier, actor: Actor, **values: Any) -> Tier:
    """Change a tier except for its code. Raises Invalid naming the field."""
    with transaction.atomic():
        return _saved(lock_row(Tier.objects.select_related("program").filter(pk=tier.pk), weak=True), _cleaned(values))


def change_policy(*, program: Program, actor: Actor, **values: Any) -> Program:
    """Change the metric of tiers, its period, and how members go down. Raises Invalid naming the field."""
    for name, value in values.items():
        if name in CHOICES:
            if value not in CHOICES[name].values:
                raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
        elif name in DAYS:
            _check_number(name, value, *DAYS[name])
        else:
            raise Invalid(_("This can't be changed here."), code="fixed", field=name)
    with transaction.atomic():
        locked = lock_row(Program.objects.filter(pk=program.pk), weak=True)
        for name, value in values.items():
            setattr(locked, name, value)
        locked.save(update_fields=list(values))
    return locked


def _saved(tier: Tier, cleaned: dict[str, Any]) -> Tier:
    for name, value in cleaned.items():
        setattr(tier, name, value)
    try:
        with transaction.atomic():
            tier.save()
    except IntegrityError as error:
        for constraint, (field, message) in TAKEN.items():
            if constraint in str(error):
                raise Invalid(message, code="taken", field=field) from None
        raise
    return tier


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if name in TEXTS:
            clean = " ".join(str(value).split())
            if (name == "name" and not clean) or len(clean) > TEXTS[name] or "\x00" in clean:
                raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
            cleaned[name] = clean
        elif name in NUMBERS:
            if value is not None or name != "paid_price":
                _check_number(name, value, *NUMBERS[name])
            cleaned[name] = value
        elif name == "multiplier":
            if not isinstance(value, Decimal) or not 0 <= value < 1000:
                raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
            cleaned[name] = value
        else:
            raise Invalid(_("This can't be changed after the tier was created."), code="fixed", field=name)
    return cleaned


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
