"""The public logo of the shop, for messages and pages of customers."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from core.http.pictures import response_of
from crm.customers.models import Store


@login_not_required
@require_safe
def logo(request: HttpRequest, name: str) -> FileResponse:
    store = Store.objects.filter(logo=f"shop/{name}").first()
    return response_of(store.logo if store else None)
