"""Serve experiment pages: list, details with plan and results, planning, starting and ending."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.experiments.console.courses import course_chart
from campaigns.experiments.console.effects import (
    EffectCell,
    MetricRow,
    adjusted_words,
    amount_of,
    cell_of,
    difference_of,
    metric_label,
)
from campaigns.experiments.console.form import ExperimentForm
from campaigns.experiments.console.listing import EXPERIMENTS, TONES
from campaigns.experiments.models import Experiment, ExperimentState
from campaigns.experiments.selectors.results import (
    BEFORE_DAYS,
    FIGURES,
    ArmResult,
    ExperimentResults,
    baseline,
    results_of,
)
from campaigns.experiments.services import experiments as services
from core.base.actor import of_user
from core.console import editing
from core.console.switching import switch
from core.console.views import may, page, viewer
from core.lists.showing import respond
from core.text.formatting import number

EDITOR = editing.Editor(
    new="experiment_new",
    edit="experiment_edit",
    index="experiments",
    index_label=_("Experiments"),
    new_heading=_("New experiment"),
    edit_heading=_("Edit experiment"),
    page="experiment",
)


def _experiment(pk: int) -> Experiment:
    return get_object_or_404(Experiment.objects.select_related("segment", "winner"), pk=pk)


@page("campaigns.view_experiment")
def index(request: HttpRequest) -> HttpResponse:
    return respond(EXPERIMENTS, request)


@page("campaigns.view_experiment")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _experiment(pk)
    draft = experiment.state == ExperimentState.DRAFT
    may_change = may(request.user, "campaigns.change_experiment")
    context: dict[str, Any] = {
        "experiment": experiment,
        "tone": TONES.get(ExperimentState(experiment.state), ""),
        "arms": list(experiment.arms.select_related("template", "coupon")),
        "effect": difference_of(experiment.currency, experiment.metric, float(experiment.effect), signed=False),
        "may_edit": may_change and experiment.state != ExperimentState.ENDED,
        "may_start": may_change and draft,
        "may_end": may_change and experiment.state == ExperimentState.RUNNING,
        **_plan(experiment),
    }
    if not draft:
        results = results_of(experiment)
        context |= {
            "results": results,
            "groups": _groups(experiment, results),
            "comparison": _comparison(experiment, results),
            "waiting": _waiting(experiment, results),
            "before_days": BEFORE_DAYS,
            "adjusted": results.readable and any(any(row.adjusted.values()) for row in results.arms),
            "chart": course_chart(experiment, results) if results.readable else None,
        }
    return render(request, "campaigns/experiments/experiment.html", context)


def _plan(experiment: Experiment) -> dict[str, Any]:
    """Return the plan of the experiment, or for a draft the plan as of now."""
    computing = experiment.segment is not None and not experiment.segment.is_current
    if experiment.state == ExperimentState.DRAFT:
        before = baseline(experiment)
        count = services.needed(experiment, before)
        mean = before.mean
    else:
        count, mean = experiment.planned_count, experiment.baseline_mean or 0.0
    return {
        "needed": count,
        "computing": computing and experiment.state == ExperimentState.DRAFT,
        "mean": amount_of(experiment.currency, experiment.metric, mean),
        "start_text": ngettext(
            "Customers are drawn from now on. About %(count)s customer is needed for a result.",
            "Customers are drawn from now on. About %(count)s customers are needed for a result.",
            count or 0,
        )
        % {"count": number(count)}
        if count
        else _t("Customers are drawn from now on. The sample size is unknown, because there are no recent orders."),
    }


def _waiting(experiment: Experiment, results: ExperimentResults) -> str:
    """Return why the result can't be read yet; empty when it can."""
    if results.readable:
        return ""
    if experiment.planned_count is None:
        return _t("The result is shown when the experiment has ended.")
    values = {"counted": number(results.counted), "planned": number(experiment.planned_count)}
    return _t("%(counted)s of %(planned)s customers are counted. The result is shown when all are counted.") % values


def _groups(experiment: Experiment, results: ExperimentResults) -> list[tuple[str, str]]:
    """Return the name of each arm, and whether it is the control or the winner."""
    control, winner = _t("Control"), _t("Winner")
    return [
        (
            one.arm.name,
            " · ".join(
                filter(None, [control if place == 0 else "", winner if experiment.winner_id == one.arm.pk else ""])
            ),
        )
        for place, one in enumerate(results.arms)
    ]


def _comparison(experiment: Experiment, results: ExperimentResults) -> list[MetricRow]:
    """Return the sizes of the arms, then each metric, the main one first."""
    rows = [
        MetricRow(_t("Drawn"), [EffectCell(one.arm.name, number(one.drawn)) for one in results.arms]),
        MetricRow(_t("Counted"), [EffectCell(one.arm.name, number(one.counted)) for one in results.arms]),
    ]
    for metric in sorted(FIGURES, key=lambda metric: metric != experiment.metric):
        cells = [_cell(experiment, results, one, metric) for one in results.arms]
        rows.append(MetricRow(metric_label(metric), cells, metric == experiment.metric))
    return rows


def _cell(experiment: Experiment, results: ExperimentResults, one: ArmResult, metric: str) -> EffectCell:
    cell = cell_of(
        experiment.currency, metric, one.outcomes[metric], one.effects.get(metric), hidden=not results.readable
    )
    adjusted = adjusted_words(experiment.currency, metric, one.adjusted.get(metric)) if results.readable else ""
    return replace(cell, label=one.arm.name, adjusted=adjusted)


@page("campaigns.add_experiment", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("campaigns.change_experiment", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _experiment(pk))


def _form(request: HttpRequest, experiment: Experiment | None) -> HttpResponse:
    form = ExperimentForm(request.POST or None, experiment=experiment)
    if response := EDITOR.save(request, form, lambda: _save(request, experiment, form.values())):
        return response
    values = {"experiment": experiment, "form": form, **EDITOR.values(experiment)}
    return render(request, "campaigns/experiments/experiment_edit.html", values)


def _save(request: HttpRequest, experiment: Experiment | None, values: dict[str, Any]) -> Experiment:
    actor = of_user(request.user)
    if experiment is None:
        return services.create_experiment(actor=actor, user=viewer(request), **values)
    return services.update_experiment(experiment=experiment, actor=actor, **values)


@page("campaigns.change_experiment", methods=("POST",))
def start(request: HttpRequest, pk: int) -> HttpResponse:
    return switch(
        request, services.start_experiment, _t("“%(name)s” runs."), route="experiment", experiment=_experiment(pk)
    )


@page("campaigns.change_experiment", methods=("POST",))
def end(request: HttpRequest, pk: int) -> HttpResponse:
    experiment = _experiment(pk)
    winner = experiment.arms.filter(code=request.POST.get("winner", "")).first()
    services.end_experiment(
        experiment=experiment,
        actor=of_user(request.user),
        winner=winner,
        conclusion=request.POST.get("conclusion", ""),
    )
    messages.success(request, _t("“%(name)s” has ended.") % {"name": experiment.name})
    return redirect("experiment", pk)
