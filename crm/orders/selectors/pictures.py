"""Addresses of the pictures of products."""

from __future__ import annotations

from django.urls import reverse

from crm.orders.models import Product


def product_picture_path(product: Product) -> str:
    """Return the path of the stored picture of a product, or ""."""
    name = (product.picture.name or "").rpartition("/")[2]
    return reverse("product_picture", args=[name]) if name else ""
