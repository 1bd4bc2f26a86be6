"""What the facts say about many runs at once; the gate asks the same functions of the database for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection


def happened_since(spec: Mapping[str, Any], since: Mapping[int, tuple[int, datetime]]) -> set[int]:
    """Of {run: (customer, moment)} the runs whose customer has done what `spec` names (event, where) after that moment."""
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


def over(definition: Mapping[str, Any], since: Mapping[int, tuple[int, datetime]]) -> dict[int, str]:
    """Of {run: (customer, entered)} those that are to end before their next step, by reason (J4)."""
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
