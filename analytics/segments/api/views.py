"""Segment endpoints: list, read, create, change; members of a segment; fixed lists; segments of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.conditions.services.compilation import unknown_skus_of
from analytics.conditions.services.query import Printer
from analytics.conditions.services.query_messages import rule_of_text
from analytics.segments import selectors
from analytics.segments.api import serializers as shapes
from analytics.segments.models import CustomerSegments, Segment, SegmentKind
from analytics.segments.services import lists as segment_lists
from analytics.segments.services import segments
from core.api.pagination import KeysetPagination
from core.api.schema import OPTIONAL_KEY
from core.api.views import ApiView, ApiViewSet
from core.base.errors import Invalid, NotFound
from core.db import idempotency
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer
from crm.customers.selectors import shop_currency


class SegmentPages(KeysetPagination):
    ordering = ("name",)


class MemberPages(KeysetPagination):
    ordering = ("-entered_at", "-customer_id")


def segment_of(pk: int) -> Segment:
    """Return an active segment. Raises NotFound, also for an archived segment."""
    segment = Segment.objects.active().filter(pk=pk).first()
    if segment is None:
        raise NotFound(code="unknown_segment")
    return segment


def _segment_data(segment: Segment, printer: Printer) -> dict[str, Any]:
    by_rule = segment.kind == SegmentKind.RULE
    return {
        "id": segment.pk,
        "name": segment.name,
        "description": segment.description,
        "kind": segment.kind,
        "text": printer.text(segment.rule) if by_rule else "",
        "size": segment.size,
        "computed_at": segment.computed_at,
        "rule": segment.rule if by_rule else None,
    }


def _detail(pk: int, *, status: int = 200) -> Response:
    shown = _segment_data(segment_of(pk), Printer(shop_currency()))
    shown["unknown_skus"] = unknown_skus_of(shown["rule"]) if shown["rule"] else []
    return Response(shapes.SegmentDetailOut(shown).data, status=status)


def _rule_of(data: Mapping[str, Any], kind: str) -> Any:
    """Return the rule that was sent as text or as a tree, or None. Raises Invalid."""
    sent = [name for name in ("text", "rule") if name in data]
    if len(sent) == 2:
        raise Invalid(_("Send the rule as text or as a tree, not both."), code="one_of", field="text")
    if sent and kind == SegmentKind.STATIC:
        raise Invalid(_("A fixed list has no rule."), code="not_for_lists", field=sent[0])
    return rule_of_text(data["text"], shop_currency()) if sent == ["text"] else data.get("rule")


class SegmentsViewSet(ApiViewSet):
    scopes = {
        "list": "segments:read",
        "retrieve": "segments:read",
        "create": "segments:write",
        "partial_update": "segments:write",
    }
    pagination_class = SegmentPages
    serializer_class = shapes.SegmentOut
    queryset = Segment.objects.active()
    filter_backends = []

    @extend_schema(responses=shapes.SegmentOut(many=True))
    def list(self, request: Request) -> Response:
        printer = Printer(shop_currency())
        page = [_segment_data(segment, printer) for segment in self.paginate_queryset(self.get_queryset()) or []]
        return self.get_paginated_response(shapes.SegmentOut(page, many=True).data)

    @extend_schema(responses=shapes.SegmentDetailOut)
    def retrieve(self, request: Request, segment: int) -> Response:
        return _detail(segment)

    @extend_schema(request=shapes.SegmentIn, parameters=[OPTIONAL_KEY], responses={201: shapes.SegmentDetailOut})
    def create(self, request: Request) -> Response:
        """Save a segment by rule, which is computed at once, or an empty fixed list.

        An error in a rule's `text` is reported with its place: `details` has line and column (from 1), offset (from 0),
        token, expected, near.
        """
        data = self.valid(shapes.SegmentIn, request)
        rule = _rule_of(data, data["kind"])
        named = {"name": data["name"], "description": data.get("description", ""), "actor": self.actor_of(request)}
        if data["kind"] == SegmentKind.RULE and rule is None:
            raise Invalid(_("Send a rule, as text or as a tree."), code="required", field="text")

        def command() -> int:
            if data["kind"] == SegmentKind.STATIC:
                return segment_lists.create_list(**named).pk
            return segments.create_segment(rule=rule, **named).pk

        pk = idempotency.run_once(
            self.scope_of(request), request.headers.get("Idempotency-Key"), {"segment": dict(request.data)}, command
        )
        return _detail(pk, status=201)

    @extend_schema(request=shapes.SegmentChangeIn, responses=shapes.SegmentDetailOut)
    def partial_update(self, request: Request, segment: int) -> Response:
        """Change the given fields and leave the others. A changed rule is computed at once.

        Answers `cycle` when the rule would refer to the segment itself.
        """
        data = self.valid(shapes.SegmentChangeIn, request)
        current = segment_of(segment)
        rule = _rule_of(data, current.kind)
        named: dict[str, Any] = {
            "segment": current,
            "name": data.get("name"),
            "description": data.get("description"),
            "actor": self.actor_of(request),
        }
        if current.kind == SegmentKind.STATIC:
            segment_lists.rename_list(**named)
            return _detail(segment)
        try:
            segments.update_segment(rule=rule, **named)
        except Invalid as error:
            if error.field == "rule" and "text" in data:
                error.field = "text"
            raise
        return _detail(segment)


class SegmentMembersViewSet(ApiViewSet):
    scopes = {"list": "segments:read", "add": "segments:write", "remove": "segments:write"}
    pagination_class = MemberPages
    serializer_class = shapes.SegmentMemberOut
    queryset = CustomerSegments.objects.none()
    filter_backends = []

    @extend_schema(responses=shapes.SegmentMemberOut(many=True))
    def list(self, request: Request, segment: int) -> Response:
        """List the current members, latest to enter first."""
        current = segment_of(segment)
        rows = selectors.members(current).select_related("customer")
        return self.get_paginated_response(shapes.SegmentMemberOut(self.paginate_queryset(rows), many=True).data)

    @extend_schema(request=shapes.ListedIn, responses=shapes.AddedOut)
    def add(self, request: Request, segment: int) -> Response:
        """Add up to 1,000 customers to a fixed list; repeating it changes nothing.

        Answers 409 `not_a_list` for a segment by rule.
        """
        numbers = self.valid(shapes.ListedIn, request)["customers"]
        done = segment_lists.add_by_number(segment=segment_of(segment), numbers=numbers, actor=self.actor_of(request))
        body = {"added": done.moved, "already": done.as_before, "unknown": done.unknown, "size": done.size}
        return Response(shapes.AddedOut(body).data)

    @extend_schema(request=shapes.ListedIn, responses=shapes.RemovedOut)
    def remove(self, request: Request, segment: int) -> Response:
        """Remove up to 1,000 customers from a fixed list; repeating it changes nothing."""
        numbers = self.valid(shapes.ListedIn, request)["customers"]
        done = segment_lists.remove_by_number(
            segment=segment_of(segment), numbers=numbers, actor=self.actor_of(request)
        )
        body = {"removed": done.moved, "absent": done.as_before, "unknown": done.unknown, "size": done.size}
        return Response(shapes.RemovedOut(body).data)


class CustomerSegmentsView(ApiView):
    scopes = {"get": "segments:read"}

    @extend_schema(responses=shapes.MembershipOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        """List the segments that a customer is in now."""
        customer = customer_of(request, number, Customer.objects.all())
        return Response(shapes.MembershipOut(selectors.segments_of(customer), many=True).data)
