"""Conditions on activity: events counted in a window, tickets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.kinds.windows import NEGATED, window_inputs, window_query, window_sql
from analytics.conditions.registry import CONDITIONS, YES_NO, SegmentCondition, Sql, filters_sql, moment
from core.fields import Choices, Field
from crm.activity.models import ActivityKind
from crm.customers.labels import ACTIVITY

GROUP = _("Activity")


def _kinds() -> Choices:
    return [(row.code, ACTIVITY.get(row.code) or str(row)) for row in ActivityKind.objects.all()]


def _did(operator: str, values: dict[str, Any]) -> Sql:
    window = window_sql("e.occurred_at", operator, values)
    filters = filters_sql("e.properties", values.get("where") or [])
    text = f"""(f.customer_id IN (
        SELECT e.customer_id FROM crm_activityevent e
        WHERE e.kind = %s AND {window.text}{filters.text} AND e.customer_id {{scope}}
        GROUP BY e.customer_id HAVING count(*) >= %s))"""  # noqa: S608 - fragments of the conditions; values are parameters
    params = (values["kind"], *window.params, *filters.params, values["times"])
    return Sql(f"(NOT {text})" if operator in NEGATED else text, params)


def _did_inputs(operator: str) -> list[Field]:
    return [
        Field("kind", "choice", _("event"), choices=_kinds),
        *window_inputs(operator, 30),
        Field("where", "where", _("where"), required=False),
    ]


def _open_ticket(operator: str, values: dict[str, Any]) -> Sql:
    text = """(f.customer_id IN (SELECT t.customer_id FROM crm_ticket t
               WHERE t.status IN ('open', 'pending') AND t.customer_id {scope}))"""
    return Sql(text if operator == "yes" else f"(NOT {text})")


def register() -> None:
    for condition in (
        moment("last_activity", _("Last activity"), GROUP, "f.last_activity_at"),
        SegmentCondition(
            "did",
            _("Event"),
            GROUP,
            {
                "has": _("did"),
                "has_not": _("did not do"),
                "has_between": _("did, between two dates"),
                "has_not_between": _("did not do, between two dates"),
            },
            _did_inputs,
            _did,
            "f.activity_30",
            time_based=True,
            query=window_query("did", "{kind}", " [where {where}]"),
        ),
        SegmentCondition(
            "open_ticket",
            _("Has an unresolved ticket"),
            GROUP,
            YES_NO,
            lambda operator: [],
            _open_ticket,
            """(SELECT count(*) FROM crm_ticket t
                WHERE t.customer_id = f.customer_id AND t.status IN ('open', 'pending'))""",
        ),
    ):
        CONDITIONS.register(condition.name, condition)
