"""Plan, start and end experiments (X1-X3). `drawing` draws customers for the arms."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from analytics.segments.services.queue import require_computed
from campaigns.coupons.models import Coupon
from campaigns.experiments import events, rules
from campaigns.experiments.models import SHARE_METRICS, Experiment, ExperimentArm, ExperimentScope, ExperimentState
from campaigns.experiments.selectors.results import Baseline, baseline
from campaigns.templates.models import Template
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.events.bus import emit
from core.lists.services import copy_name, refuse_archived
from core.security.models import User
from crm.customers.selectors import shop_currency

MOST_ARMS = 6
CODES = "abcdef"
FIELDS = (
    "name", "scope", "metric", "window_days", "effect", "error_percent", "power_percent", "any_time", "segment",
)  # fmt: skip
# Settings that results depend on are fixed at the start, so that they can't be changed afterwards.
CHANGEABLE_LATER = frozenset({"name"})
LIMITS = {"window_days": (1, 90), "error_percent": (1, 20), "power_percent": (50, 99)}


@dataclass(frozen=True)
class Arm:
    """Hold one arm of a planned experiment; the first one is the control."""

    name: str
    weight: int = 1
    template: Template | None = None
    coupon: Coupon | None = None


def create_experiment(*, actor: Actor, arms: Sequence[Arm], user: User | None = None, **values: Any) -> Experiment:
    """Plan an experiment. Raises Invalid naming the field."""
    experiment = Experiment(
        currency=shop_currency(), salt=secrets.token_hex(16), created_by=user, owner_id=actor.user_id
    )
    _take(experiment, values)
    with transaction.atomic():
        _save(experiment)
        _write_arms(experiment, arms)
    return experiment


def update_experiment(
    *, experiment: Experiment, actor: Actor, arms: Sequence[Arm] | None = None, **values: Any
) -> Experiment:
    """Change an experiment.

    While it runs, only its name and the names and weights of its arms may change. A new weight applies to customers
    drawn from now on (X1). Raises Conflict `experiment_running` and `experiment_ended`, and Invalid naming the field.
    """
    with transaction.atomic():
        locked = lock_row(Experiment.objects.filter(pk=experiment.pk))
        refuse_archived(locked)
        if locked.state == ExperimentState.ENDED:
            raise Conflict(_("This experiment has ended."), code="experiment_ended")
        running = locked.state == ExperimentState.RUNNING
        changed = {name for name, value in values.items() if getattr(locked, name) != value}
        if running and changed - CHANGEABLE_LATER:
            raise Conflict(
                _("The metric and plan of a running experiment can't be changed."), code="experiment_running"
            )
        _take(locked, values)
        _save(locked)
        if arms is not None and running:
            _reweigh(locked, arms)
        elif arms is not None:
            _write_arms(locked, arms)
    return locked


def duplicate_experiment(*, experiment: Experiment, actor: Actor) -> Experiment:
    """Create a draft with the same plan and arms. Its customers are drawn independently of the original's."""
    values = {name: getattr(experiment, name) for name in FIELDS}
    values["name"] = copy_name(Experiment, experiment.name)
    arms = [
        Arm(arm.name, arm.weight, arm.template, arm.coupon)
        for arm in experiment.arms.select_related("template", "coupon")
    ]
    copy = create_experiment(actor=actor, arms=arms, **values)
    copy.refresh_from_db()
    return copy


def is_busy(experiment: Experiment) -> bool:
    """Return whether the experiment draws customers, so that it can't be archived."""
    return experiment.state == ExperimentState.RUNNING


def start_experiment(*, experiment: Experiment, actor: Actor) -> Experiment:
    """Start drawing customers, and store the baseline of the plan.

    Raises Conflict `experiment_not_draft`, `segment_not_computed` and `global_holdout_running`.
    """
    with transaction.atomic():
        locked = lock_row(Experiment.objects.filter(pk=experiment.pk))
        refuse_archived(locked)
        if locked.state != ExperimentState.DRAFT:
            raise Conflict(_("Only a draft can be started."), code="experiment_not_draft")
        require_computed(locked.segment)
        before = baseline(locked)
        locked.baseline_mean, locked.baseline_variance = before.mean, before.variance
        locked.planned_count = needed(locked, before)
        locked.state = ExperimentState.RUNNING
        locked.started_at = locked.weighed_at = Now()  # type: ignore[assignment]
        try:
            with transaction.atomic():
                locked.save()
        except IntegrityError:
            raise Conflict(_("A global holdout is already running."), code="global_holdout_running") from None
        emit(events.EXPERIMENT_STARTED, subject_id=None, payload=_named(locked), actor=actor)
    locked.refresh_from_db()
    return locked


def end_experiment(
    *, experiment: Experiment, actor: Actor, winner: ExperimentArm | None = None, conclusion: str = ""
) -> Experiment:
    """End the experiment: no more customers are drawn, and all get the winner, or the control without one.

    Raises Conflict `experiment_not_running`, and Invalid when the winner belongs to another experiment.
    """
    if winner is not None and winner.experiment_id != experiment.pk:
        raise Invalid(_("Not an arm of this experiment."), code="invalid_choice", field="winner")
    with transaction.atomic():
        locked = lock_row(Experiment.objects.filter(pk=experiment.pk))
        if locked.state != ExperimentState.RUNNING:
            raise Conflict(_("This experiment is not running."), code="experiment_not_running")
        locked.state, locked.ended_at = ExperimentState.ENDED, Now()  # type: ignore[assignment]
        locked.winner, locked.conclusion = winner, conclusion.strip()[:2000]
        locked.save()
        emit(events.EXPERIMENT_ENDED, subject_id=None, payload=_named(locked), actor=actor)
    locked.refresh_from_db()
    return locked


def needed(experiment: Experiment, before: Baseline) -> int | None:
    """Return the customers needed in all arms together; None when the baseline has no spread to plan on."""
    if before.variance <= 0:
        return None
    weights = [arm.weight for arm in experiment.arms.all()]
    effect, total = float(experiment.effect), sum(weights)
    sizes = [
        rules.sample_needed(
            variances=(before.variance, _variance_with(experiment, before, effect)),
            shares=(weights[0] / total, weight / total),
            effect=effect,
            error=experiment.error_percent / 100,
            power=experiment.power_percent / 100,
            comparisons=len(weights) - 1,
            sequential=experiment.any_time,
        )
        for weight in weights[1:]
    ]
    return max(sizes)


def _variance_with(experiment: Experiment, before: Baseline, effect: float) -> float:
    if experiment.metric in SHARE_METRICS:
        return rules.variance_of_share(min(before.mean + effect, 1.0)) or before.variance
    return before.variance


def _take(experiment: Experiment, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name not in FIELDS:
            raise Invalid(_("This can't be changed."), code="fixed", field=name)
        if name in LIMITS and not LIMITS[name][0] <= value <= LIMITS[name][1]:
            raise Invalid(
                _("From %(least)s to %(most)s.") % {"least": LIMITS[name][0], "most": LIMITS[name][1]},
                code="out_of_range",
                field=name,
            )
        setattr(experiment, name, value)
    if not experiment.name.strip():
        raise Invalid(_("Enter a name."), code="required", field="name")
    most = Decimal(1 if experiment.metric in SHARE_METRICS else 10**9)
    if not 0 < experiment.effect <= most:
        raise Invalid(
            _("Enter a smallest effect above 0 that is possible for this metric."), code="out_of_range", field="effect"
        )


def _save(experiment: Experiment) -> None:
    try:
        with transaction.atomic():
            experiment.save()
    except IntegrityError:
        raise Invalid(_("Another experiment has this name."), code="name_taken", field="name") from None


def _write_arms(experiment: Experiment, arms: Sequence[Arm]) -> None:
    _check_arms(experiment, arms)
    experiment.arms.all().delete()
    ExperimentArm.objects.bulk_create(
        ExperimentArm(
            experiment=experiment, code=code, position=place, name=arm.name.strip(), weight=arm.weight,
            template=arm.template, coupon=arm.coupon,
        )
        for place, (code, arm) in enumerate(zip(CODES, arms, strict=False))
    )  # fmt: skip


def _reweigh(experiment: Experiment, arms: Sequence[Arm]) -> None:
    _check_arms(experiment, arms)
    current = list(experiment.arms.all())
    before = [(arm.template_id, arm.coupon_id) for arm in current]
    if [(arm.template and arm.template.pk, arm.coupon and arm.coupon.pk) for arm in arms] != before:
        raise Conflict(
            _("The templates and coupons of a running experiment can't be changed."), code="experiment_running"
        )
    if [arm.weight for arm in arms] != [arm.weight for arm in current]:
        Experiment.objects.filter(pk=experiment.pk).update(weighed_at=Now())
    for old, new in zip(current, arms, strict=True):
        old.name, old.weight = new.name.strip(), new.weight
        old.save(update_fields=["name", "weight"])


def _check_arms(experiment: Experiment, arms: Sequence[Arm]) -> None:
    if not 2 <= len(arms) <= MOST_ARMS:
        raise Invalid(_("An experiment needs 2 to 6 arms."), code="out_of_range", field="arms")
    if experiment.scope == ExperimentScope.EVERYTHING and len(arms) != 2:
        raise Invalid(
            _("A global holdout has two arms: the held-out customers and all others."),
            code="out_of_range",
            field="arms",
        )
    if any(not arm.name.strip() or not 1 <= arm.weight <= 1000 for arm in arms):
        raise Invalid(_("Each arm needs a name and a weight from 1 to 1000."), code="invalid", field="arms")
    if len({arm.template.channel for arm in arms if arm.template}) > 1:
        raise Invalid(_("All templates must use the same channel."), code="invalid", field="arms")


def _named(experiment: Experiment) -> dict[str, Any]:
    return {"experiment": experiment.pk, "name": experiment.name}
