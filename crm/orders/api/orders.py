"""Order and refund endpoints, one by one and in batches."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from drf_standardized_errors.formatter import flatten_errors
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.unknown import unknown_fields
from core.api.views import ApiView, ApiViewSet
from core.base.actor import Actor
from core.base.errors import DomainError, NotFound
from crm.customers.api.authentication import MemberToken
from crm.customers.api.lookup import given
from crm.orders.api import member_shapes as members
from crm.orders.api import serializers as shapes
from crm.orders.models import Order
from crm.orders.selectors.numbers import with_number
from crm.orders.services.orders import LineInput, OrderInput, PaymentInput, record_order
from crm.orders.services.products import KnownProducts
from crm.orders.services.refunds import RefundLineInput, record_refund


def order_input(data: dict) -> OrderInput:
    data = dict(data)
    customer = data.pop("customer", None) or {}
    return OrderInput(
        lines=[LineInput(**line) for line in data.pop("lines")],
        payments=[PaymentInput(**payment) for payment in data.pop("payments", [])],
        customer_number=customer.get("number", ""),
        customer_name=customer.get("name", ""),
        identities=given(customer.get("identities", [])),
        **data,
    )


class OrderFilter(django_filters.FilterSet):
    customer = django_filters.CharFilter("customer__number", max_length=20)
    number = django_filters.CharFilter(
        method="by_number", max_length=64, help_text="The number or its last characters (three or more), in any case."
    )
    placed_from = django_filters.IsoDateTimeFilter("placed_at", "gte")
    placed_before = django_filters.IsoDateTimeFilter("placed_at", "lt")

    class Meta:
        model = Order
        fields = ["customer", "state"]

    def by_number(self, orders: QuerySet[Order], _name: str, value: str) -> QuerySet[Order]:
        return with_number(orders, value)


class OrderPages(KeysetPagination):
    ordering = ("-placed_at", "-id")


class OrdersViewSet(ApiViewSet):
    scopes = {"list": "orders:read", "create": "orders:write", "retrieve": "orders:read", "batch": "orders:write"}
    member_actions = ("list", "retrieve")
    member_shapes = dict.fromkeys(member_actions, members.MemberOrder)
    bodies = {"batch": "batch"}
    pagination_class = OrderPages
    filterset_class = OrderFilter
    serializer_class = shapes.OrderOut
    queryset = Order.objects.none()

    def get_queryset(self) -> QuerySet[Order]:
        orders = Order.objects.select_related("customer")
        if isinstance(self.request.auth, MemberToken):
            return orders.filter(customer_id=self.request.auth.customer_id)
        return orders.filter(source=self.source_of(self.request))

    @extend_schema(responses=shapes.OrderOut(many=True))
    def list(self, request: Request) -> Response:
        """List the orders of this key's source, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.shape(request, shapes.OrderOut)(page, many=True).data)

    @extend_schema(responses=shapes.OrderOut)
    def retrieve(self, request: Request, number: str) -> Response:
        order = self.get_queryset().filter(number=number).first()
        if order is None:
            raise NotFound(code="unknown_order")
        return Response(self.shape(request, shapes.OrderOut)(order).data)

    @extend_schema(request=shapes.OrderIn, responses={200: shapes.OrderRecordedOut, 201: shapes.OrderRecordedOut})
    def create(self, request: Request) -> Response:
        """Record an order. Repeating it answers `unchanged`; a placed order may become paid or cancelled."""
        data = self.valid(shapes.OrderIn, request)
        recorded = record_order(data=order_input(data), source=self.source_of(request), actor=self.actor_of(request))
        body = {**shapes.OrderOut(recorded.order).data, "outcome": recorded.outcome}
        return Response(body, status=201 if recorded.outcome == "created" else 200)

    @extend_schema(request=shapes.OrderBatchIn, responses=shapes.OrderBatchOut)
    def batch(self, request: Request) -> Response:
        """Record up to 100 orders of at most 1,000 lines, each on its own. A refused order is returned with its errors;
        the others are recorded."""
        items = self.valid(_Batch, request)["orders"]
        source, actor = self.source_of(request), self.actor_of(request)
        checked = [_checked(item) for item in items]
        right = [order.validated_data for order, errors in checked if not errors]
        products = KnownProducts(line["sku"] for order in right for line in order["lines"] if line.get("sku"))
        results = [
            _record_one(item, order, errors, source, actor, products)
            for item, (order, errors) in zip(items, checked, strict=True)
        ]
        return Response({"results": results})


class _Batch(serializers.Serializer):
    """A batch whose orders are validated one by one, so that one wrong field does not refuse the others."""

    orders = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=100)


def _checked(item: dict) -> tuple[shapes.OrderIn, Any]:
    """Return an order with its errors. An order with an unknown field is not validated further."""
    order = shapes.OrderIn(data=item)
    unknown = unknown_fields(shapes.OrderIn, item)
    return order, unknown or (None if order.is_valid() else order.errors)


def _record_one(
    item: dict, checked: shapes.OrderIn, errors: Any, source: str, actor: Actor, products: KnownProducts
) -> dict:
    number = str(item.get("number", ""))[:64]
    if errors:
        return {"number": number, "outcome": "refused", "errors": _flat(ValidationError(errors))}
    try:
        recorded = record_order(data=order_input(checked.validated_data), source=source, actor=actor, products=products)
    except DomainError as error:
        errors = [{"code": error.code, "detail": str(error.message), "attr": error.field}]
        return {"number": number, "outcome": "refused", "errors": errors}
    return {"number": number, "outcome": recorded.outcome, "errors": []}


def _flat(error: ValidationError) -> list[dict]:
    return [{"code": e.code, "detail": str(e.detail), "attr": e.attr} for e in flatten_errors(error.detail)]


class RefundsView(ApiView):
    scopes = {"get": "orders:read", "post": "orders:write"}

    @extend_schema(responses=shapes.RefundOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        order = Order.objects.filter(source=self.source_of(request), number=number).first()
        if order is None:
            raise NotFound(code="unknown_order")
        return Response(shapes.RefundOut(order.refunds.order_by("refunded_at", "pk"), many=True).data)

    @extend_schema(request=shapes.RefundIn, responses={200: shapes.RefundRecordedOut, 201: shapes.RefundRecordedOut})
    def post(self, request: Request, number: str) -> Response:
        """Refund an order by lines, by amount, or the whole rest. The points that it earned and spent are adjusted."""
        data = self.valid(shapes.RefundIn, request)
        lines = [RefundLineInput(**line) for line in data.pop("lines", [])]
        recorded = record_refund(
            order_number=number, source=self.source_of(request), actor=self.actor_of(request), lines=lines, **data
        )
        body = {**shapes.RefundOut(recorded.refund).data, "outcome": recorded.outcome}
        return Response(body, status=201 if recorded.outcome == "created" else 200)
