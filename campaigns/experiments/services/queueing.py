"""Queue messages: the single way into the message table for care rules, broadcasts and journeys (J1, J2).

    queue_messages(rows=[Intended(customer.pk, "order:17")], origin="journey:4", template=template, step="thanks")
    queue_selected(select="SELECT c.id, 'once', %(now)s, '{}'::jsonb FROM ...", params={...}, origin="broadcast:3", ...)

A queued message is a row: the gate decides it when it is due. Wake the sender after the commit
(`campaigns.send_due`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.experiments.models import Experiment, ExperimentState
from campaigns.experiments.services.arms import DRAW, arm_for_all, draw_params, kept_out
from campaigns.messages.selectors.own import messages_of
from campaigns.messages.services.messages import insert_messages
from campaigns.templates.models import Template
from core.base import clock
from core.db.locks import require_transaction
from core.db.statements import statement

_FRESH = f"""NOT EXISTS (
    SELECT FROM {messages_of("a")} AS m
    WHERE m.origin = %(origin)s AND m.step = %(step)s AND m.occurrence = a.occurrence AND m.channel = %(channel)s)"""
_ROWS = """
SELECT g.customer_id, g.occurrence, coalesce(g.due_at, %(now)s), g.context::jsonb
FROM unnest(%(customers)s::bigint[], %(occurrences)s::text[], %(due)s::timestamptz[], %(contexts)s::text[])
     AS g(customer_id, occurrence, due_at, context)"""


@dataclass(frozen=True)
class Intended:
    """Hold one message to queue: `occurrence` is its cause, once per customer; without `due_at` it is due at once."""

    customer_id: int
    occurrence: str
    due_at: datetime | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


def queue_messages(
    *,
    rows: Sequence[Intended],
    origin: str,
    template: Template,
    origin_version: int = 1,
    template_version: int | None = None,
    step: str = "send",
    holdout_percent: int = 0,
    experiment: Experiment | None = None,
) -> list[int]:
    """Queue these messages inside the caller's transaction. Return the customers of new ones.

    There is one message per customer, origin, step, occurrence and channel, whatever the version (J2); a repeated call
    adds nothing. Channel and class are the template's. `template_version` fixes its texts (J8); the default is the
    current one. The held-out share is stored as suppressed.
    """
    if not rows:
        return []
    values = {
        "customers": [row.customer_id for row in rows],
        "occurrences": [row.occurrence for row in rows],
        "due": [row.due_at for row in rows],
        "contexts": [json.dumps(dict(row.context)) for row in rows],
    }
    return queue_selected(
        select=_ROWS, params=values, origin=origin, template=template, origin_version=origin_version,
        template_version=template_version, step=step, holdout_percent=holdout_percent, experiment=experiment,
    )  # fmt: skip


def queue_selected(
    *,
    select: str,
    params: Mapping[str, Any],
    origin: str,
    template: Template,
    origin_version: int = 1,
    template_version: int | None = None,
    step: str = "send",
    holdout_percent: int = 0,
    experiment: Experiment | None = None,
    where: str = "true",
    after: int = 0,
    limit: int | None = None,
) -> list[int]:
    """Queue a message for each row of a SELECT: customer_id, occurrence, due_at, context (jsonb).

    An `experiment` gives each customer the template and coupon of their arm, if the arm has one. Customers that are
    held out are not drawn for it (X2). `where` may narrow it by `a.customer_id`; `after` and `limit` cut it into chunks
    of rows in the order of customers.
    """
    require_transaction()
    holdout = kept_out(message_class=template.message_class, origin=origin, holdout_percent=holdout_percent)
    running = experiment if experiment is not None and experiment.state == ExperimentState.RUNNING else None
    parts = {"select": select, "where": where, "fresh": _FRESH, "everything": holdout.everything, "out": holdout.out}
    values = {
        "now": clock.now(),
        **params,
        **holdout.params,
        "channel": template.channel,
        "message_class": template.message_class,
        "version": origin_version,
        "step": step,
        "template": template.pk,
        "template_version": template_version or template.version,
        "beyond_customer": after,
        "chunk_size": limit,
        "experiment": running and running.pk,
        "arm_for_all": arm_for_all(experiment) if experiment is not None and running is None else None,
    }
    with connection.cursor() as cursor:
        if holdout.experiment is not None:
            cursor.execute(DRAW.format(chosen="true", **parts), {**values, **draw_params(holdout.experiment)})
        if running is not None:
            cursor.execute(DRAW.format(chosen=f"NOT {holdout.out}", **parts), {**values, **draw_params(running)})
    rows = statement(__package__, "messages_to_queue", **parts)
    return [customer_id for _id, customer_id in insert_messages(rows, values)]
