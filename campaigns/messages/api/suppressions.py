"""The suppression list of the API: look up an address, add to the list, lift entries."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.messages.models import Suppression
from campaigns.messages.selectors.suppressions import addresses_of, masked, of_address
from campaigns.messages.services import suppressions as services
from core.api.pagination import KeysetPagination
from core.api.views import ApiViewSet
from core.base.errors import Invalid, NotFound
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer


class SuppressionIn(serializers.Serializer):
    channel = serializers.CharField(max_length=8)
    address = serializers.CharField(
        max_length=200, required=False, help_text="The address in full, such as an e-mail address or a phone number."
    )
    customer = serializers.CharField(
        max_length=20, required=False, help_text="Customer number, to block all addresses. Instead of `address`."
    )
    reason = serializers.CharField(
        max_length=services.LONGEST_REASON, help_text="Such as `bounce`, `complaint`, `manual`, or a short text."
    )


class LiftIn(serializers.Serializer):
    reason = serializers.CharField(max_length=services.LONGEST_LIFT_REASON, help_text="Stored in the audit log.")


class SuppressionOut(serializers.Serializer):
    id = serializers.IntegerField()
    channel = serializers.CharField()
    address = serializers.CharField(
        help_text="Masked. Empty when all addresses of the customer are blocked, or no customer has the address now."
    )
    customer = serializers.CharField(allow_null=True, help_text="Customer number.")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    lifted_at = serializers.DateTimeField(allow_null=True)


class SuppressionsFilter(django_filters.FilterSet):
    channel = django_filters.CharFilter()
    address = django_filters.CharFilter(method="of_address", help_text="An address in full.")
    lifted = django_filters.BooleanFilter(method="in_state", help_text="Lifted entries instead of those in force.")

    class Meta:
        model = Suppression
        fields = ["channel"]

    def of_address(self, rows: QuerySet[Suppression], _name: str, value: str) -> QuerySet[Suppression]:
        return rows.filter(of_address(value[:200]))

    def in_state(self, rows: QuerySet[Suppression], _name: str, value: bool) -> QuerySet[Suppression]:
        return rows.filter(lifted_at__isnull=not value)


class SuppressionPages(KeysetPagination):
    ordering = ("-created_at", "-id")


def _out(rows: list[Suppression]) -> list[dict[str, Any]]:
    addresses = addresses_of(rows)
    return [
        {
            "id": row.pk,
            "channel": row.channel,
            "address": masked(row, addresses),
            "customer": row.customer.number if row.customer else None,
            "reason": row.reason,
            "created_at": row.created_at,
            "lifted_at": row.lifted_at,
        }
        for row in rows
    ]


class SuppressionsViewSet(ApiViewSet):
    scopes = {"list": "suppressions:read", "create": "suppressions:write", "lift": "suppressions:write"}
    pagination_class = SuppressionPages
    filterset_class = SuppressionsFilter
    serializer_class = SuppressionOut
    queryset = Suppression.objects.select_related("customer")

    @extend_schema(responses=SuppressionOut(many=True))
    def list(self, request: Request) -> Response:
        """List suppressed addresses and customers, newest first: those in force, unless `lifted` is true."""
        rows = self.filter_queryset(self.get_queryset())
        if "lifted" not in request.query_params:
            rows = rows.filter(lifted_at=None)
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(SuppressionOut(_out(list(page)), many=True).data)

    @extend_schema(request=SuppressionIn, responses={201: SuppressionOut})
    def create(self, request: Request) -> Response:
        """Suppress an address, or all addresses of a customer, on a channel. Idempotent: a repeat returns the entry."""
        data = self.valid(SuppressionIn, request)
        values = {"channel": data["channel"], "reason": data["reason"], "actor": self.actor_of(request)}
        if ("address" in data) == ("customer" in data):
            raise Invalid(_("Send either an address or a customer."), code="required", field="address")
        if "address" in data:
            row = services.suppress_address(address=data["address"], **values)
        else:
            row = services.suppress_customer(
                customer=customer_of(request, data["customer"], Customer.objects.active()), **values
            )
        return Response(SuppressionOut(_out([row])[0]).data, status=201)

    @extend_schema(request=LiftIn, responses=SuppressionOut)
    def lift(self, request: Request, suppression: int) -> Response:
        """Lift an entry, so that messages may be sent there again. Idempotent."""
        reason = self.valid(LiftIn, request)["reason"]
        row = self.get_queryset().filter(pk=suppression).first()
        if row is None:
            raise NotFound(_("There is no entry with this ID."), code="unknown_suppression")
        services.lift_suppression(suppression=row, reason=reason, actor=self.actor_of(request))
        row.refresh_from_db()
        return Response(SuppressionOut(_out([row])[0]).data)
