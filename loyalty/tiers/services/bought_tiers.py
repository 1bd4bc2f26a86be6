"""Services of tiers that members pay for (T3).

A tier is bought once per reference, extended when it is bought again, and ended by a refund.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid, NotFound, Refused
from core.db import idempotency
from core.events.bus import Emission, emit_many
from crm.orders.models import Order
from loyalty.program.models import Member, Program
from loyalty.tiers import events
from loyalty.tiers.models import GivenKind, GivenTier, Tier
from loyalty.tiers.services.set_tiers import enter_tier, lock_member


def buy_tier(
    *, member: Member, tier: Tier, reference: str, key: str, actor: Actor, amount: int | None = None
) -> dict[str, Any]:
    """Record a tier that was paid for, by its order or payment.

    It runs for the tier's days from now, or from the end of an earlier purchase. `amount` is in minor units and
    defaults to the tier's price. Raises Refused `tier_not_for_sale`, Conflict `reference_used` for another purchase
    under that reference, IdempotencyConflict. The same reference for the same member and tier returns the first answer.
    """
    reference = reference.strip()
    if not reference or len(reference) > 120:
        raise Invalid(_("Enter the order or payment number, 1 to 120 characters."), code="required", field="reference")
    if tier.program_id != member.program_id:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="tier")
    request = {"member": member.pk, "tier": tier.pk, "reference": reference, "amount": amount}

    def command() -> dict[str, Any]:
        return _buy(member, tier, reference, actor, amount)

    area = f"loyalty:{member.program_id}:tiers"
    answer: dict[str, Any] = idempotency.run_once(
        idempotency.scope_of(area, actor), idempotency.check_key(key), request, command, older_scope=area
    )
    return answer


def refund_tier(*, member: Member, reference: str, actor: Actor) -> GivenTier:
    """End a bought tier now and move later purchases forward. Idempotent. Raises NotFound `unknown_purchase`.

    The member's tier itself changes at the end of the day (T4).
    """
    with transaction.atomic():
        locked = lock_member(member)
        rows = GivenTier.objects.select_related("tier").filter(member=locked, kind=GivenKind.PAID)
        bought = rows.filter(reference=reference).first()
        if bought is None:
            raise NotFound(_("There is no such purchase."), code="unknown_purchase", field="reference")
        if bought.refunded_at is not None:
            return bought
        now = clock.now()
        left = max(bought.ends_at - max(now, bought.starts_at), timedelta(0))
        for later in rows.filter(tier=bought.tier, refunded_at=None, starts_at__gte=bought.ends_at):
            later.starts_at -= left
            later.ends_at -= left
            later.save(update_fields=["starts_at", "ends_at"])
        bought.refunded_at = now
        bought.ended_at = max(bought.starts_at, min(now, bought.ends_at))
        bought.save(update_fields=["refunded_at", "ended_at"])
        payload = {"tier": bought.tier.name, "reference": reference}
        emit_many([Emission(events.TIER_REFUNDED, locked.customer_id, payload)], actor=actor)
    return bought


def refund_bought_tiers(*, orders: Iterable[Order], actor: Actor = SYSTEM) -> int:
    """End the tiers that were bought with these fully refunded orders. Returns how many."""
    numbers = {order.number: order.customer_id for order in orders if order.customer_id}
    if not numbers:
        return 0
    bought = GivenTier.objects.select_related("member").filter(
        reference__in=numbers, refunded_at=None, program__is_default=True
    )
    ended = 0
    for purchase in bought.order_by("pk"):
        if purchase.member.customer_id == numbers[str(purchase.reference)]:
            refund_tier(member=purchase.member, reference=str(purchase.reference), actor=actor)
            ended += 1
    return ended


def tiers_for_sale(program: Program) -> list[Tier]:
    """Return the tiers that members can buy, lowest first."""
    return list(Tier.objects.filter(program=program, paid_price__isnull=False).order_by("rank"))


def _buy(member: Member, tier: Tier, reference: str, actor: Actor, amount: int | None) -> dict[str, Any]:
    locked = lock_member(member)
    known = GivenTier.objects.filter(program_id=locked.program_id, reference=reference).first()
    if known is not None:
        if known.member_id != locked.pk or known.tier_id != tier.pk:
            raise Conflict(_("Another purchase has this reference."), code="reference_used", field="reference")
        return _answer(known, tier)
    if tier.paid_price is None:
        raise Refused(_("This tier can't be bought."), code="tier_not_for_sale", field="tier")
    now = clock.now()
    earlier = GivenTier.objects.filter(
        member=locked, tier=tier, kind=GivenKind.PAID, ended_at=None, ends_at__gt=now
    ).order_by("-ends_at")
    last = earlier.first()
    starts_at = last.ends_at if last else now
    bought = GivenTier.objects.create(
        member=locked,
        program_id=locked.program_id,
        tier=tier,
        kind=GivenKind.PAID,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=tier.paid_days),
        reference=reference,
        amount=tier.paid_price if amount is None else amount,
        actor=str(actor),
    )
    payload = {"tier": tier.name, "until": bought.ends_at.isoformat(), "reference": reference, "amount": bought.amount}
    emissions = [Emission(events.TIER_BOUGHT, locked.customer_id, payload)]
    is_locked = locked.tier_locked_until is not None and locked.tier_locked_until > now
    if last is None and not is_locked and (locked.tier is None or locked.tier.rank <= tier.rank):
        emissions += enter_tier(locked, tier, GivenKind.PAID, now, actor)
    emit_many(emissions, actor=actor)
    return _answer(bought, tier)


def _answer(bought: GivenTier, tier: Tier) -> dict[str, Any]:
    return {
        "tier": tier.code,
        "reference": bought.reference,
        "amount": bought.amount,
        "starts_at": bought.starts_at.isoformat(),
        "ends_at": bought.ends_at.isoformat(),
    }
