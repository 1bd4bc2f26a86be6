"""Segments: the list, who is in one, and which ones a customer is in."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from analytics.models import Segment, SegmentMembership
from core.api.pagination import KeysetPagination
from core.api.views import ApiView, ApiViewSet
from core.errors import NotFound
from crm.api.customers import customer_of
from crm.models import Customer


class SegmentOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    size = serializers.IntegerField()
    computed_at = serializers.DateTimeField(allow_null=True)


class SegmentMemberOut(serializers.Serializer):
    customer = serializers.CharField(source="customer.number")
    entered_at = serializers.DateTimeField()


class MembershipOut(serializers.Serializer):
    segment = serializers.IntegerField(source="segment_id")
    name = serializers.CharField(source="segment.name")
    entered_at = serializers.DateTimeField()


class SegmentPages(KeysetPagination):
    ordering = ("name",)


class MemberPages(KeysetPagination):
    ordering = ("-entered_at", "-id")


class SegmentsViewSet(ApiViewSet):
    scopes = {"list": "segments:read"}
    pagination_class = SegmentPages
    serializer_class = SegmentOut
    queryset = Segment.objects.active()
    filter_backends = []

    @extend_schema(responses=SegmentOut(many=True))
    def list(self, request):
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(SegmentOut(page, many=True).data)


class SegmentMembersViewSet(ApiViewSet):
    scopes = {"list": "segments:read"}
    pagination_class = MemberPages
    serializer_class = SegmentMemberOut
    queryset = SegmentMembership.objects.none()
    filter_backends = []

    @extend_schema(responses=SegmentMemberOut(many=True))
    def list(self, request, segment: int):
        """Who is in it now, latest to enter first."""
        if not Segment.objects.active().filter(pk=segment).exists():
            raise NotFound(code="unknown_segment")
        rows = SegmentMembership.objects.filter(segment_id=segment, left_at=None).select_related("customer")
        return self.get_paginated_response(SegmentMemberOut(self.paginate_queryset(rows), many=True).data)


class CustomerSegmentsView(ApiView):
    scopes = {"get": "segments:read"}

    @extend_schema(responses=MembershipOut(many=True))
    def get(self, request, number: str):
        """The segments that a customer is in now."""
        customer = customer_of(request, number, Customer.objects.all())
        rows = SegmentMembership.objects.filter(customer=customer, left_at=None).select_related("segment")
        return Response(MembershipOut(rows.order_by("segment__name"), many=True).data)
