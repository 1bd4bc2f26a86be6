"""Public pictures of products for storefronts. A file name is never reused, so browsers may cache it for ever."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from crm.orders.models import Product

TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@login_not_required
@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    product = Product.objects.filter(picture=f"products/{name}").first()
    kind = TYPES.get(name.rpartition(".")[2])
    if product is None or kind is None:
        raise Http404
    try:
        file = product.picture.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=kind)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
