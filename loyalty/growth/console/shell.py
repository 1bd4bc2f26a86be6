"""Registrations of tasks and badges in the console shell: their pages and their names in the audit log."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import OBJECTS, AuditedObject
from core.console import navigation

navigation.register(
    "tasks", _("Tasks"), url="tasks", icon="target", permission="loyalty.view_task", section="loyalty", order=50
)
navigation.register(
    "badges", _("Badges"), url="badges", icon="medal", permission="loyalty.view_badge", section="loyalty", order=52
)
navigation.register(
    "leaderboard",
    _("Leaderboard"),
    url="leaderboard",
    icon="chart-histogram",
    permission="loyalty.view_task",
    section="loyalty",
    order=54,
)
OBJECTS.register(
    "loyalty.task",
    AuditedObject(label=lambda row: str(row.get("name", "")), url=lambda row: reverse("task", args=[row["id"]])),
)
OBJECTS.register(
    "loyalty.badge",
    AuditedObject(label=lambda row: str(row.get("name", "")), url=lambda row: reverse("badge_edit", args=[row["id"]])),
)
