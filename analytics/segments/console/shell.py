"""Parts that analytics adds to the shell: its pages, figures on the home page, filters of the customer list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.features.models import CustomerFeature, Stage
from analytics.segments import selectors
from analytics.segments.models import CustomerSegments, Segment, SegmentKind
from core.console import home, kept, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.text.formatting import number
from crm.customers.models import Customer
from crm.profiles.console import listing

MOVES = "analytics.moves"
SEGMENTS_OFFERED = 200
# In segments above this size, a scan in list order finds enough rows to show early.
FEW = 20_000
# Stages that need a reaction come before stages that are only news.
CURRENT = "current"
ACTIVE_STAGES = (Stage.NEW, Stage.ACTIVE, Stage.WON_BACK)
TELLING = (Stage.AT_RISK, Stage.LAPSED, Stage.WON_BACK, Stage.NEW)
navigation.register(
    "segments",
    _("Segments"),
    url="segments",
    icon="users-group",
    permission="analytics.view_segment",
    section="marketing",
    order=10,
)
palette.action("segment_new", _("New segment"), url="segment_new", permission="analytics.add_segment", order=30)
palette.action("segment_list_new", _("New list"), url="segment_list_new", permission="analytics.add_segment", order=31)


@palette.source("segments", label=_("Segments"), permission="analytics.view_segment")
def find_segments(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    return [
        SearchResult(segment.name, reverse("segment", args=[segment.pk]), "users-group", number(segment.size))
        for segment in Segment.objects.active().filter(name__icontains=query)[:limit]
    ]


@home.card("failing_segments", place="needs", permission="analytics.change_segment", order=30)
def failing_segments(_request: HttpRequest) -> Card | None:
    count = Segment.objects.active().exclude(error="").count()
    if not count:
        return None
    return Card(_("Failing segments"), number(count), url=f"{reverse('segments')}?failing=yes", tone="bad")


@kept.figure(MOVES)
def moves_of_week() -> dict[str, Any]:
    moves = selectors.segment_moves()
    return {"entered": moves.entered, "left": moves.left, "stages": selectors.stage_moves()}


@home.card("segment_moves", place="changed", permission="analytics.view_segment", order=40)
def segment_moves(request: HttpRequest) -> Card | None:
    moves = kept.of(request).get(MOVES)
    if not moves or not (moves["entered"] or moves["left"]):
        return None
    return Card(
        _("Entered a segment in 7 days"),
        number(moves["entered"]),
        url=f"{reverse('segments')}?moved=yes",
        detail=_t("%(count)s left a segment") % {"count": number(moves["left"])},
    )


@home.card("stage_moves", place="changed", permission="analytics.view_customerfeature", order=50)
def stage_moves(request: HttpRequest) -> Card | None:
    moves = (kept.of(request).get(MOVES) or {}).get("stages")
    if not moves:
        return None
    first = next((stage for stage in TELLING if moves.get(stage)), next(iter(moves)))
    others = [stage for stage in moves if stage != first]
    labels = dict(Stage.choices)
    return Card(
        _t("Became “%(stage)s” in 7 days") % {"stage": labels[first]},
        number(moves[first]),
        url=f"{reverse('customers')}?became={first}",
        detail=" · ".join(f"{labels[stage]} {number(moves[stage])}" for stage in others[:3]),
    )


def _stages(_request: HttpRequest) -> list[tuple[str, str]]:
    return [*((value, str(label)) for value, label in Stage.choices), (CURRENT, _t("New, active or won back"))]


def _in_stage(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if value == CURRENT:
        return customers.filter(features__stage__in=ACTIVE_STAGES)
    return customers.filter(features__stage=value) if value in Stage.values else customers


def _changes(_request: HttpRequest) -> list[tuple[str, str]]:
    return [(value, _t("Became “%(stage)s” in 7 days") % {"stage": label}) for value, label in Stage.choices]


def _became(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if value not in Stage.values:
        return customers
    return customers.filter(Exists(selectors.stage_changes().filter(subject_id=OuterRef("pk"), payload__to=value)))


def _order_counts(_request: HttpRequest) -> list[tuple[str, str]]:
    return [("1", _t("At least one order")), ("2", _t("More than one order"))]


def _with_orders(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    return customers.filter(features__order_count__gte=int(value)) if value in {"1", "2"} else customers


def _segments(_request: HttpRequest) -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Segment.objects.active().values_list("pk", "name")[:SEGMENTS_OFFERED]]


def _in_segment(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if not (value.isascii() and value.isdigit()):
        return customers
    segment = Segment.objects.filter(pk=int(value[:18])).first()
    if segment is None or segment.size > FEW:
        rows = CustomerSegments.objects.filter(customer=OuterRef("pk"), inside__contains=[int(value[:18])])
        return customers.filter(Exists(rows))
    # OFFSET 0 makes PostgreSQL find the members first. The planner can't know that they are few, and would scan all
    # customers.
    inside = "SELECT customer_id FROM analytics_customersegments WHERE %s = ANY(inside) OFFSET 0"
    return customers.filter(pk__in=RawSQL(inside, [segment.pk]))  # noqa: S611


def _stage_names(customers: Sequence[Customer]) -> dict[int, str]:
    labels = dict(Stage.choices)
    rows = CustomerFeature.objects.filter(customer__in=customers).values_list("customer_id", "stage")
    return {pk: str(labels[stage]) for pk, stage in rows}


listing.FILTERS.register(
    "stage", listing.CustomerFilter(_("Stage"), _stages, _in_stage, "analytics.view_customerfeature")
)
listing.FILTERS.register(
    "became",
    listing.CustomerFilter(_("Stage change"), _changes, _became, "analytics.view_customerfeature", quiet=True),
)
listing.FILTERS.register(
    "orders",
    listing.CustomerFilter(_("Orders"), _order_counts, _with_orders, "analytics.view_customerfeature", quiet=True),
)
listing.FILTERS.register(
    "segment", listing.CustomerFilter(_("Segment"), _segments, _in_segment, "analytics.view_segment")
)
listing.COLUMNS.register("stage", listing.CustomerColumn(_("Stage"), _stage_names, "analytics.view_customerfeature"))


def _lists(_request: HttpRequest) -> list[tuple[str, str]]:
    lists = Segment.objects.active().filter(kind=SegmentKind.STATIC).values_list("pk", "name")[:SEGMENTS_OFFERED]
    return [("new", _t("New list")), *((str(pk), name) for pk, name in lists)]


listing.ACTIONS.register(
    "list",
    listing.BulkAction(
        _("Add to list"), "users-plus", "segment_list_add", "analytics.change_segment", "list", _("List"), _lists
    ),
)
