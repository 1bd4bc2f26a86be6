"""Read campaigns of every kind by their origin: name, page, attribution window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts.models import Broadcast
from campaigns.care.models import CareRule
from campaigns.coupons.models import Coupon
from campaigns.journeys.models import Journey

# The window of campaigns that do not choose one: journeys and transactional messages.
DEFAULT_DAYS = 7


@dataclass(frozen=True)
class CampaignKind:
    """Describe a kind of campaign: `prefix` begins its origins, `permission` opens its page at `route`."""

    prefix: str
    label: str | Promise
    model: Any
    route: str
    permission: str


KINDS: dict[str, CampaignKind] = {
    kind.prefix: kind
    for kind in (
        CampaignKind("broadcast", _("Broadcast"), Broadcast, "broadcast", "campaigns.view_broadcast"),
        CampaignKind("journey", _("Journey"), Journey, "journey", "campaigns.view_journey"),
        CampaignKind("care", _("Care rule"), CareRule, "care_rule", "campaigns.view_carerule"),
        CampaignKind("coupon", _("Coupon"), Coupon, "coupon", "campaigns.view_coupon"),
    )
}
# Origins of messages that belong to no campaign.
TRANSACTIONAL: dict[str, str | Promise] = {
    "survey:ticket": _("Satisfaction question"),
    "ticket:reply": _("Reply on a ticket"),
    "api": _("Sent by an API call"),
}


@dataclass(frozen=True)
class Campaign:
    """Hold one campaign. `days` is its attribution window; `goes_on`: it still holds customers out."""

    origin: str
    name: str
    kind: str | Promise
    url: str = ""
    days: int = DEFAULT_DAYS
    goes_on: bool = False

    @property
    def is_coupon(self) -> bool:
        return self.origin.startswith("coupon:")

    @property
    def pk(self) -> int:
        """Return the id of the campaign's row; 0 for transactional messages."""
        number = self.origin.partition(":")[2]
        return int(number) if number.isdigit() else 0


def campaign_of(row: Any) -> Campaign:
    """Return the campaign of a row of any kind."""
    kind = next(kind for kind in KINDS.values() if isinstance(row, kind.model))
    return Campaign(
        f"{kind.prefix}:{row.pk}",
        row.name,
        kind.label,
        reverse(kind.route, args=[row.pk]),
        getattr(row, "attribution_days", DEFAULT_DAYS),
        getattr(row, "holdout_percent", 0) > 0,
    )


def campaigns_of(origins: Sequence[str], prefixes: Iterable[str] = KINDS) -> list[Campaign]:
    """Return the campaigns that exist, in the order of the origins, with one query for each kind."""
    messages = reverse("messages")
    found: dict[str, Campaign] = {
        origin: Campaign(origin, str(name), _("Transactional"), f"{messages}?campaign={origin}&days=all")
        for origin, name in TRANSACTIONAL.items()
    }
    allowed = set(prefixes)
    for prefix, kind in KINDS.items():
        ids = {
            int(origin[len(prefix) + 1 :])
            for origin in origins
            if origin.startswith(f"{prefix}:") and origin[len(prefix) + 1 :].isdecimal() and len(origin) < 28
        }
        if ids and prefix in allowed:
            found |= {campaign.origin: campaign for campaign in map(campaign_of, kind.model.objects.filter(pk__in=ids))}
    return [found[origin] for origin in dict.fromkeys(origins) if origin in found]
