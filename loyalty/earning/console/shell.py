"""Registrations of earning rules in the console shell: their page, their names in the audit log."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import OBJECTS, AuditedObject
from core.console import navigation

navigation.register(
    "earning",
    _("Earning rules"),
    url="earning",
    icon="coins",
    permission="loyalty.view_earningrule",
    section="loyalty",
    order=25,
)
OBJECTS.register(
    "loyalty.earningrule",
    AuditedObject(
        label=lambda row: str(row.get("name", "")), url=lambda row: reverse("earning_rule", args=[row["id"]])
    ),
)
