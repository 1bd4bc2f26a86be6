"""Endpoints for monitors: /healthz (the process lives), /readyz (it can work), /metrics (Prometheus)."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from core.health.checks import examine
from core.http.addresses import is_local

LOCAL_HOSTS = {"localhost", "127.0.0.1"}


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the site can work, with failed degrading checks in `degraded`; answer 503 when it can't.

    Strangers get only the names of the checks: versions and addresses would help an attacker.
    """
    findings = examine(essential_only=True)
    ready = all(finding.ok for finding in findings if finding.essential)
    detailed = _may_see_details(request)
    checks = {
        finding.name: {"ok": finding.ok, **({"detail": finding.detail} if detailed else {})} for finding in findings
    }
    degraded = [finding.name for finding in findings if finding.degrading and not finding.ok]
    return JsonResponse({"ready": ready, "degraded": degraded, "checks": checks}, status=200 if ready else 503)


def _may_see_details(request: HttpRequest) -> bool:
    """Return whether the caller has METRICS_TOKEN, or calls from this machine itself and not through a proxy."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode()):
        return True
    # Behind a local proxy that adds no header every caller looks local, so the requested host must be local too.
    return is_local(request) and request.get_host().partition(":")[0] in LOCAL_HOSTS


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the metrics to callers with METRICS_TOKEN; if none is configured, only to this machine."""
    token = settings.METRICS_TOKEN
    if token:
        presented = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(presented.encode(), token.encode())
    else:
        allowed = is_local(request)
    return ExportToDjangoView(request) if allowed else HttpResponse("forbidden\n", status=403)
