"""Conditions on groups: membership of other segments, and random samples."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CONDITIONS, SegmentCondition, Sql
from analytics.conditions.services.compilation import IN_SEGMENT
from analytics.segments.models import Segment
from core.fields import Choices, Field

GROUP = _("Segments")


def _segments() -> Choices:
    return [(str(pk), name) for pk, name in Segment.objects.active().order_by("name").values_list("pk", "name")]


def _in_segment(operator: str, values: dict[str, Any]) -> Sql:
    inside = "coalesce(k.inside && %s::bigint[], false)"
    return Sql(f"({inside})" if operator == "has" else f"(NOT {inside})", (values["values"],))


def _sample(operator: str, values: dict[str, Any]) -> Sql:
    """Build the sample condition from a digest of the draw's name and the customer.

    The same draw always selects the same customers, and a larger share of one draw contains every smaller one.
    """
    place = "mod(('x' || substr(md5(%s || ':' || f.customer_id), 1, 8))::bit(32)::bigint, 100)"
    sign = "<" if operator == "has" else ">="
    return Sql(f"({place} {sign} %s)", (values["draw"], values["percent"]))


def register() -> None:
    for condition in (
        SegmentCondition(
            IN_SEGMENT,
            _("Segment"),
            GROUP,
            {"has": _("is in"), "has_not": _("is not in")},
            lambda operator: [Field("values", "choices", _("values"), choices=_segments)],
            _in_segment,
            """(SELECT string_agg(s.name, ', ' ORDER BY s.name)
                FROM analytics_customersegments k JOIN analytics_segment s ON s.id = ANY(k.inside)
                WHERE k.customer_id = f.customer_id)""",
            query={
                "has": f"{IN_SEGMENT} {{values}}",
                "has_not": (f"not_{IN_SEGMENT} {{values}}", f"{IN_SEGMENT} not {{values}}"),
            },
        ),
        SegmentCondition(
            "sample",
            _("Random sample"),
            GROUP,
            {"has": _("drawn"), "has_not": _("not drawn")},
            lambda operator: [
                Field("percent", "number", _("per cent"), least=1),
                Field("draw", "verbatim", _("name of the draw"), default="1"),
            ],
            _sample,
            "'lot'",
            query={
                "has": "sample {percent} percent [draw {draw}]",
                "has_not": "outside_sample {percent} percent [draw {draw}]",
            },
        ),
    ):
        CONDITIONS.register(condition.name, condition)
