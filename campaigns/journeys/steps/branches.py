"""Choose the path of a run: by condition, by random split, at the goal, or to the exit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.conditions import labels as phrases
from analytics.segments.services.figures import matching_customers
from campaigns.journeys.models import EndReason
from campaigns.journeys.registry import StepBatch, StepKind
from campaigns.journeys.rules import StepValues, arm_of
from campaigns.journeys.services.facts import happened_since
from core.fields import Field, Text
from crm.customers.selectors import shop_currency


class Branch(StepKind):
    label = _("Branch")
    icon = "arrows-split"
    group = "flow"
    fields = (Field("rule", "rule", _("Condition")),)

    def arms(self, values: StepValues) -> Sequence[tuple[str, Text]]:
        return (("yes", _("Yes")), ("no", _("No")))

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        holding = matching_customers(rule=batch.values["rule"], customer_ids=batch.customers)
        return {run.id: "yes" if run.customer in holding else "no" for run in batch.runs}

    def check(self, values: StepValues) -> Iterable[tuple[str, Text]]:
        if not values["rule"].get("children", [values["rule"]]):
            yield "rule", _("Add a condition.")

    def words(self, values: StepValues) -> str:
        rule = values.get("rule")
        return phrases.sentence(rule, shop_currency()) if rule else ""


class Split(StepKind):
    label = _("Split")
    icon = "switch-horizontal"
    group = "flow"
    fields = (Field("split", "arms", _("Paths and their shares")),)

    def arms(self, values: StepValues) -> Sequence[tuple[str, Text]]:
        return tuple((str(arm.get("code", "")), arm_label(arm)) for arm in values.get("split") or ())

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        salt = f"{batch.origin}:{batch.step['id']}"
        weights = [(arm["code"], arm["weight"]) for arm in batch.values["split"]]
        return {run.id: arm_of(salt, run.customer, weights) for run in batch.runs}

    def words(self, values: StepValues) -> str:
        arms = values.get("split") or ()
        weights = [int(arm["weight"]) if str(arm.get("weight", "")).isdigit() else 0 for arm in arms]
        total = sum(weights) or 1
        return " · ".join(
            f"{arm_label(arm)} {weight * 100 / total:.0f}%" for arm, weight in zip(arms, weights, strict=True)
        )


def arm_label(arm: Mapping[str, Any]) -> str:
    return str(arm.get("label") or str(arm.get("code", "")).upper())


class GoalStep(StepKind):
    """End the runs whose customer has reached the journey's goal; the others continue."""

    label = _("Goal")
    icon = "target"
    group = "flow"
    ends = EndReason.GOAL

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        since = {run.id: (run.customer, run.entered_at) for run in batch.runs}
        reached = happened_since(batch.definition.get("goal") or {}, since)
        return {run.id: EndReason.GOAL if run.id in reached else "" for run in batch.runs}

    def words(self, values: StepValues) -> str:
        return _t("Customers who have reached the goal leave here")

    def outcome_label(self, outcome: str) -> Text:
        return _("reached") if outcome else _("not yet")


class Exit(StepKind):
    label = _("Exit")
    icon = "logout"
    group = "flow"
    ends = EndReason.EXIT

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        return {run.id: EndReason.EXIT for run in batch.runs}

    def words(self, values: StepValues) -> str:
        return _t("The journey ends here")

    def outcome_label(self, outcome: str) -> Text:
        return _("left")
