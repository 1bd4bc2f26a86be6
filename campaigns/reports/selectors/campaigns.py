"""Read campaigns of every kind by their origin: name, page, attribution window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.journeys.models import Journey
from campaigns.journeys.selectors.results import window_days
from campaigns.reports.labels import KINDS, TRANSACTIONAL, ids_of

# The window of campaigns that do not choose one: coupons and transactional messages.
DEFAULT_DAYS = 7


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
        _window_of(row),
        getattr(row, "holdout_percent", 0) > 0,
    )


def _window_of(row: Any) -> int:
    """Return the days after a message, or after the entry into a journey, in which orders count."""
    if isinstance(row, Journey):
        return window_days(row.version.definition if row.version else row.draft)
    return getattr(row, "attribution_days", DEFAULT_DAYS)


def campaigns_of(origins: Sequence[str], prefixes: Iterable[str] = KINDS) -> list[Campaign]:
    """Return the campaigns that exist, in the order of the origins, with one query for each kind."""
    messages = reverse("messages")
    found: dict[str, Campaign] = {
        origin: Campaign(origin, str(name), _("Transactional"), f"{messages}?campaign={origin}&days=all")
        for origin, name in TRANSACTIONAL.items()
    }
    allowed = set(prefixes)
    for prefix, kind in KINDS.items():
        ids = ids_of(prefix, origins)
        if ids and prefix in allowed:
            rows = kind.model.objects.filter(pk__in=ids)
            if kind.model is Journey:
                rows = rows.select_related("version")
            found |= {campaign.origin: campaign for campaign in map(campaign_of, rows)}
    return [found[origin] for origin in dict.fromkeys(origins) if origin in found]
