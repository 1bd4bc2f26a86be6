"""The picture of a member's code, which e-mails show to be scanned in the shop."""

from __future__ import annotations

import io

import segno
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from campaigns.templates.services.contexts import member_code_signer
from crm.customers.models import Customer

SCALE, BORDER = 8, 2


@login_not_required
@require_safe
def member_code(request: HttpRequest, token: str) -> HttpResponse:
    """Return the customer's number as a QR code. Raises Http404 for a forged link and for a customer who is gone."""
    try:
        pk = int(member_code_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        raise Http404 from None
    number = Customer.objects.active().filter(pk=pk).values_list("number", flat=True).first()
    if number is None:
        raise Http404
    output = io.BytesIO()
    segno.make(number, error="m", micro=False).save(output, kind="png", scale=SCALE, border=BORDER)
    response = HttpResponse(output.getvalue(), content_type="image/png")
    response["Cache-Control"] = "public, max-age=86400"
    return response
