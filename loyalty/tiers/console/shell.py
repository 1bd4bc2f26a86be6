"""Registrations of tiers in the console shell: their page and their links in the audit log."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import OBJECTS, AuditedObject
from core.console import navigation

navigation.register(
    "tiers",
    _("Tiers"),
    url="loyalty_tiers",
    icon="trophy",
    permission="loyalty.view_loyalty",
    section="loyalty",
    order=15,
)
OBJECTS.register("loyalty.tier", AuditedObject(url=lambda row: reverse("loyalty_tier", args=[row["id"]])))
