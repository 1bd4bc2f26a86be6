"""The profile of a segment as charts: its members against all customers, and the actions that use the segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.features.models import Stage
from analytics.features.registry import REACH
from analytics.segments.models import Segment
from analytics.segments.services.profiles import Part, SegmentProfile, profile_of
from core.base.errors import DomainError
from core.console.charts import Chart, Series
from core.console.views import page, wants_part
from core.text.formatting import number
from loyalty.tiers.models import Tier

REGIONS_SHOWN = 10
SPEND: dict[str, str | Promise] = {
    "5": _("Top 20%"),
    "4": _("20–40%"),
    "3": _("40–60%"),
    "2": _("60–80%"),
    "1": _("Lowest 20%"),
    "0": _("No orders"),
}
ORDERS = {"0": "0", "1": "1", "2": "2", "3": "3–5", "6": "6+"}


@page("analytics.view_segment")
def profile(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the profile as a part of the segment's page, or as a page of its own."""
    segment = get_object_or_404(Segment, pk=pk)
    context: dict[str, Any] = {"segment": segment}
    try:
        figures = profile_of(segment)
    except DomainError as error:
        context["refusal"] = str(error.message)
    else:
        context |= {"charts": charts(segment, figures), "summary": _summary(figures)}
    name = "segment_profile.html" if wants_part(request) else "segment_profile_page.html"
    return render(request, f"analytics/segments/{name}", context)


def _summary(figures: SegmentProfile) -> str:
    text = ngettext(
        "%(inside)s member against %(everyone)s customers in all.",
        "%(inside)s members against %(everyone)s customers in all.",
        figures.inside,
    )
    return text % {"inside": number(figures.inside), "everyone": number(figures.everyone)}


def charts(segment: Segment, figures: SegmentProfile) -> list[Chart]:
    """Return one chart for each dimension, with the shares of the segment and of all customers in percent."""
    if not figures.inside:
        return []
    tiers = {str(tier.rank): tier.label for tier in Tier.objects.filter(program__is_default=True).order_by("rank")}
    ranks = {**tiers, "0": tiers.get("0", _t("No tier")), "-1": _t("Not a member")}
    stages = {str(value): str(label) for value, label in Stage.choices}
    ways = {name: str(way.label) for name, way in REACH.items()}

    def chart(code: str, title: str, parts: Sequence[Part], label: Callable[[str], str]) -> Chart:
        return Chart(
            f"segment-{segment.pk}-{code}",
            title,
            title,
            [label(part.value) for part in parts],
            [
                Series(_t("Segment (%)"), [_share(part.inside, figures.inside) for part in parts]),
                Series(
                    _t("All customers (%)"), [_share(part.everyone, figures.everyone) for part in parts], tone="off"
                ),
            ],
        )

    def of(dimension: str) -> list[Part]:
        return list(figures.parts.get(dimension, ()))

    tier_parts = sorted(of("tier"), key=lambda part: int(part.value))
    return [
        chart(
            "stage", _t("Lifecycle stage"), _in_order(of("stage"), list(stages)), lambda value: stages.get(value, value)
        ),
        chart("tier", _t("Tier"), tier_parts, lambda value: ranks.get(value, value)),
        chart("region", _t("Region"), _largest(of("region")), lambda value: value or _t("Unknown")),
        chart("spend", _t("Spend among buyers"), _in_order(of("spend"), list(SPEND)), lambda value: str(SPEND[value])),
        chart("orders", _t("Number of orders"), _in_order(of("orders"), list(ORDERS)), lambda value: ORDERS[value]),
        chart("reach", _t("Reachable for marketing"), list(figures.reach), lambda value: ways.get(value, value)),
    ]


def _share(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _in_order(parts: Sequence[Part], order: Sequence[str]) -> list[Part]:
    places = {value: place for place, value in enumerate(order)}
    return sorted(parts, key=lambda part: places.get(part.value, len(places)))


def _largest(parts: Sequence[Part]) -> list[Part]:
    """Return the regions with most members, and the others as one."""
    known = sorted((part for part in parts if part.value), key=lambda part: (-part.inside, -part.everyone, part.value))
    shown, others = known[:REGIONS_SHOWN], known[REGIONS_SHOWN:]
    if others:
        rest = Part(_t("Other regions"), sum(part.inside for part in others), sum(part.everyone for part in others))
        shown.append(rest)
    return shown + [part for part in parts if not part.value]
