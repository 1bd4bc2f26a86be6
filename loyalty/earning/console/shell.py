"""Registrations of earning rules in the console shell: their page, their names in the audit log."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import OBJECTS, AuditedObject
from core.console import navigation, settings_cards

navigation.register(
    "earning",
    _("Earning rules"),
    url="earning",
    icon="coins",
    permission="loyalty.view_earningrule",
    section="loyalty",
    order=25,
)
settings_cards.register(
    "earning",
    _("Earning rules"),
    _("What earns points, and how many"),
    url="earning",
    icon="coins",
    permission="loyalty.change_earningrule",
    group="loyalty",
    order=30,
    palette=False,
)
OBJECTS.register(
    "loyalty.earningrule",
    AuditedObject(
        label=lambda row: str(row.get("name", "")), url=lambda row: reverse("earning_rule", args=[row["id"]])
    ),
)
