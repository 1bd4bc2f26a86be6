"""Panels of analytics on the home pages: lifecycle, overview, moves of segments, freshness of the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.features.models import Stage
from analytics.features.selectors import freshness, overview
from analytics.segments import selectors
from analytics.segments.console.shell import ACTIVE_STAGES, CURRENT
from core.console import home, kept
from core.text.formatting import number, percent

OVERVIEW = "analytics.overview"
kept.FIGURES.register(OVERVIEW, overview)
SHOWN_STAGES = (Stage.NEW, Stage.ACTIVE, Stage.WON_BACK, Stage.AT_RISK, Stage.LAPSED, Stage.LOST)
# Below this part of the bar, in percent, a share could not be clicked.
NARROWEST = 1.5


@dataclass(frozen=True)
class StagePart:
    """One stage in the bar: its left edge and width in percent of the bar, and the customers behind it."""

    code: str
    label: str
    count: str
    share: str
    left: str
    width: str
    url: str


def parts_of(stages: dict[str, int]) -> list[StagePart]:
    """Return the stages of customers who ordered, each at least as wide as a finger needs."""
    counts = [(stage, stages.get(stage, 0)) for stage in SHOWN_STAGES]
    total = sum(count for _stage, count in counts)
    if not total:
        return []
    widths = {stage: max(100 * count / total, NARROWEST) if count else 0.0 for stage, count in counts}
    scale = 100 / sum(widths.values())
    parts, left = [], 0.0
    for stage, count in counts:
        width = widths[stage] * scale
        parts.append(
            StagePart(
                stage.value,
                str(stage.label),
                number(count),
                percent(count / total),
                f"{left:.3f}%",
                f"{width:.3f}%",
                f"{reverse('customers')}?stage={stage.value}",
            )
        )
        left += width
    return parts


def _stages(request: HttpRequest) -> dict[str, Any]:
    figures = kept.of(request).get(OVERVIEW)
    if figures is None:
        return {"parts": None}
    prospects = figures["stages"].get(Stage.PROSPECT, 0)
    return {
        "parts": parts_of(figures["stages"]),
        "prospects": number(prospects),
        "prospects_url": f"{reverse('customers')}?stage={Stage.PROSPECT.value}",
    }


for _home, _order in (("marketer", 15), ("analyst", 15)):
    home.panel(
        "stages",
        home=_home,  # type: ignore[arg-type]
        title=_("Customers by stage"),
        permission="analytics.view_customerfeature",
        template="analytics/segments/home_stages.html",
        order=_order,
        wide=True,
    )(_stages)


@home.panel(
    "overview",
    home="analyst",
    title=_("Overview"),
    permission="analytics.view_customerfeature",
    template="analytics/segments/home_overview.html",
    order=10,
    wide=True,
)
def overview_panel(request: HttpRequest) -> dict[str, Any]:
    figures = kept.of(request).get(OVERVIEW)
    if figures is None:
        return {"rows": None}
    customers = reverse("customers")
    buyers, repeat = figures["buyers"], figures["repeat"]
    active = sum(figures["stages"].get(stage, 0) for stage in ACTIVE_STAGES)
    rate = percent(repeat / buyers, 1) if buyers else "–"
    return {
        "rows": [
            home.Card(_t("Customers"), number(figures["customers"]), customers),
            home.Card(
                _t("Active customers"),
                number(active),
                f"{customers}?stage={CURRENT}",
                _t("bought in the last 90 days"),
            ),
            home.Card(_t("Buyers"), number(buyers), f"{customers}?orders=1", _t("ordered at least once")),
            home.Card(
                _t("Repeat rate"),
                rate,
                f"{customers}?orders=2",
                _t("%(count)s ordered more than once") % {"count": number(repeat)},
            ),
        ]
    }


@home.panel(
    "segments",
    home="analyst",
    title=_("Segments with the biggest moves in 7 days"),
    permission="analytics.view_segment",
    template="analytics/segments/home_segments.html",
    order=30,
)
def segments(_request: HttpRequest) -> dict[str, Any]:
    since = selectors.first_day_of_moves().isoformat()
    return {"rows": selectors.biggest_moves(), "since": since, "url": reverse("segments")}


@home.panel(
    "freshness",
    home="analyst",
    title=_("Freshness of the figures"),
    permission="analytics.view_customerfeature",
    template="analytics/segments/home_freshness.html",
    order=40,
)
def freshness_panel(_request: HttpRequest) -> dict[str, Any]:
    return {"fresh": freshness()}
