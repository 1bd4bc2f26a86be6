"""The list of segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import DateTimeField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.conditions import labels as phrases
from analytics.segments import selectors
from analytics.segments.console.charts import Sparkline, sparkline
from analytics.segments.models import Segment, SegmentDay, SegmentKind, SegmentState
from analytics.segments.services import lists as services
from analytics.segments.services.segments import archive_segment
from core.console.list_columns import Cell
from core.lists.columns import created_column, owner_column
from core.lists.declaration import Column, Empty, Filter, ObjectList, State, TopAction, register
from core.text.formatting import number
from crm.customers.selectors import shop_currency

NO_MOVES = selectors.Moves(0, 0)
NOT_YET = Value(datetime(1970, 1, 1, tzinfo=UTC), output_field=DateTimeField())


@dataclass(frozen=True)
class SegmentRow:
    item: Segment
    about: str
    line: Sparkline | None
    moves: selectors.Moves
    moves_since: str

    @property
    def size(self) -> int | None:
        return self.item.size if self.item.computed_at else None


def _rows(_request: HttpRequest, segments: Sequence[Segment]) -> list[SegmentRow]:
    currency, sizes, moves = shop_currency(), selectors.trends(segments), selectors.moves_of(segments)
    since = selectors.first_day_of_moves().isoformat()
    return [
        SegmentRow(
            segment,
            segment.description or describe(segment, currency),
            sparkline(sizes[segment.pk]),
            moves.get(segment.pk, NO_MOVES),
            since,
        )
        for segment in segments
    ]


def _moved(row: SegmentRow, show: str) -> Cell:
    """Return how many entered or left in 7 days, which opens them on the page of the segment."""
    count = getattr(row.moves, show)
    address = f"{reverse('segment', args=[row.item.pk])}?show={show}&since={row.moves_since}"
    return Cell(number(count), url=address if count else "")


def describe(segment: Segment, currency: str) -> str:
    """Return the rule as a sentence, or what kind of list it is."""
    return phrases.sentence(segment.rule, currency) if segment.kind == SegmentKind.RULE else segment.get_kind_display()


def _edit(segment: Segment) -> str:
    return reverse("segment_edit", args=[segment.pk]) if segment.state == SegmentState.ACTIVE else ""


def _that_moved(_request: HttpRequest, segments: QuerySet[Segment], value: str) -> QuerySet[Segment]:
    days = SegmentDay.objects.filter(segment=OuterRef("pk"), day__gte=selectors.first_day_of_moves())
    return segments.filter(Exists(days.filter(Q(entered_count__gt=0) | Q(left_count__gt=0)))) if value else segments


def _computed(row: SegmentRow) -> Cell:
    return Cell(at=row.item.computed_at) if row.item.computed_at else Cell(_("not yet"))


SEGMENTS = register(
    ObjectList(
        name="segments",
        title=_("Segments"),
        route="segments",
        model=Segment,
        permission="analytics.view_segment",
        change="analytics.change_segment",
        add="analytics.add_segment",
        select=lambda _request: Segment.objects.select_related("owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda segment: reverse("segment", args=[segment.pk]),
        edit=_edit,
        order=("name", "id"),
        columns=[
            Column(
                "name",
                _("Segment"),
                lambda row: Cell(row.item.name, row.about, badge=_("Failing") if row.item.error else "", tone="bad"),
                sort="name",
            ),
            Column("size", _("Customers"), lambda row: number(row.size), lambda row: row.size, "size", number=True),
            Column(
                "trend",
                _("30 days"),
                lambda _row: "",
                template="analytics/segments/list_trend.html",
                on_cards=False,
                exported=False,
            ),
            Column(
                "entered",
                _("Entered, 7 days"),
                lambda row: _moved(row, "entered"),
                lambda row: row.moves.entered,
                number=True,
            ),
            Column("left", _("Left, 7 days"), lambda row: _moved(row, "left"), lambda row: row.moves.left, number=True),
            Column(
                "computed",
                _("Last computed"),
                _computed,
                lambda row: row.item.computed_at and row.item.computed_at.isoformat(),
                Coalesce("computed_at", NOT_YET),
            ),
            owner_column(),
            created_column(),
        ],
        states=[
            State("", pgettext_lazy("segment", "Active"), lambda: Q(state=SegmentState.ACTIVE)),
            State(SegmentState.ARCHIVED, _("Archived"), lambda: Q(state=SegmentState.ARCHIVED)),
        ],
        search=("name", "description"),
        filters=[
            Filter(
                "kind",
                _("Kind"),
                lambda _request: SegmentKind.choices,
                lambda _request, rows, value: rows.filter(kind=value),
            ),
            Filter(
                "failing",
                _("State"),
                lambda _request: [("yes", _("Failing"))],
                lambda _request, rows, value: rows.exclude(error="") if value == "yes" else rows,
                quiet=True,
            ),
            Filter(
                "moved",
                _("Moves"),
                lambda _request: [("yes", _("Moves in 7 days"))],
                _that_moved,
                quiet=True,
            ),
        ],
        owned=True,
        archive=lambda segment, actor: archive_segment(segment=segment, actor=actor),
        duplicate=lambda segment, actor: services.duplicate_segment(segment=segment, actor=actor),
        top_actions=[
            TopAction(_("New segment"), "plus", lambda: reverse("segment_new"), "analytics.add_segment"),
            TopAction(
                _("New list"),
                "list-details",
                lambda: reverse("segment_list_new"),
                "analytics.add_segment",
                primary=False,
            ),
        ],
        template="analytics/segments/segments.html",
        empty=Empty(
            "users-group",
            _("No segments yet"),
            _(
                "Define a rule, such as buyers without an order in the last 90 days. The members are updated "
                "automatically."
            ),
            _("Marketers and analysts create segments."),
        ),
    )
)
