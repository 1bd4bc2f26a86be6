"""Product endpoints."""

from __future__ import annotations

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.views import ApiViewSet
from crm.orders.api import serializers as shapes
from crm.orders.models import Product, ProductQuerySet
from crm.orders.services.products import ProductInput, update_catalogue


class ProductFilter(django_filters.FilterSet):
    sku = django_filters.CharFilter(method="of_sku", max_length=64, help_text="Case-insensitive.")
    category = django_filters.CharFilter("category", max_length=200)

    class Meta:
        model = Product
        fields = ["active"]

    def of_sku(self, queryset: ProductQuerySet, _name: str, value: str) -> ProductQuerySet:
        return queryset.of_sku(value)


class ProductPages(KeysetPagination):
    ordering = ("sku",)


class ProductsViewSet(ApiViewSet):
    scopes = {"list": "products:read", "save": "products:write"}
    pagination_class = ProductPages
    filterset_class = ProductFilter
    serializer_class = shapes.ProductOut
    queryset = Product.objects.all()

    @extend_schema(responses=shapes.ProductOut(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(shapes.ProductOut(page, many=True, context={"request": request}).data)

    @extend_schema(request=shapes.ProductBatchIn, responses=shapes.ProductBatchOut)
    def save(self, request: Request) -> Response:
        """Create or update up to 1,000 products by SKU."""
        items = self.valid(shapes.ProductBatchIn, request)["products"]
        return Response({"saved": update_catalogue(items=[ProductInput(**item) for item in items])})
