"""The public pictures of designs, which e-mails show."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from campaigns.designs.models import DesignPicture
from core.http.pictures import response_of


@login_not_required
@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    row = DesignPicture.objects.filter(name=name).first()
    return response_of(row.picture if row else None)
