"""Split by an experiment: each customer follows their arm, and the experiment shows the results (X1, X2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from campaigns.experiments.models import Experiment, ExperimentArm, ExperimentScope, ExperimentState
from campaigns.experiments.services.arms import draw_arms
from campaigns.journeys.registry import StepBatch, StepKind
from campaigns.journeys.rules import StepValues
from core.fields import Choices, Field, Text


def _experiments() -> Choices:
    rows = Experiment.objects.filter(scope=ExperimentScope.CAMPAIGNS, archived_at=None).exclude(
        state=ExperimentState.ENDED
    )
    return [(str(row.pk), row.name) for row in rows.order_by("name")]


class ExperimentSplit(StepKind):
    label = _("Experiment")
    icon = "flask"
    group = "flow"
    fields = (Field("experiment", "choice", _("Experiment"), choices=_experiments),)

    def arms(self, values: StepValues) -> Sequence[tuple[str, Text]]:
        experiment_id = str(values.get("experiment") or "")
        if not experiment_id.isdigit():
            return ()
        arms = ExperimentArm.objects.filter(experiment=int(experiment_id)).order_by("position")
        return tuple(arms.values_list("code", "name"))

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        experiment = Experiment.objects.get(pk=batch.values["experiment"])
        arms = draw_arms(experiment=experiment, customer_ids=batch.customers, origin=batch.origin)
        return {run.id: arms[run.customer].code for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        experiment = Experiment.objects.filter(pk=values["experiment"]).first()
        if experiment is None or experiment.scope != ExperimentScope.CAMPAIGNS:
            yield "experiment", _("Not one of the choices.")

    def words(self, values: StepValues) -> str:
        experiment = Experiment.objects.filter(pk=values.get("experiment") or 0).first()
        return experiment.name if experiment else ""
