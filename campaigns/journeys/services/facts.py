"""Check facts of many runs at once; for a single run the gate calls the same database functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from campaigns.journeys.rules import JourneyDefinition


def happened_since(spec: Mapping[str, Any], since: Mapping[int, tuple[int, datetime]]) -> set[int]:
    """Return the runs whose customer did what `spec` names (event, where) after a moment.

    `since` is {run: (customer, moment)}.
    """
    if not spec.get("event") or not since:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT g.run FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS g(run, customer, since)
               WHERE campaigns_happened(%s, %s::jsonb, g.customer, g.since)""",
            [
                list(since),
                [customer for customer, _moment in since.values()],
                [moment for _customer, moment in since.values()],
                spec["event"],
                json.dumps(spec.get("where", [])),
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def over(definition: JourneyDefinition, since: Mapping[int, tuple[int, datetime]]) -> dict[int, str]:
    """Return the runs that must end before their next step, with the reason (J4).

    `since` is {run: (customer, entered)}.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT run, why FROM (
                   SELECT g.run, campaigns_run_over(%s::jsonb, g.customer, g.entered) AS why
                   FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS g(run, customer, entered)) AS looked
               WHERE why IS NOT NULL""",
            [
                json.dumps({name: definition.get(name) for name in ("exit", "goal", "entry")}),
                list(since),
                [customer for customer, _moment in since.values()],
                [moment for _customer, moment in since.values()],
            ],
        )
        return dict(cursor.fetchall())
