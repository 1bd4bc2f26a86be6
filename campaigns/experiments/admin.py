"""Django admin of experiments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.experiments.console.form import ExperimentForm
from campaigns.experiments.models import Experiment, ExperimentState
from campaigns.experiments.services import experiments as services
from core.base.actor import Actor
from core.base.errors import DomainError
from core.console.service_admin import Command, Section, ServiceAdmin, Text, calls, moment
from core.security.models import User
from core.text.formatting import number


def _ending(experiment: Experiment) -> str:
    return _t(
        "No more customers are drawn, and all get what the control gets. To end it with a winner, use the console."
    )


@admin.register(Experiment)
class ExperimentAdmin(ServiceAdmin):
    """The plan of a running experiment is fixed; its name and the weights of its arms can change."""

    console_page, console_list = "experiment", "experiments"
    list_display = ("name", "state", "scope", "metric", "arm_names", "needed", "began", "finished")
    list_filter = ("state", "scope", "metric")
    search_fields = ("name",)
    ordering = ("-created_at", "-id")
    began = moment("started_at", _("started"))
    finished = moment("ended_at", _("ended"))
    facts = ("state", "scope", "metric", "arm_names", "needed", "began", "finished", "conclusion")
    state_field = "state"
    commands = (
        Command("start", _("Start"), calls(services.start_experiment, "experiment")),
        Command("end", _("End without a winner"), calls(services.end_experiment, "experiment"), _ending),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return super().get_queryset(request).prefetch_related("arms")

    def make_form(
        self, request: HttpRequest, obj: Experiment | None, data: Any, files: Any, typed: Any
    ) -> ExperimentForm:
        return ExperimentForm(data, experiment=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Experiment | None, form: Any, actor: Actor) -> Experiment:
        if obj is None:
            return services.create_experiment(actor=actor, user=cast(User, request.user), **form.values())
        return services.update_experiment(experiment=obj, actor=actor, **form.values())

    def refuse(self, form: Any, error: DomainError) -> None:
        # The arms are fields of their own; their refusal stands at the first one.
        if error.field == "arms":
            error.field = "arm0_name"
        form.refuse(error)

    def fixed(self, obj: Experiment) -> Text:
        return _("This experiment has ended, so it can't be changed.") if obj.state == ExperimentState.ENDED else ""

    def sections(self, form: Any, obj: Experiment | None) -> Iterable[Section]:
        arms = {name for name in form.fields if name.startswith("arm")}
        yield None, [name for name in form.fields if name not in arms]
        for place in range(form.shown):
            title = _t("Control") if place == 0 else _t("Arm %(letter)s") % {"letter": "ABCDEF"[place]}
            yield title, [name for name in form.fields if name.startswith(f"arm{place}_")]

    @admin.display(description=_("arms"))
    def arm_names(self, experiment: Experiment) -> str:
        return _t(", ").join(arm.name for arm in experiment.arms.all())

    @admin.display(description=_("customers needed"), ordering="planned_count")
    def needed(self, experiment: Experiment) -> str:
        return number(experiment.planned_count) or "–"
