"""Decide holdouts and draw arms of experiments (X1, X2): set-based where messages are made, or by customer.

The order is that of X2: first the global holdout, then the campaign's own. Only customers in neither are drawn for the
campaign's experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns.experiments import rules
from campaigns.experiments.models import Experiment, ExperimentArm, ExperimentScope, ExperimentState
from campaigns.messages.selectors.own import messages_of
from campaigns.templates.models import MessageClass, Template
from core.base.errors import Invalid

# The arm is kept from the first message on, so that a change of the percentage moves no customer (X1). Customers of the
# global holdout were never drawn here.
_OWN = f"""coalesce(
    (SELECT m.reason = 'holdout' FROM {messages_of("a")} AS m
     WHERE m.origin = %(origin)s AND m.context ->> 'held' IS NULL ORDER BY m.created_at, m.id LIMIT 1),
    campaigns_bucket(%(origin)s, a.customer_id) < %(holdout)s)"""  # noqa: S608 - fragments of the code; values are parameters
_EVERYTHING = """coalesce(
    (SELECT e.arm_id = %(everything_out)s FROM campaigns_exposure e
     WHERE e.experiment_id = %(everything)s AND e.customer_id = a.customer_id),
    campaigns_share(%(everything_salt)s, a.customer_id) < %(everything_end)s)"""


@dataclass(frozen=True)
class HoldoutSql:
    """Hold SQL on `a.customer_id`: `own` is the campaign's holdout, `everything` the global one; both use `params`."""

    own: str
    everything: str
    experiment: Experiment | None
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> str:
        """Return the SQL condition that a customer is held out by the shop's or the campaign's own group."""
        return f"({self.everything} OR {self.own})"


def kept_out(*, message_class: str, origin: str, holdout_percent: int) -> HoldoutSql:
    """Return the SQL for which customers of the audience get nothing.

    No customer is held out of a transactional message.
    """
    params: dict[str, Any] = {"origin": origin, "holdout": holdout_percent}
    experiment = _global_holdout() if message_class == MessageClass.MARKETING else None
    if experiment is None:
        return HoldoutSql(_OWN, "false", None, params)
    arms = list(experiment.arms.all())
    params |= {
        "everything": experiment.pk,
        "everything_salt": experiment.salt,
        "everything_out": arms[0].pk,
        "everything_end": rules.limits_of([arm.weight for arm in arms])[0],
    }
    return HoldoutSql(_OWN, _EVERYTHING, experiment, params)


# {chosen}: a condition that selects the candidates to draw.
DRAW = """
SELECT campaigns_draw(%(draw)s, %(draw_salt)s, %(draw_arms)s::bigint[], %(draw_ends)s::int[], array_agg(a.customer_id),
                      %(origin)s)
FROM ({select}) AS a(customer_id, occurrence, due_at, context)
WHERE {where} AND {chosen} AND {fresh}"""
_EXPOSE = """
SELECT customer, arm FROM campaigns_expose(
    %(draw)s, %(draw_salt)s, %(draw_arms)s::bigint[], %(draw_ends)s::int[], %(customers)s::bigint[], %(origin)s)"""


def draw_params(experiment: Experiment) -> dict[str, Any]:
    """Return the SQL parameters that draw an arm: the salt, the arms and the upper ends of their ranges."""
    arms = list(experiment.arms.all())
    return {
        "draw": experiment.pk,
        "draw_salt": experiment.salt,
        "draw_arms": [arm.pk for arm in arms],
        "draw_ends": rules.limits_of([arm.weight for arm in arms]),
    }


def arm_for_all(experiment: Experiment) -> int:
    """Return the arm of customers that are not drawn: before the start the control, after the end the winner."""
    arms = list(experiment.arms.all())
    return next((arm.pk for arm in arms if arm.pk == experiment.winner_id), arms[0].pk)


def draw_arms(*, experiment: Experiment, customer_ids: Sequence[int], origin: str) -> dict[int, ExperimentArm]:
    """Return the arm of each customer.

    While the experiment runs, the first draw is kept (X1). Before the start all customers have the control, and after
    the end the winner; neither is stored.
    """
    arms = {arm.pk: arm for arm in experiment.arms.all()}
    if experiment.state != ExperimentState.RUNNING:
        return dict.fromkeys(customer_ids, arms[arm_for_all(experiment)])
    with connection.cursor() as cursor:
        cursor.execute(_EXPOSE, {**draw_params(experiment), "customers": list(customer_ids), "origin": origin})
        return {customer: arms[arm] for customer, arm in cursor.fetchall()}


def check_experiment(experiment: Experiment | None, template: Template) -> None:
    """Raise Invalid unless a campaign with this template can run the experiment."""
    if experiment is None:
        return
    if experiment.scope != ExperimentScope.CAMPAIGNS:
        raise Invalid(
            _("A global holdout can't be used in a single campaign."), code="invalid_choice", field="experiment"
        )
    for arm in experiment.arms.select_related("template", "coupon"):
        if arm.template and (
            arm.template.channel != template.channel or arm.template.message_class != template.message_class
        ):
            raise Invalid(
                _("The templates of this experiment use another channel or purpose than the campaign."),
                code="wrong_channel",
                field="experiment",
            )


def _global_holdout() -> Experiment | None:
    return Experiment.objects.filter(scope=ExperimentScope.EVERYTHING, state=ExperimentState.RUNNING).first()
