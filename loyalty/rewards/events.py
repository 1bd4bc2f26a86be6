"""Domain events of rewards."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare
from loyalty.ledger.events import points_text


def _reward(payload: Mapping[str, Any]) -> str:
    name = str(payload.get("name", ""))
    rest = payload.get("reason") or payload.get("tracking") or payload.get("reference")
    points = points_text({"points": payload["points"]}) if payload.get("points") else ""
    return " · ".join(part for part in (name, points, rest) if part)


REWARD_REDEEMED = declare("loyalty.reward_redeemed", _("Reward redeemed"), icon="gift", describe=_reward)
REWARD_FULFILLED = declare("loyalty.reward_fulfilled", _("Reward delivered"), icon="package", describe=_reward)
REWARD_CANCELLED = declare("loyalty.reward_cancelled", _("Reward cancelled"), icon="x", describe=_reward)
REWARD_FAILED = declare("loyalty.reward_failed", _("Reward not delivered"), icon="alert-triangle", describe=_reward)
REWARD_ADDRESS_SEEN = declare(
    "loyalty.reward_address_seen", _("Address of a gift shown in full"), icon="eye", describe=_reward
)
