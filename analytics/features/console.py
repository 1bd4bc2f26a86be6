"""Settings of lifecycle stages and of the RFM grid: the form, the preview, saving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.features.labels import RFM_GROUPS
from analytics.features.models import ScoringVersion, Stage
from analytics.features.services import features, scoring
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import show_refusal
from core.console.views import page, viewer, wants_part
from core.jobs import services as jobs
from core.jobs.models import Job, JobState
from core.jobs.queueing import enqueue_after_commit
from core.text.currencies import exponent
from core.text.formatting import number
from crm.customers.selectors import shop_currency

MANAGE = "analytics.add_scoringversion"
HISTORY = 10
PLACES = range(1, scoring.NUMBER_OF_CUTS + 1)
DAY_LABELS = {
    "new_days": _("New until so many days after the first order"),
    "active_days": _("Active until so many days after the last order"),
    "at_risk_days": _("At risk until"),
    "lapsed_days": _("Lapsed until; later they are lost"),
}
CUT_LABELS = {
    "recency_cuts": _("Days since the last order"),
    "frequency_cuts": _("Number of orders"),
    "money_cuts": _("Net spend"),
}


@dataclass(frozen=True)
class CutRow:
    """The fields of the four cut points of one figure, and their errors."""

    label: str | Promise
    fields: list[forms.BoundField]
    error: str


@dataclass(frozen=True)
class GroupChange:
    """A stage or group of scores with its customers now and after the change."""

    label: str | Promise
    now: int
    after: int


class ScoringForm(forms.Form):
    """Days of the stages, and four cut points for each figure; money is typed in major units."""

    def __init__(self, data: Any = None, *, currency: str) -> None:
        present = scoring.present_values()
        self.scale = 10 ** exponent(currency)
        initial: dict[str, Any] = {name: present[name] for name in scoring.DAYS}
        for name in scoring.CUTS:
            for place, cut in enumerate(present[name], 1):
                value = cut / self.scale if name == "money_cuts" else cut
                initial[f"{name}_{place}"] = int(value) if float(value).is_integer() else value
        super().__init__(data, initial=initial)
        for name in scoring.DAYS:
            self.fields[name] = forms.IntegerField(label=DAY_LABELS[name], min_value=1, max_value=scoring.MOST_DAYS)
        for name in scoring.CUTS:
            for place in PLACES:
                self.fields[f"{name}_{place}"] = forms.FloatField(label=str(place), required=False)

    @property
    def days(self) -> list[forms.BoundField]:
        return [self[name] for name in scoring.DAYS]

    @property
    def cuts(self) -> list[CutRow]:
        return [
            CutRow(CUT_LABELS[name], [self[f"{name}_{place}"] for place in PLACES], " ".join(self._errors_of(name)))
            for name in scoring.CUTS
        ]

    def _errors_of(self, name: str) -> list[str]:
        return [str(text) for place in PLACES for text in self.errors.get(f"{name}_{place}", [])]

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        values: dict[str, Any] = {name: data[name] for name in scoring.DAYS}
        for name in scoring.CUTS:
            cuts = [data[f"{name}_{place}"] for place in PLACES if data[f"{name}_{place}"] is not None]
            values[name] = [cut * self.scale for cut in cuts] if name == "money_cuts" else cuts
        return values

    def refuse(self, error: DomainError) -> None:
        show_refusal(self, error, error.field, f"{error.field}_1")


@page(MANAGE, methods=("GET", "POST"))
def show(request: HttpRequest) -> HttpResponse:
    currency = shop_currency()
    form = ScoringForm(request.POST or None, currency=currency)
    if request.method == "POST" and form.is_valid():
        try:
            job = scoring.start_preview(values=form.values(), user=viewer(request))
        except DomainError as error:
            form.refuse(error)
        else:
            enqueue_after_commit("core.run_job", job.pk)
            return redirect("scoring_preview", job.pk)
    heading = _t("Stages and RFM")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "action": reverse("scoring"),
        "back_url": reverse("settings"),
        "back_label": _t("Settings"),
        "currency": currency,
        "model": features.newest_model(),
        "scale": form.scale,
        "versions": ScoringVersion.objects.order_by("-number")[:HISTORY],
    }
    return render(request, "analytics/features/scoring.html", context)


@page(MANAGE)
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a preview is, and its figures with the button that saves."""
    job = _job(pk)
    figures = job.result.get("figures")
    stages, groups = dict(Stage.choices), {"": _t("No score"), **RFM_GROUPS}
    context = {
        "job": job,
        "figures": figures,
        "running": job.state in {JobState.QUEUED, JobState.RUNNING},
        "stages": [GroupChange(stages.get(code, code), now, then) for code, now, then in figures["stages"]]
        if figures
        else [],
        "groups": [GroupChange(groups.get(code, code), now, then) for code, now, then in figures["groups"]]
        if figures
        else [],
        "effect": _effect(figures) if figures else "",
    }
    template = "analytics/features/preview.html" if wants_part(request) else "analytics/features/preview_page.html"
    return render(request, template, context)


def _effect(figures: dict[str, Any]) -> str:
    stage = ngettext(
        "%(count)s customer changes stage", "%(count)s customers change stage", figures["stage_changes"]
    ) % {"count": number(figures["stage_changes"])}
    group = ngettext(
        "%(count)s customer changes RFM group", "%(count)s customers change RFM group", figures["group_changes"]
    ) % {"count": number(figures["group_changes"])}
    return _t("%(stage)s, %(group)s. Segments and journeys that use them follow.") % {"stage": stage, "group": group}


@page(MANAGE, methods=("POST",))
def apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Save the version of a finished preview, and compute everyone again in a job."""
    job = _job(pk)
    try:
        version = scoring.apply(job=job, actor=of_user(request.user))
    except DomainError as error:
        messages.error(request, str(error.message))
        return redirect("scoring_preview", job.pk)
    rescoring = jobs.create_job(
        kind=scoring.RESCORE, label=_t("Version %(number)s") % {"number": version.number}, created_by=viewer(request)
    )
    enqueue_after_commit("core.run_job", rescoring.pk)
    text = _t("Version %(number)s is saved. All customers are computed again; the jobs page shows the progress.")
    messages.success(request, text % {"number": version.number})
    return redirect("scoring")


def _job(pk: int) -> Job:
    return get_object_or_404(Job, kind=scoring.KIND, pk=pk)
