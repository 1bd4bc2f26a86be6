"""Public pictures of products for storefronts."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from core.http.pictures import response_of
from crm.orders.models import Product


@login_not_required
@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    product = Product.objects.filter(picture=f"products/{name}").first()
    return response_of(product.picture if product else None)
