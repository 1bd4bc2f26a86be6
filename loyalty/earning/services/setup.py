"""Setup of the first program of a shop: tiers by 12-month spend at 1, 501, 2001 and 5001 currency units."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from core.base.actor import SYSTEM
from core.db.locks import lock_name
from core.text.currencies import exponent
from crm.customers.models import Store
from crm.desk.models import TicketPriority
from loyalty.earning.models import EarningRule, EarningRuleVersion
from loyalty.program.models import PointType, Program
from loyalty.tiers.models import Tier, TierBenefit
from loyalty.tiers.services.benefits import create_benefit

# Benefits of the demo shop's tiers; `from_amount` is in whole units of the currency.
EXAMPLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("silver", "points_birthday", {"points": 50}),
    ("gold", "points_birthday", {"points": 100}),
    ("gold", "free_shipping", {"from_amount": 99}),
    ("platinum", "points_birthday", {"points": 200}),
    ("platinum", "free_shipping", {"from_amount": 0}),
    ("platinum", "priority_service", {"priority": str(int(TicketPriority.HIGH))}),
)
TIERS = (
    ("bronze", "Bronze", "铜卡会员", 1, "1.00"),
    ("silver", "Silver", "银卡会员", 501, "1.10"),
    ("gold", "Gold", "金卡会员", 2001, "1.25"),
    ("platinum", "Platinum", "铂金会员", 5001, "1.50"),
)


def ensure_default_program() -> Program | None:
    """Return the default program, made from the default store if there is none. None while there is no store."""
    program = Program.objects.default()
    if program:
        return program
    store = Store.objects.default_or_none()
    if store is None:
        return None
    with transaction.atomic():
        lock_name("loyalty.default-program")
        program = Program.objects.default()
        if program:
            return program
        unit = 10 ** exponent(store.currency)
        program = Program.objects.create(
            code="members",
            name=f"{store.name} Club",
            currency=store.currency,
            time_zone=store.time_zone,
            is_default=True,
            redeem_points=100,
            redeem_amount=unit,
        )
        points = PointType.objects.create(program=program, code="points", name="Points")
        Tier.objects.bulk_create(
            Tier(
                program=program,
                code=code,
                name=name,
                name_zh=name_zh,
                rank=rank,
                threshold=units * unit,
                multiplier=multiplier,
            )
            for rank, (code, name, name_zh, units, multiplier) in enumerate(TIERS, 1)
        )
        rule = EarningRule.objects.create(program=program, point_type=points, code="spend", name="Points for orders")
        EarningRuleVersion.objects.create(rule=rule, version=1, points=1, per_amount=unit)
    return program


def ensure_example_benefits(program: Program) -> None:
    """Add benefits to the tiers of the demo shop. A real shop chooses its own."""
    if TierBenefit.objects.filter(tier__program=program).exists():
        return
    tiers = {tier.code: tier for tier in Tier.objects.filter(program=program).select_related("program")}
    unit = 10 ** exponent(program.currency)
    with transaction.atomic():
        for position, (code, kind, settings) in enumerate(EXAMPLES):
            if code not in tiers:
                continue
            values = {name: value * unit if name == "from_amount" else value for name, value in settings.items()}
            create_benefit(tier=tiers[code], kind=kind, settings=values, position=position, actor=SYSTEM)
        Tier.objects.filter(program=program, code="gold").update(paid_price=299 * unit)
