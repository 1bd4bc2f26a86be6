"""Monthly charts of the loyalty page, from the last night's snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.console.charts import Chart, Series
from core.text import formatting
from loyalty.ledger.models import PointsSnapshot
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Program


@dataclass(frozen=True)
class Breakage:
    """Points that are expected never to be spent, their worth in minor units and their share in percent."""

    points: int
    worth: int
    share: int


@dataclass(frozen=True)
class Trends:
    day: date
    charts: tuple[Chart, ...]
    breakage: Breakage | None


def trends(program: Program) -> Trends | None:
    """Return the charts, or None before the first snapshot."""
    snapshot = PointsSnapshot.objects.filter(program=program).order_by("-day").first()
    if snapshot is None:
        return None
    labels = [formatting.month(date.fromisoformat(f"{row['month']}-01")) for row in snapshot.months]

    def column(name: str) -> list[int]:
        return [row[name] for row in snapshot.months]

    return Trends(
        day=snapshot.day,
        charts=(
            Chart(
                "points-by-month",
                _("Points by month"),
                _("Month"),
                labels,
                [
                    Series(_("Earned"), column("earned")),
                    Series(_("Redeemed"), column("spent"), below=True, tone="good"),
                    Series(_("Expired"), column("expired"), below=True, tone="off"),
                ],
            ),
            Chart(
                "tier-moves-by-month",
                _("Members who changed tier, by month"),
                _("Month"),
                labels,
                [
                    Series(pgettext_lazy("tier", "Up"), column("up"), tone="good"),
                    Series(pgettext_lazy("tier", "Down"), column("down"), below=True, tone="warn"),
                ],
            ),
        ),
        breakage=_breakage(program, snapshot),
    )


def _breakage(program: Program, snapshot: PointsSnapshot) -> Breakage | None:
    if snapshot.breakage is None or not snapshot.points:
        return None
    share = round(100 * snapshot.breakage / snapshot.points)
    return Breakage(snapshot.breakage, points_worth(program, snapshot.breakage), share)
