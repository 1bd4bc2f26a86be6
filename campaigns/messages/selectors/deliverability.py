"""Read how messages arrive by the domain of the recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet, Sum

from campaigns.messages.models import DomainDay
from core.base import clock
from core.base.zones import shop_day

# Above these rates mail providers start to refuse the mail of a sender.
MOST_COMPLAINTS = 0.001
MOST_BOUNCES = 0.02
# A domain with fewer messages may be one person's own, so such domains are shown together.
FEWEST = 5
SHOWN = 100
COUNTS = ("sent", "delivered", "bounced", "complained")


@dataclass(frozen=True)
class DomainDelivery:
    """Hold the counts of one channel and domain. `delivered`: confirmed by the provider. `domain` None: small ones."""

    channel: str
    domain: str | None
    sent: int
    delivered: int
    bounced: int
    complained: int

    @property
    def accepted(self) -> int:
        return self.sent - self.bounced

    @property
    def bounce_rate(self) -> float:
        return self.bounced / self.sent if self.sent else 0.0

    @property
    def complaint_rate(self) -> float:
        """Return the share of complaints among the messages that did not bounce."""
        return self.complained / self.accepted if self.accepted > 0 else 0.0

    @property
    def bounces_much(self) -> bool:
        return self.bounce_rate > MOST_BOUNCES

    @property
    def complains_much(self) -> bool:
        return self.complaint_rate > MOST_COMPLAINTS


def _rows(days: int, channel: str) -> QuerySet[DomainDay]:
    rows = DomainDay.objects.filter(day__gt=shop_day(clock.now()) - timedelta(days=days))
    return rows.filter(channel=channel) if channel else rows


def by_domain(days: int, channel: str = "") -> list[DomainDelivery]:
    """Return the domains of the last days, most messages first; small ones are one row for each channel, at the end."""
    sums = _rows(days, channel).values_list("channel", "domain").annotate(*map(Sum, COUNTS))
    rows = [DomainDelivery(*row) for row in sums.order_by("-sent__sum", "channel", "domain")]
    large = [row for row in rows if row.sent >= FEWEST or not row.domain][:SHOWN]
    shown = {(row.channel, row.domain) for row in large}
    rest = [row for row in rows if (row.channel, row.domain) not in shown]
    return large + [
        _total(name, None, [row for row in rest if row.channel == name]) for name in sorted({r.channel for r in rest})
    ]


def _total(channel: str, domain: str | None, rows: list[DomainDelivery]) -> DomainDelivery:
    return DomainDelivery(channel, domain, *(sum(getattr(row, name) for row in rows) for name in COUNTS))


def by_day(days: int, channel: str = "", domain: str = "") -> list[tuple[date, DomainDelivery]]:
    """Return the totals of each of the last days, days without messages included."""
    rows = _rows(days, channel)
    if domain:
        rows = rows.filter(domain=domain)
    sums = {day: counts for day, *counts in rows.values_list("day").annotate(*map(Sum, COUNTS)).order_by()}
    last = shop_day(clock.now())
    result = []
    for back in range(days - 1, -1, -1):
        day = last - timedelta(days=back)
        result.append((day, DomainDelivery(channel, domain, *sums.get(day, [0] * len(COUNTS)))))
    return result
