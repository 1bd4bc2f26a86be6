"""Registrations of tiers in the console shell: their page and their links in the audit log."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.audit.log import OBJECTS, AuditedObject
from core.console import navigation, settings_cards

navigation.register(
    "tiers",
    _("Tiers"),
    url="loyalty_tiers",
    icon="trophy",
    permission="loyalty.view_loyalty",
    section="loyalty",
    order=15,
)
settings_cards.register(
    "program",
    _("Loyalty program"),
    _("Points, their worth and expiry, rounding, return window"),
    url="loyalty_program",
    icon="award",
    permission="loyalty.change_program",
    group="loyalty",
    order=10,
)
settings_cards.register(
    "tiers",
    _("Tiers"),
    _("Thresholds, periods, order and benefits"),
    url="loyalty_tiers",
    icon="trophy",
    permission="loyalty.change_tier",
    group="loyalty",
    order=20,
    palette=False,
)
OBJECTS.register("loyalty.tier", AuditedObject(url=lambda row: reverse("loyalty_tier", args=[row["id"]])))
