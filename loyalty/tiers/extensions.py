"""Registrations of tiers."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext as _t

import loyalty.tiers.console.listing
import loyalty.tiers.console.shell
import loyalty.tiers.events
import loyalty.tiers.handlers
import loyalty.tiers.webhooks  # noqa: F401
from core.audit.log import LOGGED, Logged
from core.base.facts import FACTS, count_of
from core.health import checks as health
from core.jobs.services import WORK
from core.security.roles import EVERYONE, Role, grant
from crm.desk.registry import PRIORITIES
from loyalty.tiers.benefits import (
    BirthdayPoints,
    ExclusiveProducts,
    FreeShipping,
    Multiplier,
    PriorityService,
    ticket_priority,
)
from loyalty.tiers.models import BenefitGrant, GrantState, TierBenefit
from loyalty.tiers.registry import BENEFITS
from loyalty.tiers.services import dry_runs as tier_dry_runs
from loyalty.tiers.services import proof as tier_proof


def _tiers() -> dict[str, int]:
    """Return the members per tier of the default program, lowest first; `none` is below the first tier."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(t.code, 'none'), count(*) FROM loyalty_member m
               JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
               LEFT JOIN loyalty_tier t ON t.id = m.tier_id WHERE m.state = 'active'
               GROUP BY t.code, t.rank ORDER BY coalesce(t.rank, 0)"""
        )
        return dict(cursor.fetchall())


def _benefits() -> tuple[bool, str]:
    """Check for benefits that can't be given now and for grants to single members that were abandoned."""
    failing = TierBenefit.objects.filter(active=True).exclude(error="").count()
    grants = BenefitGrant.objects.exclude(state=GrantState.GIVEN).count()
    values = {"failing": failing, "grants": grants}
    return not (failing or grants), _t("%(failing)s failing, %(grants)s not given") % values


WORK.register(tier_dry_runs.KIND, tier_dry_runs.run)
FACTS.register("members_per_tier", _tiers)
FACTS.register("tier_periods", count_of("SELECT count(*) FROM loyalty_tierperiod"))
BENEFITS.register("multiplier", Multiplier())
BENEFITS.register("points_birthday", BirthdayPoints())
BENEFITS.register("free_shipping", FreeShipping())
BENEFITS.register("exclusive_products", ExclusiveProducts())
BENEFITS.register("priority_service", PriorityService())
PRIORITIES.register("tier", ticket_priority)
health.register("tier_periods", tier_proof.check)
health.PROOFS.register("tier_periods", tier_proof.overlaps)
health.register("benefits", _benefits)
LOGGED.register("loyalty.tier_set", Logged())
LOGGED.register("loyalty.tier_released", Logged())
grant("loyalty.add_giventier", to=[Role.LEAD])
grant("loyalty.view_tierbenefit", "loyalty.view_benefitgrant", to=EVERYONE)
grant(
    "loyalty.add_tierbenefit", "loyalty.change_tierbenefit", "loyalty.change_benefitgrant", "loyalty.view_tierperiod",
    to=[Role.MARKETER],
)  # fmt: skip
grant("loyalty.view_tier", "loyalty.change_tier", "loyalty.add_tier", to=[Role.MARKETER])
