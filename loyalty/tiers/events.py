"""Domain events of tiers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events.bus import declare
from core.text.formatting import day, in_chinese
from loyalty.tiers.models import SetTierReason, Tier


def _tier(name: str | None) -> str:
    """Return the tier's name in the viewer's language.

    An event stores the name that the tier had then, in the shop's first language.
    """
    if not name or not in_chinese():
        return name or ""
    names: dict[str, str] = cache.get_or_set("loyalty:tier-names-zh", _names_in_chinese, 60) or {}
    return names.get(name, name)


def _names_in_chinese() -> dict[str, str]:
    return dict(Tier.objects.exclude(name_zh="").values_list("name", "name_zh"))


def _tiers(payload: Mapping[str, Any]) -> str:
    before, after = _tier(payload.get("from")), _tier(payload.get("to")) or "–"
    return _t("%(from)s to %(to)s") % {"from": before, "to": after} if before else after


def _tier_set(payload: Mapping[str, Any]) -> str:
    """Return the tier, its end and the reason in one line."""
    until = datetime.fromisoformat(payload["until"]) if payload.get("until") else None
    parts = [
        _tier(payload.get("tier")),
        _t("until %(day)s") % {"day": day(until)} if until else "",
        _t("locked") if payload.get("locked") else "",
        str(dict(SetTierReason.choices).get(payload.get("reason", ""), "")),
        payload.get("note", ""),
    ]
    return " · ".join(part for part in parts if part)


TIER_CHANGED = declare("loyalty.tier_changed", _("Tier changed"), icon="trophy", describe=_tiers)
TIER_SET = declare("loyalty.tier_set", _("Tier set by hand"), icon="lock", describe=_tier_set)
TIER_RELEASED = declare("loyalty.tier_released", _("Tier set by hand was ended"), icon="lock-open", describe=_tier_set)
TIER_BOUGHT = declare("loyalty.tier_bought", _("Tier bought"), icon="credit-card", describe=_tier_set)
TIER_REFUNDED = declare("loyalty.tier_refunded", _("Bought tier refunded"), icon="receipt-refund", describe=_tier_set)
