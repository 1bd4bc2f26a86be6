"""The public logo of the shop, for messages and pages of customers. A file name is never reused."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from crm.customers.models import Store

TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@login_not_required
@require_safe
def logo(request: HttpRequest, name: str) -> FileResponse:
    store = Store.objects.filter(logo=f"shop/{name}").first()
    kind = TYPES.get(name.rpartition(".")[2])
    if store is None or kind is None:
        raise Http404
    try:
        file = store.logo.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=kind)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
