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
    """200 while the site can work, `degraded` names what it works without; 503 when it can't.

    Strangers get the names of the checks and no more: versions and addresses would help an attacker.
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
    """Whoever has METRICS_TOKEN, or asks from this machine itself and not through a proxy."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN and hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        return True
    # A proxy on this machine that adds no header makes every caller look local, so a host that is not local is not.
    return is_local(request) and request.get_host().partition(":")[0] in LOCAL_HOSTS


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
