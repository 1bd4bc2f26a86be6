"""Broadcasts: list, details with message counts, drafts, audience preview, and commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_filters
from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.segments.models import Segment
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services import broadcasts as services
from campaigns.coupons.models import Coupon
from campaigns.experiments.models import Experiment
from campaigns.experiments.selectors import figures as selectors
from campaigns.messages.models import MessageState
from campaigns.templates.models import Template
from core.api.pagination import KeysetPagination
from core.api.schema import OPTIONAL_KEY
from core.api.views import ApiViewSet
from core.base.errors import Invalid, NotFound
from core.db import idempotency
from core.jobs.queueing import enqueue_after_commit

LARGEST_ID = 2**53
NAMED = {"segment": Segment, "template": Template, "coupon": Coupon, "experiment": Experiment}


def _id(help_text: str = "", **how: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=LARGEST_ID, help_text=help_text, **how)


class BroadcastChangeIn(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False)
    segment = _id("Customers in the segment at the start, and still at the moment of sending.", required=False)
    template = _id("A marketing template; its channel is the channel of the broadcast.", required=False)
    coupon = _id("A coupon with a code for each customer.", required=False, allow_null=True)
    experiment = _id("The templates and coupons of its arms replace these.", required=False, allow_null=True)
    send_on = serializers.DateField(
        required=False, allow_null=True, help_text="Without it, the broadcast starts when it is scheduled."
    )
    send_time = serializers.TimeField(required=False, allow_null=True, help_text="In the shop's time zone.")
    customer_zone = serializers.BooleanField(required=False, help_text="Use each customer's time zone instead.")
    per_minute = serializers.IntegerField(
        min_value=0, max_value=services.MOST_A_MINUTE, required=False, help_text="0: no limit."
    )
    holdout_percent = serializers.IntegerField(min_value=0, max_value=90, required=False)
    attribution_days = serializers.IntegerField(min_value=1, max_value=90, required=False)


class BroadcastIn(BroadcastChangeIn):
    name = serializers.CharField(max_length=120)
    segment = _id("Customers in the segment at the start, and still at the moment of sending.")
    template = _id("A marketing template; its channel is the channel of the broadcast.")


class BroadcastOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=BroadcastState.values)
    segment = serializers.IntegerField(source="segment_id")
    template = serializers.IntegerField(source="template_id")
    template_version = serializers.IntegerField(
        help_text="Template version that is sent, fixed at scheduling; 0 in a draft."
    )
    coupon = serializers.IntegerField(source="coupon_id", allow_null=True)
    experiment = serializers.IntegerField(source="experiment_id", allow_null=True)
    send_on = serializers.DateField(allow_null=True)
    send_time = serializers.TimeField(allow_null=True)
    customer_zone = serializers.BooleanField()
    per_minute = serializers.IntegerField()
    holdout_percent = serializers.IntegerField()
    attribution_days = serializers.IntegerField()
    audience = serializers.IntegerField(source="audience_count", help_text="Number of messages made at the start.")
    starts_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


def _counts(help_text: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.IntegerField(), help_text=help_text)


class BroadcastDetailOut(BroadcastOut):
    states = _counts(f"Messages by state: {', '.join(MessageState.values)}. None with 0.")
    reasons = _counts(
        "Messages by the reason why they were not sent, or not yet, such as `no_consent` or `quiet_hours`."
    )
    coupons_redeemed = serializers.IntegerField()
    discount_given = serializers.IntegerField(help_text="Minor units of the coupon's currency.")


class BroadcastPreviewOut(serializers.Serializer):
    total = serializers.IntegerField(
        help_text="Customers in the segment now: the sum of `sent`, `held` and `suppressed`."
    )
    sent = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Waiting until the quiet hours end.")
    suppressed = serializers.IntegerField(help_text="Never sent.")
    reasons = _counts("Counts by reason; the sum of `held` and `suppressed`.")


class BroadcastFilter(django_filters.FilterSet):
    class Meta:
        model = Broadcast
        fields = ["state"]


class BroadcastPages(KeysetPagination):
    ordering = ("-created_at", "-id")


def _resolved(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the ids by their objects. Raises Invalid `unknown_segment`, `unknown_template` and so on, by field."""
    return {name: _one(NAMED[name], name, value) if name in NAMED else value for name, value in fields.items()}


def _one(model: type[Model], name: str, pk: int | None) -> Model | None:
    rows = Segment.objects.active() if model is Segment else model._default_manager.all()
    row = rows.filter(pk=pk).first() if pk is not None else None
    if row is None and pk is not None:
        raise Invalid(_("Not one of the choices."), code=f"unknown_{name}", field=name)
    return row


class BroadcastsViewSet(ApiViewSet):
    scopes = {
        "list": "broadcasts:read",
        "retrieve": "broadcasts:read",
        "preview": "broadcasts:read",
        "create": "broadcasts:write",
        "partial_update": "broadcasts:write",
        "schedule": "broadcasts:send",
        "unschedule": "broadcasts:send",
        "pause": "broadcasts:send",
        "resume": "broadcasts:send",
        "stop": "broadcasts:send",
    }
    without_body = ("schedule", "unschedule", "pause", "resume", "stop")
    pagination_class = BroadcastPages
    filterset_class = BroadcastFilter
    serializer_class = BroadcastOut
    queryset = Broadcast.objects.all()

    def _broadcast(self, pk: int) -> Broadcast:
        broadcast = Broadcast.objects.select_related("segment", "template").filter(pk=pk).first()
        if broadcast is None:
            raise NotFound(code="unknown_broadcast")
        return broadcast

    @extend_schema(responses=BroadcastOut(many=True))
    def list(self, request: Request) -> Response:
        """List broadcasts, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(BroadcastOut(page, many=True).data)

    @extend_schema(responses=BroadcastDetailOut)
    def retrieve(self, request: Request, broadcast: int) -> Response:
        """Return one broadcast with counts of its messages. Slow counts may be ten seconds old."""
        row = self._broadcast(broadcast)
        figures = selectors.figures_of(row.origin, row.coupon_id)
        body = {
            **BroadcastOut(row).data,
            "states": figures.states,
            "reasons": figures.reasons,
            "coupons_redeemed": figures.coupons_redeemed,
            "discount_given": figures.discount_given,
        }
        return Response(body)

    @extend_schema(request=BroadcastIn, parameters=[OPTIONAL_KEY], responses={201: BroadcastOut})
    def create(self, request: Request) -> Response:
        """Create a draft, which sends nothing yet."""
        values = _resolved(self.valid(BroadcastIn, request))
        return self._once(request, "create", dict(request.data), services.create_broadcast, values, status=201)

    @extend_schema(request=BroadcastChangeIn, responses=BroadcastOut)
    def partial_update(self, request: Request, broadcast: int) -> Response:
        """Change the given fields of a draft; leave the others unchanged."""
        changes = _resolved(self.valid(BroadcastChangeIn, request))
        saved = services.update_broadcast(broadcast=self._broadcast(broadcast), actor=self.actor_of(request), **changes)
        return Response(BroadcastOut(saved).data)

    @extend_schema(responses=BroadcastPreviewOut)
    def preview(self, request: Request, broadcast: int) -> Response:
        """Preview the audience if the broadcast went out now, by the same gate that sends. Writes nothing."""
        counts = services.preview_broadcast(self._broadcast(broadcast))
        return Response(BroadcastPreviewOut(counts).data)

    @extend_schema(request=None, parameters=[OPTIONAL_KEY], responses=BroadcastOut)
    def schedule(self, request: Request, broadcast: int) -> Response:
        """Schedule the broadcast for its time, or for now without one. Send a key to make a repeat safe."""
        row = self._broadcast(broadcast)
        response = self._once(request, "schedule", row.pk, services.schedule_broadcast, {"broadcast": row})
        enqueue_after_commit("campaigns.run_broadcasts")
        return response

    @extend_schema(request=None, responses=BroadcastOut)
    def unschedule(self, request: Request, broadcast: int) -> Response:
        """Turn a scheduled broadcast back into a draft, if it has not started."""
        return self._switch(request, broadcast, services.unschedule_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def pause(self, request: Request, broadcast: int) -> Response:
        """Pause: only messages already in progress are sent; due messages wait. Idempotent."""
        return self._switch(request, broadcast, services.pause_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def resume(self, request: Request, broadcast: int) -> Response:
        """Resume: waiting messages go out at the broadcast's pace. Idempotent."""
        return self._switch(request, broadcast, services.resume_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def stop(self, request: Request, broadcast: int) -> Response:
        """Stop permanently: unsent messages are never sent. Idempotent."""
        return self._switch(request, broadcast, services.stop_broadcast)

    def _switch(self, request: Request, pk: int, service: Callable[..., Broadcast]) -> Response:
        saved = service(broadcast=self._broadcast(pk), actor=self.actor_of(request))
        enqueue_after_commit("campaigns.run_broadcasts")
        return Response(BroadcastOut(saved).data)

    def _once(
        self,
        request: Request,
        command: str,
        what: Any,
        service: Callable[..., Broadcast],
        values: dict,
        *,
        status: int = 200,
    ) -> Response:
        """Run a command at most once per key. Answer with the current broadcast, also to a repeat."""
        pk = idempotency.run_once(
            self.scope_of(request),
            request.headers.get("Idempotency-Key"),
            {f"broadcast.{command}": what},
            lambda: service(actor=self.actor_of(request), **values).pk,
        )
        return Response(BroadcastOut(self._broadcast(pk)).data, status=status)
