"""Registrations of members."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import loyalty.members.console.consequences
import loyalty.members.console.home
import loyalty.members.console.moments
import loyalty.members.console.panels
import loyalty.members.console.shell  # noqa: F401
from core.jobs.labels import name_work
from core.security.roles import grant
from crm.imports.registry import ImportType, register_import
from loyalty.members import services as opening_balances

name_work({
    "loyalty.award_points": _("Award points for orders"),
    "loyalty.program_dry_run": _("Dry run of a change of the program or a tier"),
    "loyalty.award_points_for_import": _("Award points for imported orders"),
    "loyalty.award_happenings": _("Award points for activities"),
    "loyalty.reverse_points": _("Take back points of returned orders"),
    "loyalty.advance_tasks": _("Move members on in their tasks"),
    "loyalty.advance_tasks.customer": _("Move a member on in a task"),
    "loyalty.evaluate_growth": _("Evaluate tiers after a change of growth value"),
    "loyalty.dry_run": _("Dry run of an earning rule"),
    "loyalty.sweep_lots": _("Confirm and expire points"),
    "loyalty.sweep_holds": _("Release holds that ran out"),
    "loyalty.sweep_redemptions": _("Deliver redeemed rewards"),
    "loyalty.end_tier_periods": _("End tier periods"),
    "loyalty.end_tier_periods.member": _("End the tier period of a member"),
    "loyalty.take_snapshots": _("Take the nightly snapshot of points"),
    "loyalty.reconcile_points": _("Prove the points ledger"),
    "loyalty.announce_expiries": _("Announce points that expire"),
    "loyalty.deliver_benefits": _("Give benefits of tiers"),
})  # fmt: skip
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
