"""Tests of tiers given by hand or bought: their end, lock and reasons (T3)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Conflict, DomainError, IdempotencyConflict, Invalid, NotFound, Refused
from crm.orders.services.refunds import record_refund
from loyalty.tiers.models import GivenTier, Tier, TierPeriod
from loyalty.tiers.services.bought_tiers import buy_tier, refund_tier
from loyalty.tiers.services.evaluation import evaluate_tiers
from loyalty.tiers.services.set_tiers import release_tier, set_tier
from tests.loyalty.tiers.samples import event_payloads, intervals, later, tier, tier_of
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def plus(program) -> Tier:
    gold = tier(program, "gold")
    gold.paid_price, gold.paid_days = 29_900, 30
    gold.save()
    return gold


def give(member, code: str, days: float = 30, **values):
    values = {"reason": "goodwill", "actor": SYSTEM, **values}
    return set_tier(member=member, tier=tier(member.program, code), until=later(days), **values)


def buy(member, plus, reference: str = "A1", key: str = "", **values):
    return buy_tier(member=member, tier=plus, reference=reference, key=key or f"k-{reference}", actor=SYSTEM, **values)


def spend(member, make_order, settle, amount: int):
    order = make_order(member.customer, amount)
    settle()
    return order


def test_a_tier_by_hand_is_a_floor_until_its_end(program, member, make_order, settle):
    # given
    give(member, "silver", note="Moved house")
    assert (tier_of(member), intervals(member)) == ("silver", [("silver", "manual", True)])
    assert TierPeriod.objects.get().note == "Moved house"
    # when nothing qualifies, it holds; when a higher tier qualifies, the member goes up
    assert evaluate_tiers(program=program, downgrade=True, at=later(29)) == (0, 0)
    spend(member, make_order, settle, 250_000)
    assert tier_of(member) == "gold"
    # then its end does not change the earned tier
    assert evaluate_tiers(program=program, downgrade=True, at=later(31)) == (0, 0)
    assert intervals(member) == [("silver", "manual", False), ("gold", "qualified", True)]


def test_after_its_end_the_night_evaluates_again_with_a_reason(program, member, make_order, settle):
    spend(member, make_order, settle, 60_000)
    give(member, "platinum", 10)
    assert evaluate_tiers(program=program, downgrade=True, at=later(9)) == (0, 0)
    assert evaluate_tiers(program=program, downgrade=True, at=later(11)) == (0, 1)
    assert intervals(member) == [
        ("silver", "qualified", False),
        ("platinum", "manual", False),
        ("silver", "period_ended", True),
    ]
    assert [(event["to"], event["reason"]) for event in event_payloads()] == [
        ("Silver", "qualified"),
        ("Platinum", "manual"),
        ("Silver", "period_ended"),
    ]


def test_a_given_tier_earned_before_its_end_gets_a_new_reason_and_no_move(program, member, make_order, settle):
    give(member, "gold", 10)
    spend(member, make_order, settle, 250_000)
    assert evaluate_tiers(program=program, downgrade=True, at=later(11)) == (0, 0)
    assert intervals(member) == [("gold", "manual", False), ("gold", "qualified", True)]
    member.refresh_from_db()
    assert len(event_payloads()) == 1


def test_a_locked_tier_moves_neither_up_nor_down(program, member, make_order, settle):
    give(member, "silver", 10, lock=True)
    spend(member, make_order, settle, 600_000)
    assert (tier_of(member), member.qualifying) == ("silver", 600_000)
    assert evaluate_tiers(program=program, downgrade=True, at=later(9)) == (0, 0)
    assert evaluate_tiers(program=program, downgrade=True, at=later(11)) == (1, 0)
    assert intervals(member)[-1] == ("platinum", "qualified", True)


def test_a_tier_by_hand_can_be_lower_and_repeating_it_changes_nothing(program, member, make_order, settle):
    spend(member, make_order, settle, 250_000)
    until = later(30)
    silver = tier(program, "silver")
    first = set_tier(member=member, tier=silver, until=until, reason="fraud", lock=True, actor=SYSTEM)
    again = set_tier(member=member, tier=silver, until=until, reason="fraud", lock=True, actor=SYSTEM)
    assert first.pk == again.pk
    assert GivenTier.objects.count() == 1
    assert event_payloads()[-1] | {"tier": 0} == {
        "from": "Gold",
        "to": "Silver",
        "up": False,
        "tier": 0,
        "reason": "manual",
    }
    [event] = event_payloads("loyalty.tier_set")
    assert (event["tier"], event["locked"], event["reason"], event["until"]) == (
        "Silver", True, "fraud", until.isoformat(),
    )  # fmt: skip


def test_a_second_tier_by_hand_replaces_the_first(program, member):
    give(member, "platinum", 30, lock=True)
    give(member, "gold", 5)
    member.refresh_from_db()
    assert (tier_of(member), member.tier_locked_until) == ("gold", None)
    assert GivenTier.objects.filter(ended_at=None).count() == 1
    assert evaluate_tiers(program=program, downgrade=True, at=later(6)) == (0, 1)
    assert tier_of(member) == ""


def test_releasing_puts_the_member_where_they_qualify(program, member, make_order, settle):
    spend(member, make_order, settle, 60_000)
    give(member, "platinum", 30, lock=True)
    assert release_tier(member=member, actor=SYSTEM, note="A mistake")
    assert (tier_of(member), member.tier_locked_until) == ("silver", None)
    assert intervals(member)[-1] == ("silver", "period_ended", True)
    assert not release_tier(member=member, actor=SYSTEM)


@pytest.mark.parametrize(
    ("values", "field"),
    [({"reason": "because"}, "reason"), ({"days": -1}, "until"), ({"days": 4000}, "until")],
)
def test_an_invalid_tier_by_hand_changes_nothing(member, values, field):
    with pytest.raises(Invalid) as refusal:
        give(member, "gold", **values)
    assert refusal.value.field == field
    assert (tier_of(member), GivenTier.objects.count(), TierPeriod.objects.count(), event_payloads()) == ("", 0, 0, [])


def test_a_member_who_left_gets_no_tier(member):
    member.state = "left"
    member.save()
    with pytest.raises(Conflict) as refusal:
        give(member, "gold")
    assert refusal.value.code == "member_not_active"
    assert (tier_of(member), GivenTier.objects.count()) == ("", 0)


def test_a_bought_tier_runs_its_days_and_is_extended_from_its_end(program, member, plus):
    # when
    first = buy(member, plus, "A1")
    second = buy(member, plus, "A2")
    # then
    assert (tier_of(member), intervals(member)) == ("gold", [("gold", "paid", True)])
    assert second["starts_at"] == first["ends_at"]
    assert (first["tier"], first["amount"], first["reference"]) == ("gold", 29_900, "A1")
    assert evaluate_tiers(program=program, downgrade=True, at=later(59)) == (0, 0)
    assert evaluate_tiers(program=program, downgrade=True, at=later(61)) == (0, 1)
    assert event_payloads()[-1]["reason"] == "period_ended"


def test_the_same_purchase_returns_the_same_answer(program, member, plus, make_member):
    first = buy(member, plus, "A1", "k")
    assert buy(member, plus, "A1", "k") == first
    assert buy(member, plus, "A1", "another key") == first
    with pytest.raises(IdempotencyConflict):
        buy(member, plus, "A2", "k")
    with pytest.raises(Conflict) as refusal:
        buy(make_member(0), plus, "A1", "third")
    assert refusal.value.code == "reference_used"
    assert GivenTier.objects.count() == 1


def test_a_tier_without_a_price_is_refused_and_leaves_nothing(program, member):
    with pytest.raises(Refused) as refusal:
        buy(member, tier(program, "gold"))
    assert refusal.value.code == "tier_not_for_sale"
    assert (tier_of(member), GivenTier.objects.count(), TierPeriod.objects.count()) == ("", 0, 0)


def test_a_refund_ends_a_bought_tier_at_night_and_moves_the_next_one_forward(program, member, plus):
    buy(member, plus, "A1")
    buy(member, plus, "A2")
    # when the first is refunded, the second runs
    refund_tier(member=member, reference="A1", actor=SYSTEM)
    assert evaluate_tiers(program=program, downgrade=True, at=later(29)) == (0, 0)
    running = GivenTier.objects.get(reference="A2")
    assert abs(running.starts_at - timezone.now()) < timedelta(minutes=1)
    assert running.ends_at - running.starts_at == timedelta(days=30)
    # when the second is refunded too
    refund_tier(member=member, reference="A2", actor=SYSTEM)
    refund_tier(member=member, reference="A2", actor=SYSTEM)
    assert tier_of(member) == "gold", "not in the request"
    assert evaluate_tiers(program=program, downgrade=True, at=later(0.5)) == (0, 1)
    assert event_payloads()[-1]["reason"] == "returned"
    assert len(event_payloads("loyalty.tier_refunded")) == 2
    with pytest.raises(NotFound):
        refund_tier(member=member, reference="A9", actor=SYSTEM)


def test_refunding_the_order_of_a_bought_tier_ends_it(program, member, plus, make_order, settle):
    order = spend(member, make_order, settle, 100)
    evaluate_tiers(program=program, downgrade=True)
    buy(member, plus, order.number)
    record_refund(order_number=order.number, number="R", source=order.source, amount=40, actor=SYSTEM)
    settle()
    assert GivenTier.objects.get().refunded_at is None, "a partial refund is not enough"
    record_refund(order_number=order.number, number="R2", source=order.source, amount=60, actor=SYSTEM)
    settle()
    assert GivenTier.objects.get().refunded_at is not None
    evaluate_tiers(program=program, downgrade=True, at=later(1))
    assert (tier_of(member), event_payloads()[-1]["reason"]) == ("", "returned")


def test_a_tier_bought_during_a_lock_starts_after_it(program, member, plus):
    give(member, "bronze", 10, lock=True)
    buy(member, plus)
    assert tier_of(member) == "bronze"
    assert evaluate_tiers(program=program, downgrade=True, at=later(11)) == (1, 0)
    assert intervals(member)[-1] == ("gold", "paid", True)


@pytest.mark.django_db(transaction=True)
def test_twelve_parallel_purchases_with_one_reference_buy_once(program, member, plus):
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            outcomes.append(buy(member, plus, "A1", f"k{number % 3}")["ends_at"])
        except DomainError as error:
            outcomes.append(error.code)

    storm(12, attempt)
    assert len(set(outcomes)) == 1
    assert GivenTier.objects.count() == 1
    assert intervals(member) == [("gold", "paid", True)]


@pytest.mark.django_db(transaction=True)
def test_setting_and_evaluating_in_parallel_leaves_adjacent_intervals(program, member, make_order, settle):
    spend(member, make_order, settle, 250_000)

    def work(number: int) -> None:
        if number % 2:
            set_tier(
                member=member,
                tier=tier(program, ("silver", "platinum")[number % 4 == 1]),
                until=later(number),
                reason="goodwill",
                actor=SYSTEM,
            )
        else:
            with transaction.atomic():
                evaluate_tiers(program=program, downgrade=True)

    storm(8, work)
    rows = list(TierPeriod.objects.filter(member=member).order_by("started_at", "ended_at"))
    assert [row.ended_at for row in rows[:-1]] == [row.started_at for row in rows[1:]]
    assert [row.ended_at is None for row in rows] == [False] * (len(rows) - 1) + [True]
    member.refresh_from_db()
    assert rows[-1].tier_id == member.tier_id
    assert GivenTier.objects.filter(ended_at=None).count() == 1
