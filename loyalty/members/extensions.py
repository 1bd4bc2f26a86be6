"""Registrations of members."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import loyalty.members.console.consequences
import loyalty.members.console.moments
import loyalty.members.console.panels
import loyalty.members.console.shell  # noqa: F401
from core.security.roles import grant
from crm.imports.registry import ImportType, register_import
from loyalty.members import services as opening_balances

register_import(
    "opening",
    ImportType(
        _("Opening points and tiers"),
        opening_balances.Opening,
        opening_balances.FIELDS,
        opening_balances.LABELS,
        permission="loyalty.import_opening",
        named=True,
        grown="loyalty_member, loyalty_account, loyalty_entry, loyalty_lot",
    ),
)
# Imported points have no limit, so only administrators may import them (L13).
grant("loyalty.import_opening", to=[])
