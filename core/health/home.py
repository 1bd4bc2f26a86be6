"""Panel of the administrator's home page: the health checks, as a worker ran them last."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.console import home, kept
from core.health.checks import examine
from core.health.labels import text_of

HEALTH = "core.health"


@kept.figure(HEALTH)
def health_findings() -> list[dict[str, Any]]:
    return [{"name": one.name, "ok": one.ok, "essential": one.essential} for one in examine()]


@home.panel(
    "health",
    home="administrator",
    title=_("Health"),
    permission="core.view_jobs",
    template="core/health/home_health.html",
    order=10,
)
def health(request: HttpRequest) -> dict[str, Any]:
    rows = kept.of(request).get(HEALTH)
    return {
        "counted": rows is not None,
        "problems": [(text_of(row["name"]), row["essential"]) for row in rows or [] if not row["ok"]],
        "healthy": sum(row["ok"] for row in rows or []),
        "checked_at": kept.of(request).counted_at(HEALTH),
        "url": f"{reverse('jobs')}?health=1",
    }
