"""What they did: events counted in a window, tickets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions import CONDITIONS, YES_NO, Condition, Input, Sql, moment
from crm.labels import ACTIVITY
from crm.models import ActivityKind

GROUP = _("Activity")


def _kinds():
    return [(row.code, ACTIVITY.get(row.code) or str(row)) for row in ActivityKind.objects.all()]


def _did(operator: str, values: dict[str, Any]) -> Sql:
    text = """(f.customer_id IN (
        SELECT e.customer_id FROM crm_activityevent e
        WHERE e.kind = %s AND e.occurred_at > now() - make_interval(days => %s) AND e.customer_id {scope}
        GROUP BY e.customer_id HAVING count(*) >= %s))"""
    return Sql(text if operator == "has" else f"(NOT {text})", (values["kind"], values["days"], values["times"]))


def _open_ticket(operator: str, values: dict[str, Any]) -> Sql:
    text = """(f.customer_id IN (SELECT t.customer_id FROM crm_ticket t
               WHERE t.status IN ('open', 'pending') AND t.customer_id {scope}))"""
    return Sql(text if operator == "yes" else f"(NOT {text})")


def register() -> None:
    for condition in (
        moment("last_activity", _("Last activity"), GROUP, "f.last_activity_at"),
        Condition(
            "did",
            _("Event"),
            GROUP,
            {"has": _("did"), "has_not": _("did not do")},
            lambda operator: [
                Input("kind", "choice", _("event"), _kinds),
                Input("times", "number", _("at least so many times"), default=1, minimum=1),
                Input("days", "days", _("in the last days"), default=30, minimum=1),
            ],
            _did,
            "f.activity_30",
            time_based=True,
        ),
        Condition(
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
