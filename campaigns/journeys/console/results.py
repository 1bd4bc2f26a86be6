"""Serve the results of a journey: a part of its page that loads later, because it reads orders; and their customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext, pgettext

from analytics.segments.services import lists
from campaigns.experiments.console.effects import EffectCell, MetricRow, cell_of, metric_label
from campaigns.experiments.console.holdout_words import further_sentences, of_hundred, too_few
from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import ExperimentEffect
from campaigns.experiments.selectors.results import GOAL
from campaigns.journeys import labels
from campaigns.journeys.console import words
from campaigns.journeys.models import EndReason, Journey, RunState
from campaigns.journeys.registry import Step
from campaigns.journeys.rules import walk
from campaigns.journeys.selectors import people, results
from campaigns.journeys.selectors.runs import standing_of
from campaigns.journeys.services.journeys import label_of
from campaigns.messages.labels import reason_label
from core.base import clock
from core.base.actor import of_user
from core.base.errors import Invalid
from core.console.charts import Chart, Series
from core.console.rows import TabLink
from core.console.views import may, page, viewer, wants_part
from core.db import paging
from core.db.slow_results import cached_when_slow
from core.text.formatting import day, money, number, percent, when

PAGE = 50
SLOW_SECONDS = 0.5
KEPT_SECONDS = 300


@dataclass(frozen=True)
class Figure:
    """Hold one figure and the address of its customers."""

    label: str
    value: str
    url: str = ""
    detail: str = ""


@dataclass(frozen=True)
class StepRow:
    """Hold the figures of one step; `sends` tells whether it has messages."""

    label: str
    words: str
    depth: int
    entered: Figure
    figures: list[Figure]
    held: list[Figure]
    sends: bool


def _journey(pk: int) -> Journey:
    return get_object_or_404(Journey.objects.select_related("version"), pk=pk)


def overview(journey: Journey) -> dict[str, Any]:
    """Return the figures that come from kept counts, and their chart."""
    counts = results.funnel(journey)
    goal = counts.ended.get(EndReason.GOAL, 0)
    ended = sorted(counts.ended.items(), key=lambda item: -item[1])
    figures = [
        Figure(pgettext("count", "Entered"), number(counts.entered), _people(journey, figure=people.ENTERED)),
        Figure(
            _t("In progress"),
            number(counts.entered - sum(counts.ended.values())),
            _people(journey, figure=RunState.ACTIVE),
        ),
    ]
    for reason, count in ended:
        detail = _share(count, counts.entered) if reason == EndReason.GOAL else ""
        figures.append(Figure(str(labels.END_REASONS[reason]), number(count), _people(journey, figure=reason), detail))
    if counts.held_out:
        figures.append(Figure(_t("Held out"), number(counts.held_out), _people(journey, figure=RunState.HELD_OUT)))
    return {"funnel": figures, "chart": _chart(journey, with_goal=goal > 0)}


def _chart(journey: Journey, *, with_goal: bool) -> Chart | None:
    days = results.days_of(journey)
    if not days:
        return None
    series = [Series(pgettext("count", "Entered"), [row.entered for row in days])]
    if with_goal:
        series.append(Series(_t("Reached the goal"), [row.goal for row in days], tone="good"))
    dates = [
        format_html(
            '<a href="{}">{}</a>', _people(journey, figure=people.ENTERED, day=row.day.isoformat()), day(row.day)
        )
        for row in days
    ]
    return Chart(f"journey-{journey.pk}-days", _t("Entries and goals by day"), _t("Day"), dates, series)


@page("campaigns.view_journey")
def of_journey(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the results as a part of the journey's page, or as a page of their own."""
    journey = _journey(pk)
    context: dict[str, Any] = {"journey": journey}
    if journey.version is not None:
        effect, steps, cost = _cached(journey)
        groups, comparison = _comparison(journey, effect)
        context |= {
            "effect": effect,
            "totals": _totals(effect, cost),
            "steps": list(_steps(journey, steps)),
            "sentences": sentences(effect),
            "groups": groups,
            "comparison": comparison,
            "edit_url": reverse("journey_edit", args=[pk]) if may(request.user, "campaigns.change_journey") else "",
        }
    name = "results.html" if wants_part(request) else "results_page.html"
    return render(request, f"campaigns/journeys/{name}", context)


def _cached(
    journey: Journey,
) -> tuple[results.JourneyEffect, dict[str, results.StepMessages], results.JourneyCost]:
    """Return the figures; slow ones are cached for five minutes."""
    return cached_when_slow(
        f"campaigns.journey_results:{journey.pk}:{journey.version_id}",
        lambda: (results.effect_of_journey(journey), results.messages_by_step(journey), results.cost_of(journey)),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )


def _totals(effect: results.JourneyEffect, cost: results.JourneyCost) -> list[Figure]:
    """Return the sums over the measured customers, and what the journey gave to all customers."""
    currency = effect.currency
    figures = [
        Figure(_t("Orders"), number(effect.entered.total(ExperimentMetric.ORDERS))),
        Figure(_t("Net revenue"), money(effect.entered.total(ExperimentMetric.REVENUE), currency)),
    ]
    if cost.codes:
        used = _t("%(used)s of %(codes)s codes used") % {"used": number(cost.used), "codes": number(cost.codes)}
        figures.append(Figure(_t("Coupon discounts"), money(cost.discount, cost.currency), "", used))
    if cost.points:
        worth = money(cost.worth, cost.currency)
        detail = _t("worth %(amount)s") % {"amount": worth} if worth else ""
        figures.append(Figure(_t("Points given"), number(cost.points), "", detail))
    if cost.codes and cost.points and cost.worth is not None:
        figures.append(Figure(_t("Cost of coupons and points"), money(cost.total, cost.currency)))
    return figures


def _steps(journey: Journey, messages: Mapping[str, results.StepMessages]) -> Iterator[StepRow]:
    """Yield the steps of the running version, then those of earlier versions that customers passed."""
    counts = results.funnel(journey)
    standing = standing_of(journey)
    seen: set[str] = set()
    for version in sorted(journey.versions.all(), key=lambda row: -row.number):
        current = version.pk == journey.version_id
        for step, depth in walk(version.definition["steps"]):
            own = step["id"]
            reached = sum(counts.done.get(own, {}).values()) + standing.get(own, 0)
            if own in seen or not (current or reached):
                continue
            seen.add(own)
            label = label_of(step) if current else _t("%(step)s (earlier version)") % {"step": label_of(step)}
            yield _step(journey, step, label, depth, reached, messages.get(own))


def _step(
    journey: Journey, step: Step, label: str, depth: int, reached: int, messages: results.StepMessages | None
) -> StepRow:
    own = step["id"]
    entered = Figure(_t("Reached"), number(reached), _people(journey, step=own, figure=people.REACHED))
    sends = step["kind"] == "message"
    if not sends or messages is None:
        return StepRow(label, words.words_of(step), depth, entered, [], [], sends)
    shown = (
        ("sent", _t("Sent"), messages.sent, messages.made),
        ("delivered", _t("Delivered"), messages.delivered, messages.sent),
        ("opened", pgettext("count", "Opened"), messages.opened, messages.sent),
        ("clicked", pgettext("count", "Clicked"), messages.clicked, messages.sent),
    )
    figures = [
        Figure(name, number(count), _people(journey, step=own, figure=code), _share(count, of))
        for code, name, count, of in shown
    ]
    held = [
        Figure(reason_label(reason), number(count), _people(journey, step=own, reason=reason))
        for reason, count in sorted(messages.held.items(), key=lambda item: -item[1])
    ]
    return StepRow(label, words.words_of(step), depth, entered, figures, held, sends)


def _comparison(journey: Journey, effect: results.JourneyEffect) -> tuple[list[tuple[str, str]], list[MetricRow]]:
    """Return the columns (name, note), and the size of the groups followed by each metric."""
    groups = [(pgettext("count", "Entered"), effect.entered, people.MEASURED, effect.effects)]
    if effect.held_out is not None:
        groups.append((_t("Held out"), effect.held_out, people.MEASURED_HELD_OUT, {}))
    counted = [
        EffectCell(label, number(group.counted), url=_people(journey, figure=figure))
        for label, group, figure, _ in groups
    ]
    rows = [MetricRow(_t("Counted"), counted)]
    for place, metric in enumerate(effect.metrics):
        cells = []
        for label, group, figure, effects in groups:
            cell = cell_of(effect.currency, metric, group.outcomes[metric], effects.get(metric))
            url = _people(journey, figure=figure, did=_did(metric)) if group.counted else ""
            cells.append(replace(cell, label=label, url=url))
        main = effect.held_out is not None and place == 0
        rows.append(MetricRow(metric_label(metric), cells, main))
    return [(label, "") for label, *_rest in groups], rows


def _did(metric: str) -> str:
    """Return what the customers behind a figure did: orders and revenue come from those who ordered."""
    return metric if metric in people.MEASURES else ExperimentMetric.ORDERED


def sentences(effect: results.JourneyEffect) -> list[str]:
    """Return sentences on the effect: the goal first, or orders without one; then what is certain about the rest."""
    if effect.held_out is None:
        return []
    main = effect.effects[GOAL if GOAL in effect.effects else ExperimentMetric.ORDERED]
    if main is None:
        return [too_few(min(effect.entered.counted, effect.held_out.counted))]
    return [_main(main, GOAL in effect.effects), *further_sentences(effect.effects, effect.currency)]


def _main(effect: ExperimentEffect, goal: bool) -> str:
    values = of_hundred(effect)
    if not effect.sure:
        text = (
            _t(
                "Not enough customers yet: per 100 who entered, the effect is between %(low)s fewer and %(high)s more "
                "who reached the goal."
            )
            if goal
            else _t(
                "Not enough customers yet: per 100 who entered, the effect is between %(low)s fewer and %(high)s more "
                "who ordered."
            )
        )
    elif effect.difference > 0:
        text = (
            _t("Per 100 customers who entered, %(low)s to %(high)s more reached the goal than without the journey.")
            if goal
            else _t("Per 100 customers who entered, %(low)s to %(high)s more ordered than without the journey.")
        )
    else:
        text = (
            _t("Per 100 customers who entered, %(low)s to %(high)s fewer reached the goal than without the journey.")
            if goal
            else _t("Per 100 customers who entered, %(low)s to %(high)s fewer ordered than without the journey.")
        )
    return text % values


def _share(count: int, of: int) -> str:
    return percent(count / of, 1) if of else ""


def _people(journey: Journey, **query: str) -> str:
    return f"{reverse('journey_customers', args=[journey.pk])}?{urlencode(query)}"


@page("campaigns.view_journey")
def customers(request: HttpRequest, pk: int) -> HttpResponse:
    """List the customers behind a figure."""
    journey = _journey(pk)
    wanted = people.RunFilter.of(request.GET)
    rows = people.runs(journey, wanted).select_related("customer", "version")
    runs_page = paging.keyset(rows, ["-entered_at", "-id"], request.GET.get("cursor"), PAGE)
    steps = _step_labels(journey)
    context = {
        "journey": journey,
        "page": runs_page,
        "rows": words.run_rows(runs_page, steps),
        "count": paging.count(rows),
        "wanted": wanted,
        "chosen": _chosen(wanted, steps),
        "matching": request.GET.urlencode(),
        "may_save": may(request.user, "analytics.add_segment"),
        "tabs": [
            TabLink(code, label, _people(journey, figure=code) if code else reverse("journey_customers", args=[pk]))
            for code, label in _tabs()
        ],
    }
    return render(request, "campaigns/journeys/customers.html", context)


@page("analytics.add_segment", methods=("POST",))
def save_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the customers behind a figure as a fixed list, each once."""
    if not may(request.user, "campaigns.view_journey"):
        raise PermissionDenied
    journey = _journey(pk)
    wanted = people.RunFilter.of(QueryDict(request.POST.get("matching", "")).dict())
    customers = people.runs(journey, wanted).order_by("customer_id").values_list("customer_id", flat=True).distinct()
    ids = list(customers[: lists.MOST_AT_ONCE])
    if not ids:
        raise Invalid(_t("No customers behind this figure"), code="required")
    parts = [journey.name, _chosen(wanted, _step_labels(journey)), when(clock.now())]
    segment = lists.list_of_customers(
        name=" · ".join(filter(None, parts))[:120], customer_ids=ids, actor=of_user(request.user),
        created_by=viewer(request),
    )  # fmt: skip
    text = ngettext("The list has %(count)s customer.", "The list has %(count)s customers.", segment.size)
    messages.success(request, text % {"count": number(segment.size)})
    return redirect("segment", segment.pk)


def _tabs() -> list[tuple[str, str]]:
    return [
        ("", _t("All")),
        (people.ENTERED, pgettext("count", "Entered")),
        (RunState.ACTIVE, _t("In progress")),
        (EndReason.GOAL, _t("Reached the goal")),
        (RunState.HELD_OUT, _t("Held out")),
    ]


def _step_labels(journey: Journey) -> dict[str, str]:
    """Return the label of every step of any version, the newest one first."""
    names: dict[str, str] = {}
    for version in sorted(journey.versions.all(), key=lambda row: -row.number):
        for step, _depth in walk(version.definition["steps"]):
            names.setdefault(step["id"], label_of(step))
    return names


def _chosen(wanted: people.RunFilter, steps: Mapping[str, str]) -> str:
    """Describe the figure whose customers are listed."""
    names: dict[str, Any] = {
        people.MEASURED: _t("Entered, measurement window over"),
        people.MEASURED_HELD_OUT: _t("Held out, measurement window over"),
        people.REACHED: _t("Reached"),
        people.STANDING: _t("There now"),
        people.DONE: pgettext("step", "done"),
        "sent": _t("Sent"),
        "delivered": _t("Delivered"),
        "opened": pgettext("count", "Opened"),
        "clicked": pgettext("count", "Clicked"),
        GOAL: _t("Reached the goal"),
        ExperimentMetric.ORDERED: _t("Ordered"),
        "left": _t("Withdrew consent"),
        **labels.END_REASONS,
        **dict(_tabs()),
    }
    parts = [steps.get(wanted.step, ""), str(names.get(wanted.figure, "")) if wanted.figure else ""]
    parts += [
        reason_label(wanted.reason) if wanted.reason else "",
        str(names.get(wanted.did, "")) if wanted.did else "",
    ]
    parts += [day(wanted.day) if wanted.day else ""]
    return " · ".join(filter(None, parts))
