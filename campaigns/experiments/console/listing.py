"""The list of experiments."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import DateTimeField, Q, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.experiments.models import Experiment, ExperimentScope, ExperimentState
from campaigns.experiments.services import experiments as services
from core.console.list_columns import Cell
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, State, TopAction, register
from core.text.formatting import day

TONES = {ExperimentState.RUNNING: "good", ExperimentState.ENDED: "off"}
# Drafts are sorted before all others.
NOT_YET = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())


def _edit(experiment: Experiment) -> str:
    return "" if experiment.state == ExperimentState.ENDED else reverse("experiment_edit", args=[experiment.pk])


EXPERIMENTS = register(
    ObjectList(
        name="experiments",
        title=_("Experiments"),
        route="experiments",
        model=Experiment,
        permission="campaigns.view_experiment",
        change="campaigns.change_experiment",
        add="campaigns.add_experiment",
        select=lambda _request: Experiment.objects.select_related("owner", "winner").prefetch_related("arms"),
        opens=lambda experiment: reverse("experiment", args=[experiment.pk]),
        edit=_edit,
        columns=[
            Column(
                "name",
                _("Experiment"),
                lambda row: Cell(row.name, _("Global holdout") if row.scope == ExperimentScope.EVERYTHING else ""),
                sort="name",
            ),
            Column(
                "state",
                _("State"),
                lambda row: Cell(row.get_state_display(), badge=TONES.get(ExperimentState(row.state), "off")),
                on_cards=False,
            ),
            Column("metric", _("Metric"), lambda row: row.get_metric_display(), sort="metric"),
            Column("arms", _("Arms"), lambda row: " · ".join(arm.name for arm in row.arms.all())),
            Column(
                "started",
                _("Started"),
                lambda row: day(row.started_at),
                lambda row: row.started_at and row.started_at.isoformat(),
                Coalesce("started_at", NOT_YET),
            ),
            Column("winner", _("Winner"), lambda row: row.winner.name if row.winner else "", shown=False),
            owner_column(),
            created_column(),
        ],
        states=[
            State("", _("All")),
            *(State(state, label, lambda state=state: Q(state=state)) for state, label in ExperimentState.choices),
        ],
        search=("name",),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda experiment, actor: services.duplicate_experiment(experiment=experiment, actor=actor),
        top_actions=[
            TopAction(_("New experiment"), "plus", lambda: reverse("experiment_new"), "campaigns.add_experiment")
        ],
        empty=Empty(
            "flask",
            _("No experiments yet"),
            _(
                "Test two subject lines, two offers or two paths of a journey on randomly drawn customers, and see "
                "which works better."
            ),
            _("Marketers make them."),
        ),
    )
)
