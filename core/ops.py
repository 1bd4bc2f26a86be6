"""For monitors: /healthz (the process lives), /readyz (it can work), /metrics (Prometheus)."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from core.addresses import is_local
from core.health import examine


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, cache, queue and migrations are well, else 503; each is named."""
    findings = examine(essential_only=True)
    ok = all(finding.ok for finding in findings)
    checks = {finding.name: {"ok": finding.ok, "detail": finding.detail} for finding in findings}
    return JsonResponse({"ready": ok, "checks": checks}, status=200 if ok else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """To whoever has METRICS_TOKEN; without one configured, to this machine alone."""
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode(), token.encode())
    else:
        allowed = is_local(request)
    return ExportToDjangoView(request) if allowed else HttpResponse("forbidden\n", status=403)
