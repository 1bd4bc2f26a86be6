"""Broadcasts: the list, one with what became of its messages, drafts, whom it would reach, and steering it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import django_filters
from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from analytics.models import Segment
from campaigns import selectors
from campaigns.models import Broadcast, BroadcastState, Coupon, Experiment, MessageState, Template
from campaigns.services import broadcasts as services
from campaigns.tasks import wake_broadcasts
from core import idempotency
from core.api.pagination import KeysetPagination
from core.api.schema import OPTIONAL_KEY
from core.api.views import ApiViewSet
from core.errors import Invalid, NotFound

LARGEST_ID = 2**53
NAMED = {"segment": Segment, "template": Template, "coupon": Coupon, "experiment": Experiment}


def _id(help_text: str = "", **how: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=LARGEST_ID, help_text=help_text, **how)


class BroadcastChangeIn(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False)
    segment = _id("Who is in it when the broadcast starts, and still when their message is sent.", required=False)
    template = _id("A marketing template; its channel is the broadcast's.", required=False)
    coupon = _id("A coupon with a code for each customer.", required=False, allow_null=True)
    experiment = _id("Its arms' templates and coupons stand in for these.", required=False, allow_null=True)
    send_on = serializers.DateField(
        required=False, allow_null=True, help_text="Without it: as soon as it is scheduled."
    )
    send_time = serializers.TimeField(required=False, allow_null=True, help_text="The shop's clock.")
    customer_zone = serializers.BooleanField(required=False, help_text="The clock on the customer's wall instead.")
    per_minute = serializers.IntegerField(
        min_value=0, max_value=services.MOST_A_MINUTE, required=False, help_text="0: as fast as it goes."
    )
    holdout_percent = serializers.IntegerField(min_value=0, max_value=90, required=False)
    attribution_days = serializers.IntegerField(min_value=1, max_value=90, required=False)


class BroadcastIn(BroadcastChangeIn):
    name = serializers.CharField(max_length=120)
    segment = _id("Who is in it when the broadcast starts, and still when their message is sent.")
    template = _id("A marketing template; its channel is the broadcast's.")


class BroadcastOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=BroadcastState.values)
    segment = serializers.IntegerField(source="segment_id")
    template = serializers.IntegerField(source="template_id")
    template_version = serializers.IntegerField(help_text="What it says, from scheduling on; 0 in a draft.")
    coupon = serializers.IntegerField(source="coupon_id", allow_null=True)
    experiment = serializers.IntegerField(source="experiment_id", allow_null=True)
    send_on = serializers.DateField(allow_null=True)
    send_time = serializers.TimeField(allow_null=True)
    customer_zone = serializers.BooleanField()
    per_minute = serializers.IntegerField()
    holdout_percent = serializers.IntegerField()
    attribution_days = serializers.IntegerField()
    audience = serializers.IntegerField(source="audience_count", help_text="Messages made when it started.")
    starts_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


def _counts(help_text: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.IntegerField(), help_text=help_text)


class BroadcastDetailOut(BroadcastOut):
    states = _counts(f"Messages by state: {', '.join(MessageState.values)}. None with 0.")
    reasons = _counts("Messages by why they were not sent, or not yet, such as `no_consent` or `quiet_hours`.")
    coupons_redeemed = serializers.IntegerField()
    discount_given = serializers.IntegerField(help_text="Minor units of the coupon's currency.")


class BroadcastPreviewOut(serializers.Serializer):
    total = serializers.IntegerField(help_text="In the segment now: the sum of the three below.")
    sent = serializers.IntegerField()
    held = serializers.IntegerField(help_text="Until quiet hours are over.")
    suppressed = serializers.IntegerField(help_text="Never sent.")
    reasons = _counts("Why held or suppressed; the sum of those two.")


class BroadcastFilter(django_filters.FilterSet):
    class Meta:
        model = Broadcast
        fields = ["state"]


class BroadcastPages(KeysetPagination):
    ordering = ("-created_at", "-id")


def _chosen(data: Mapping[str, Any]) -> dict[str, Any]:
    """The ids become what they name. Raises Invalid `unknown_segment`, `unknown_template` and so on for the field."""
    return {name: _one(NAMED[name], name, value) if name in NAMED else value for name, value in data.items()}


def _one(model: type[Model], name: str, pk: int | None) -> Model | None:
    rows = Segment.objects.active() if model is Segment else model._default_manager.all()
    found = rows.filter(pk=pk).first() if pk is not None else None
    if found is None and pk is not None:
        raise Invalid(_("Not one of the choices."), code=f"unknown_{name}", field=name)
    return found


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
        found = Broadcast.objects.select_related("segment", "template").filter(pk=pk).first()
        if found is None:
            raise NotFound(code="unknown_broadcast")
        return found

    @extend_schema(responses=BroadcastOut(many=True))
    def list(self, request):
        """Newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(BroadcastOut(page, many=True).data)

    @extend_schema(responses=BroadcastDetailOut)
    def retrieve(self, request, broadcast: int):
        """With what became of its messages; what takes long to count may be ten seconds old."""
        found = self._broadcast(broadcast)
        figures = selectors.figures_of(found.origin, found.coupon_id)
        body = {
            **BroadcastOut(found).data,
            "states": figures.states,
            "reasons": figures.reasons,
            "coupons_redeemed": figures.coupons_redeemed,
            "discount_given": figures.discount_given,
        }
        return Response(body)

    @extend_schema(request=BroadcastIn, parameters=[OPTIONAL_KEY], responses={201: BroadcastOut})
    def create(self, request):
        """A draft that sends nothing yet."""
        values = _chosen(self.valid(BroadcastIn, request))
        return self._once(request, "create", dict(request.data), services.create_broadcast, values, status=201)

    @extend_schema(request=BroadcastChangeIn, responses=BroadcastOut)
    def partial_update(self, request, broadcast: int):
        """Change what is given of a draft, leave the rest."""
        changes = _chosen(self.valid(BroadcastChangeIn, request))
        saved = services.update_broadcast(broadcast=self._broadcast(broadcast), actor=self.actor_of(request), **changes)
        return Response(BroadcastOut(saved).data)

    @extend_schema(responses=BroadcastPreviewOut)
    def preview(self, request, broadcast: int):
        """Whom it would reach if it went out now, decided by the gate that sends. Writes nothing."""
        found = services.preview_broadcast(self._broadcast(broadcast))
        return Response(BroadcastPreviewOut(found).data)

    @extend_schema(request=None, parameters=[OPTIONAL_KEY], responses=BroadcastOut)
    def schedule(self, request, broadcast: int):
        """It starts at its time, or at once when it has none. Send a key: a repeat of the same schedules nothing twice."""
        found = self._broadcast(broadcast)
        response = self._once(request, "schedule", found.pk, services.schedule_broadcast, {"broadcast": found})
        wake_broadcasts()
        return response

    @extend_schema(request=None, responses=BroadcastOut)
    def unschedule(self, request, broadcast: int):
        """A draft again, as long as it has not begun."""
        return self._switch(request, broadcast, services.unschedule_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def pause(self, request, broadcast: int):
        """Nothing more is sent but what is under way; what is due meanwhile waits. Twice is once."""
        return self._switch(request, broadcast, services.pause_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def resume(self, request, broadcast: int):
        """What waited goes out at the broadcast's pace. Twice is once."""
        return self._switch(request, broadcast, services.resume_broadcast)

    @extend_schema(request=None, responses=BroadcastOut)
    def stop(self, request, broadcast: int):
        """For good: what is not sent yet never is. Twice is once."""
        return self._switch(request, broadcast, services.stop_broadcast)

    def _switch(self, request, pk: int, service: Callable[..., Broadcast]) -> Response:
        saved = service(broadcast=self._broadcast(pk), actor=self.actor_of(request))
        wake_broadcasts()
        return Response(BroadcastOut(saved).data)

    def _once(
        self, request, command: str, what: Any, service: Callable[..., Broadcast], values: dict, *, status: int = 200
    ) -> Response:
        """At most once for a key. Answers as the broadcast is now, also to a repeat."""
        pk = idempotency.run_once(
            self.scope_of(request),
            request.headers.get("Idempotency-Key"),
            {f"broadcast.{command}": what},
            lambda: service(actor=self.actor_of(request), **values).pk,
        )
        return Response(BroadcastOut(self._broadcast(pk)).data, status=status)
