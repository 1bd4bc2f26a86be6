"""Reads of rewards: a member's offers with the reasons against them, codes left, redemptions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from core.base import clock
from loyalty.ledger.selectors import balances as selectors
from loyalty.program import registry as audiences
from loyalty.program.models import Member, MemberState
from loyalty.rewards.models import RedemptionState, Reward, RewardCode, RewardRedemption, RewardUse
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.rules import Offer, RewardEligibility, limit_of, refusal

RECENT = 5


@dataclass(frozen=True)
class Offered:
    """A reward as one member sees it. `reason` is empty when they can have it; `limit` is None without a limit."""

    reward: Reward
    reason: str
    used: int
    limit: int | None
    codes_left: int | None
    available: int | None

    @property
    def missing(self) -> int:
        """Return the points that the member still lacks."""
        return 0 if self.available is None else max(self.reward.points - self.available, 0)


def codes_left(rewards: Iterable[Reward]) -> dict[int, int]:
    """Return the number of free codes of the rewards that have a pool."""
    pooled = [reward.pk for reward in rewards if has_codes(reward)]
    if not pooled:
        return {}
    rows = RewardCode.objects.filter(reward_id__in=pooled, redemption=None).values_list("reward_id")
    counted = dict(rows.annotate(count=Count("pk")))
    return {pk: counted.get(pk, 0) for pk in pooled}


def has_codes(reward: Reward) -> bool:
    fulfilment = FULFILMENTS.get(reward.kind)
    return fulfilment is not None and fulfilment.has_codes


def offers(member: Member, rewards: Sequence[Reward]) -> list[Offered]:
    """Return each reward with the first reason why this member can't have it."""
    return judged(member, rewards, selectors.balance_of(selectors.spendable_account(member)).available)


def judged(member: Member, rewards: Sequence[Reward], available: int | None) -> list[Offered]:
    """Return the same for a number of points that the caller knows. None leaves the check of points to the ledger."""
    used = dict(RewardUse.objects.filter(member=member, reward__in=rewards).values_list("reward_id", "count"))
    tailored = any(reward.segment is not None for reward in rewards)
    segments = audiences.segments_of(member.customer_id) if tailored else frozenset()
    left = codes_left(rewards)
    moment = clock.now()
    offered = []
    for reward in rewards:
        limit = limit_of(
            reward.member_limit, reward.settings.get("tier_limits", {}), member.tier.code if member.tier else None
        )
        offer = Offer(
            active=reward.active,
            starts_at=reward.starts_at,
            ends_at=reward.ends_at,
            stock=reward.stock,
            codes_left=left.get(reward.pk),
            points=reward.points,
            member_limit=limit,
            rank=reward.minimum_tier.rank if reward.minimum_tier else None,
            segment=reward.segment,
        )
        count = used.get(reward.pk, 0)
        standing = RewardEligibility(
            active=member.state == MemberState.ACTIVE,
            rank=member.tier.rank if member.tier else None,
            used=count,
            segments=segments,
            available=available,
        )
        offered.append(Offered(reward, refusal(offer, standing, moment), count, limit, left.get(reward.pk), available))
    return offered


def shown_to(member: Member) -> QuerySet[Reward]:
    """Return the rewards that a member sees: available now or soon. Only members of a segment see its rewards."""
    now = clock.now()
    return (
        Reward.objects.filter(program=member.program, active=True)
        .filter(Q(ends_at=None) | Q(ends_at__gt=now))
        .filter(Q(segment=None) | Q(segment__in=audiences.segments_of(member.customer_id)))
        .select_related("category", "minimum_tier", "program")
    )


def redemptions_of(member: Member) -> QuerySet[RewardRedemption]:
    return RewardRedemption.objects.filter(member=member).select_related("reward__program")


def recent_redemptions(member: Member) -> list[RewardRedemption]:
    return list(redemptions_of(member).order_by("-placed_at")[:RECENT])


@dataclass(frozen=True)
class Taken:
    """Number of redemptions that are not undone, how many wait to be sent, and the points spent on them."""

    count: int = 0
    placed: int = 0
    points: int = 0


def taken(rewards: Sequence[Reward]) -> dict[int, Taken]:
    rows = (
        RewardRedemption.objects.filter(reward__in=rewards)
        .exclude(state__in=[RedemptionState.CANCELLED, RedemptionState.FAILED])
        .values("reward_id")
        .annotate(count=Count("pk"), placed=Count("pk", filter=Q(state=RedemptionState.PLACED)), points=Sum("points"))
    )
    return {row["reward_id"]: Taken(row["count"], row["placed"], row["points"]) for row in rows}
