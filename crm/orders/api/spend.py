"""Spend of orders."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from crm.customers.api.lookup import customer_of
from crm.orders.api import serializers as shapes
from crm.orders.selectors.spending import spending


class SpendView(ApiView):
    scopes = {"get": "orders:read"}

    @extend_schema(responses=shapes.SpendOut)
    def get(self, request: Request, number: str) -> Response:
        """Return what the customer spent by currency, net of refunds, with the newest 500 adjustments outside of
        orders.
        """
        customer = customer_of(request, number)
        rows = customer.spend_adjustments.order_by("-occurred_at", "-pk")[:500]
        spent = spending([customer.pk]).get(customer.pk, [])
        return Response(shapes.SpendOut({"currencies": spent, "adjustments": rows}).data)
