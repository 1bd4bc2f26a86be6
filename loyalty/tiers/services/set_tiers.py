"""Services of tiers that staff give by hand: with a reason, an end and optionally a lock (T3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row, require_transaction
from core.events.bus import Emission, emit_many
from loyalty.program.models import Member, MemberState
from loyalty.tiers import events
from loyalty.tiers.models import GivenKind, GivenTier, SetTierReason, Tier, TierPeriod
from loyalty.tiers.services.evaluation import evaluate_tiers

LONGEST = timedelta(days=3660)


def set_tier(
    *, member: Member, tier: Tier, until: datetime, reason: str, actor: Actor, lock: bool = False, note: str = ""
) -> GivenTier:
    """Put a member into a tier until a moment. With a lock no evaluation moves them; without it they may go up.

    It replaces an earlier tier set by hand. Repeating the same call changes nothing. Raises Invalid naming the field,
    Conflict `member_not_active`.
    """
    now = clock.now()
    if reason not in SetTierReason.values:
        raise Invalid(_("Choose a reason."), code="invalid_choice", field="reason")
    if tier.program_id != member.program_id:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="tier")
    if not now < until <= now + LONGEST:
        raise Invalid(_("Choose an end in the future, within ten years."), code="invalid", field="until")
    with transaction.atomic():
        locked = lock_member(member)
        now = clock.now()
        same = _running(locked, now).filter(tier=tier, ends_at=until, locked=lock, reason=reason).first()
        if same is not None:
            return same
        _running(locked, now).update(ended_at=now)
        given_tier = GivenTier.objects.create(
            member=locked,
            program_id=locked.program_id,
            tier=tier,
            kind=GivenKind.MANUAL,
            starts_at=now,
            ends_at=until,
            locked=lock,
            reason=reason,
            note=note.strip()[:400],
            actor=str(actor),
        )
        locked.tier_locked_until = until if lock else None
        locked.save(update_fields=["tier_locked_until"])
        emissions = [
            Emission(
                events.TIER_SET,
                locked.customer_id,
                {
                    "tier": tier.name,
                    "until": until.isoformat(),
                    "locked": lock,
                    "reason": reason,
                    "note": given_tier.note,
                },
            )
        ]
        emit_many([*emissions, *enter_tier(locked, tier, GivenKind.MANUAL, now, actor, given_tier.note)], actor=actor)
    return given_tier


def release_tier(*, member: Member, actor: Actor, note: str = "") -> bool:
    """End a tier set by hand, with its lock, and evaluate the member. Return whether there was one."""
    with transaction.atomic():
        locked = lock_member(member)
        now = clock.now()
        running = list(_running(locked, now).select_related("tier"))
        if not running and (locked.tier_locked_until is None or locked.tier_locked_until <= now):
            return False
        _running(locked, now).update(ended_at=now)
        locked.tier_locked_until = None
        locked.save(update_fields=["tier_locked_until"])
        name = running[0].tier.name if running else locked.tier.name if locked.tier else ""
        emit_many(
            [Emission(events.TIER_RELEASED, locked.customer_id, {"tier": name, "note": note.strip()[:400]})],
            actor=actor,
        )
        evaluate_tiers(
            program=locked.program, customer_ids=[locked.customer_id], downgrade=True, at=clock.now(), actor=actor
        )
    return True


def lock_member(member: Member) -> Member:
    """Lock and return the member. Raises Conflict `member_not_active`."""
    locked = lock_row(Member.objects.select_related("program", "tier").filter(pk=member.pk), weak=True)
    if locked.state != MemberState.ACTIVE:
        raise Conflict(_("This member is not active."), code="member_not_active")
    return locked


def enter_tier(member: Member, tier: Tier, reason: str, at: datetime, actor: Actor, note: str = "") -> list[Emission]:
    """Begin a new interval for a locked member, even in the same tier for another reason. Return the emissions."""
    require_transaction()
    before = member.tier
    last = TierPeriod.objects.filter(member=member).order_by("-started_at", "-ended_at").first()
    if last is not None:
        at = max(at, last.ended_at or last.started_at)
    TierPeriod.objects.filter(member=member, ended_at=None).update(ended_at=at)
    TierPeriod.objects.create(member=member, tier=tier, reason=reason, started_at=at, actor=str(actor), note=note)
    if before == tier:
        return []
    member.tier, member.tier_since = tier, at
    member.save(update_fields=["tier", "tier_since"])
    payload = {
        "from": before.name if before else None,
        "to": tier.name,
        "up": before is None or tier.rank > before.rank,
        "tier": tier.pk,
        "reason": reason,
    }
    return [Emission(events.TIER_CHANGED, member.customer_id, payload)]


def _running(member: Member, at: datetime) -> QuerySet[GivenTier]:
    return GivenTier.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=at), member=member, kind=GivenKind.MANUAL, ends_at__gt=at
    )
