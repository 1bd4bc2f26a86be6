"""Helpers shared by the tests of rewards: a member with points, rewards of each kind, codes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from core.base.actor import SYSTEM
from loyalty.ledger.models import Account, Lot
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member
from loyalty.rewards.models import RewardRedemption, RewardUse
from loyalty.rewards.services.codes import upload_reward_codes
from loyalty.rewards.services.redemptions import redeem_reward
from loyalty.rewards.services.rewards import create_reward

ADDRESS = {"name": "王小明", "phone": "13800138000", "line": "Nanjing Road 1", "city": "Shanghai"}
SETTINGS = {"privilege": {"how": "Show this to the tailor"}, "donation": {"cause": "Trees"}}


@pytest.fixture
def make_member(program, make_customer):
    def make(points: int = 1_000, name: str = "") -> Member:
        member = enrol_member(customer=make_customer(name), program=program, actor=SYSTEM)
        if points:
            give(member, points)
        return program_selectors.member_of(member.customer)

    return make


@pytest.fixture
def member(make_member) -> Member:
    return make_member(1_000, "Anna Berg")


@pytest.fixture
def make_reward(program):
    def make(kind: str = "gift", points: int = 300, codes: str = "", **values):
        values = {"name": f"A {kind}", "settings": SETTINGS.get(kind, {}), **values}
        reward = create_reward(program=program, kind=kind, points=points, actor=SYSTEM, **values)
        if codes:
            upload_reward_codes(reward=reward, content=codes.encode(), actor=SYSTEM)
        return reward

    return make


def give(member: Member, points: int) -> None:
    adjust_points(account=account_of(member), points=points, reason="goodwill", key=uuid.uuid4().hex, actor=SYSTEM)
    # A test is one transaction, so its now() lies before everything that happens in it.
    Lot.objects.update(available_from=timezone.now() - timedelta(hours=1))


def account_of(member: Member) -> Account:
    return selectors.spendable_account(member)


def points_of(member: Member) -> tuple[int, int]:
    """Return (available, held)."""
    account = account_of(member)
    return account.available, account.held


def used(reward, member) -> int:
    return RewardUse.objects.filter(reward=reward, member=member).values_list("count", flat=True).first() or 0


def stock_of(reward) -> int | None:
    reward.refresh_from_db()
    return reward.stock


def redeem(member, reward, key="k", **values) -> RewardRedemption:
    values = {"actor": SYSTEM, "address": ADDRESS, **values}
    return RewardRedemption.objects.get(pk=redeem_reward(member=member, reward=reward, key=key, **values)["redemption"])


def soon(days: int):
    return timezone.now() + timedelta(days=days)
