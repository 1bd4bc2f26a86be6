"""Tests of redeeming rewards (L5, L7, L8, L9): what moves, what a refusal leaves unchanged, what is returned."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from analytics.segments.services.segments import create_segment
from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.coupons import create_coupon, update_coupon
from campaigns.coupons.services.uses import reserve_coupon
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, IdempotencyConflict, Refused
from core.db.models import IdempotencyRecord
from core.events.models import DomainEvent
from loyalty.ledger.models import Entry, Hold, Lot
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.sweeps import sweep_holds
from loyalty.program.models import Member
from loyalty.program.services.suspensions import suspend_member
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.registry import Delivery, Fulfilment, TryLater
from loyalty.rewards.services.redemptions import (
    ATTEMPTS,
    cancel_redemption,
    fulfil_redemption,
    redeem_reward,
    see_address,
    ship_redemption,
    sweep_redemptions,
)
from loyalty.tiers.models import Tier
from tests.loyalty.rewards.samples import ADDRESS, points_of, redeem, soon, stock_of, used
from tests.segments import put_in

pytestmark = pytest.mark.django_db
OWN = Actor("member", 1)


def kinds_of_events(member) -> list[str]:
    rows = DomainEvent.objects.filter(subject_id=member.customer_id, kind__startswith="loyalty.reward_")
    return [kind.removeprefix("loyalty.reward_") for kind in rows.order_by("pk").values_list("kind", flat=True)]


def nothing_changed(member, reward, stock, points=1_000) -> bool:
    return (
        points_of(member) == (points, 0)
        and stock_of(reward) == stock
        and used(reward, member) == 0
        and not RewardRedemption.objects.exists()
        and not Hold.objects.exists()
        and not IdempotencyRecord.objects.filter(scope__contains="rewards").exists()
        and not DomainEvent.objects.filter(kind__startswith="loyalty.reward_").exists()
    )


def test_a_gift_holds_points_until_it_is_sent(member, make_reward):
    reward = make_reward("gift", 300, stock=5)
    row = redeem(member, reward)
    assert (row.state, row.points, json.loads(row.address)["city"]) == ("placed", 300, "Shanghai")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((700, 300), 4, 1)
    ship_redemption(redemption=row, tracking=" SF123 ", actor=SYSTEM)
    row.refresh_from_db()
    assert (row.state, row.tracking, points_of(member), stock_of(reward)) == ("shipped", "SF123", (700, 0), 4)
    assert list(Entry.objects.values_list("kind", flat=True).order_by("pk")) == ["adjust", "hold", "capture"]
    assert kinds_of_events(member) == ["redeemed", "fulfilled"]
    assert reconcile_points().difference_count == 0


def test_sending_is_idempotent_and_another_number_is_refused(member, make_reward):
    row = redeem(member, make_reward("gift"))
    ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM)
    assert ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM).state == "shipped"
    with pytest.raises(Conflict) as refusal:
        ship_redemption(redemption=row, tracking="SF2", actor=SYSTEM)
    row.refresh_from_db()
    assert (refusal.value.code, row.tracking, points_of(member)) == ("redemption_not_open", "SF1", (700, 0))


def test_the_address_and_the_code_are_not_readable_in_the_database(member, make_reward):
    redeem(member, make_reward("gift"))
    redeem(member, make_reward("voucher", codes="SECRET-1"), key="2")
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(address, '') || coalesce(code, '') FROM loyalty_rewardredemption
               UNION ALL SELECT value FROM loyalty_rewardcode"""
        )
        stored = b"".join(bytes(row[0]) for row in cursor.fetchall())
        cursor.execute(
            """SELECT coalesce(string_agg(answer::text, ''), '') || (SELECT coalesce(string_agg(payload::text, ''), '')
               FROM core_domainevent) FROM core_idempotencyrecord"""
        )
        events_and_answers = cursor.fetchone()[0]
    assert b"Nanjing" not in stored
    assert b"SECRET" not in stored
    assert "Nanjing" not in events_and_answers
    assert "SECRET" not in events_and_answers


def test_every_view_of_an_address_is_an_event(member, make_reward):
    row = redeem(member, make_reward("gift"))
    assert see_address(redemption=row, actor=Actor("user", 7))["line"] == "Nanjing Road 1"
    event = DomainEvent.objects.get(kind="loyalty.reward_address_seen")
    assert (event.actor, event.subject_id) == ("user:7", member.customer_id)


def test_a_voucher_is_delivered_and_paid_immediately(member, make_reward):
    reward = make_reward("voucher", 300, codes="AAA\nBBB\n")
    row = redeem(member, reward)
    assert (row.state, row.code, points_of(member), row.attempts) == ("fulfilled", "AAA", (700, 0), 1)
    assert catalogue.codes_left([reward]) == {reward.pk: 1}
    assert redeem(member, reward, key="2").code == "BBB"
    with pytest.raises(Refused) as refusal:
        redeem(member, reward, key="3")
    assert (refusal.value.code, points_of(member), used(reward, member)) == ("no_codes_left", (400, 0), 2)


def test_an_empty_pool_at_delivery_leaves_nothing_behind(member, make_reward, monkeypatch):
    """Another transaction takes the last code between the check of the pool and the taking of a code."""
    reward = make_reward("voucher", 300, stock=5)
    monkeypatch.setattr(catalogue, "codes_left", lambda rewards: {reward.pk: 1})
    with pytest.raises(Refused) as refusal:
        redeem(member, reward)
    assert refusal.value.code == "no_codes_left"
    assert nothing_changed(member, reward, 5)


@pytest.mark.parametrize(("kind", "says"), [("privilege", "Show this to the tailor"), ("donation", "Trees")])
def test_a_privilege_and_a_donation_return_their_text(member, make_reward, kind, says):
    row = redeem(member, make_reward(kind, 250))
    assert (row.state, row.reference, points_of(member)) == ("fulfilled", says, (750, 0))


def test_a_coupon_comes_from_campaigns(member, make_reward, store):
    coupon = create_coupon(name="Ten off", kind="amount", value=1_000, actor=SYSTEM)
    row = redeem(member, make_reward("coupon", 100, settings={"coupon": str(coupon.pk)}))
    code = CouponCode.objects.get()
    assert (code.customer_id, code.issued_for) == (member.customer_id, f"reward:{row.pk}")
    assert (row.state, row.code.replace("-", ""), row.reference) == ("fulfilled", code.code, "Ten off")


def test_an_ended_coupon_is_refused_and_nothing_changed(member, make_reward, store):
    coupon = create_coupon(name="Ten off", kind="amount", value=1_000, actor=SYSTEM)
    reward = make_reward("coupon", 100, settings={"coupon": str(coupon.pk)}, stock=3)
    update_coupon(coupon=coupon, actor=SYSTEM, active=False)
    with pytest.raises(Conflict) as refusal:
        redeem(member, reward)
    assert refusal.value.code == "coupon_over"
    assert nothing_changed(member, reward, 3)


def test_the_same_key_gives_the_first_answer_and_another_request_conflicts(member, make_reward):
    reward, other = make_reward("gift", 300, stock=5), make_reward("donation", 100, name="Other")
    first = redeem_reward(member=member, reward=reward, key="one", actor=SYSTEM, address=ADDRESS)
    ship_redemption(redemption=RewardRedemption.objects.get(), tracking="SF1", actor=SYSTEM)
    again = redeem_reward(member=member, reward=reward, key="one", actor=SYSTEM, address=ADDRESS)
    assert again == first
    with pytest.raises(IdempotencyConflict):
        redeem_reward(member=member, reward=other, key="one", actor=SYSTEM, address=ADDRESS)
    with pytest.raises(IdempotencyConflict):
        redeem_reward(member=member, reward=reward, key="one", actor=SYSTEM, address={**ADDRESS, "city": "Beijing"})
    assert (RewardRedemption.objects.count(), points_of(member), stock_of(reward)) == (1, (700, 0), 4)


def test_keys_of_different_members_are_separate(make_member, make_reward):
    anna, bob, reward = make_member(), make_member(), make_reward("donation", 100)
    for one in (anna, bob):
        redeem(one, reward, key="1", actor=Actor("member", one.customer_id))
    assert RewardRedemption.objects.count() == 2
    redeem(anna, reward, key="shop")
    with pytest.raises(IdempotencyConflict):
        redeem(bob, reward, key="shop")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"active": False}, "reward_not_active"),
        ({"starts_at": soon(1)}, "reward_not_started"),
        ({"ends_at": soon(-1)}, "reward_ended"),
        ({"stock": 0}, "out_of_stock"),
        ({"points": 1_001}, "insufficient_points"),
    ],
)
def test_an_unavailable_reward_is_refused_and_nothing_changed(member, make_reward, values, code):
    reward = make_reward(**values)
    with pytest.raises(Refused) as refusal:
        redeem(member, reward)
    assert refusal.value.code == code
    assert nothing_changed(member, reward, values.get("stock"))


def test_insufficient_points_reports_the_available_points(member, make_reward):
    with pytest.raises(Refused) as refusal:
        redeem(member, make_reward(points=1_001))
    assert refusal.value.details == {"available": 1_000, "requested": 1_001}


def test_a_reward_can_require_a_higher_tier(member, make_reward, program):
    gold, platinum = Tier.objects.get(code="gold"), Tier.objects.get(code="platinum")
    reward = make_reward("donation", minimum_tier=gold)
    for tier, expected in ((None, "tier_too_low"), (Tier.objects.get(code="silver"), "tier_too_low")):
        Member.objects.update(tier=tier)
        with pytest.raises(Refused) as refusal:
            redeem(Member.objects.get(pk=member.pk), reward)
        assert (refusal.value.code, refusal.value.details) == (expected, {"tier": "gold"})
    assert nothing_changed(member, reward, None)
    Member.objects.update(tier=platinum)
    assert redeem(Member.objects.get(pk=member.pk), reward).state == "fulfilled"


def test_the_limit_per_member_is_enforced(member, make_member, make_reward):
    reward, other = make_reward("donation", 100, member_limit=2), make_member()
    redeem(member, reward, "1")
    redeem(member, reward, "2")
    with pytest.raises(Refused) as refusal:
        redeem(member, reward, "3")
    assert (refusal.value.code, refusal.value.details) == ("member_limit", {"limit": 2, "used": 2})
    assert (points_of(member), used(reward, member)) == ((800, 0), 2)
    assert redeem(other, reward, "4").state == "fulfilled"


def test_a_tier_can_have_a_higher_limit(member, make_reward):
    reward = make_reward("donation", 100, member_limit=1, tier_limits={"gold": 2})
    redeem(member, reward, "1")
    with pytest.raises(Refused):
        redeem(member, reward, "2")
    Member.objects.update(tier=Tier.objects.get(code="gold"))
    gold = Member.objects.get(pk=member.pk)
    redeem(gold, reward, "3")
    with pytest.raises(Refused) as refusal:
        redeem(gold, reward, "4")
    assert (refusal.value.details, used(reward, member)) == ({"limit": 2, "used": 2}, 2)


def test_a_reward_for_a_segment_is_only_for_its_members(member, make_member, make_reward):
    rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
    segment = create_segment(name="Buyers", rule=rule, actor=SYSTEM)
    reward = make_reward("donation", segment=segment.pk, stock=2)
    assert list(catalogue.shown_to(member)) == []
    with pytest.raises(Refused) as refusal:
        redeem(member, reward)
    assert refusal.value.code == "not_in_audience"
    assert nothing_changed(member, reward, 2)
    put_in(segment, member.customer_id)
    assert list(catalogue.shown_to(member)) == [reward]
    assert redeem(member, reward).state == "fulfilled"


@pytest.mark.parametrize("missing", ["name", "phone", "line", "city"])
def test_a_gift_needs_an_address(member, make_reward, missing):
    reward = make_reward("gift", stock=2)
    with pytest.raises(Refused) as refusal:
        redeem(member, reward, address={**ADDRESS, missing: " "})
    assert (refusal.value.code, refusal.value.field) == ("address_required", f"address.{missing}")
    with pytest.raises(Refused):
        redeem(member, reward, address=None)
    assert nothing_changed(member, reward, 2)


def test_the_money_part_needs_a_payment_reference_from_the_shop(member, make_reward):
    reward = make_reward("gift", 300, money=990, stock=2)
    for values in ({}, {"actor": OWN, "reference": "PAY-1"}):
        with pytest.raises(Refused) as refusal:
            redeem(member, reward, **values)
        assert (refusal.value.code, refusal.value.details) == ("payment_required", {"money": 990, "currency": "CNY"})
    assert nothing_changed(member, reward, 2)
    row = redeem(member, reward, reference="PAY-1")
    assert (row.money, row.reference) == (990, "PAY-1")
    with pytest.raises(Conflict):
        cancel_redemption(redemption=row, actor=OWN)
    assert cancel_redemption(redemption=row, actor=SYSTEM).state == "cancelled"


def test_a_suspended_member_is_refused(member, make_reward):
    reward = make_reward("donation", stock=1)
    suspend_member(member=member, reason="fraud", actor=SYSTEM)
    with pytest.raises(Conflict) as refusal:
        redeem(Member.objects.get(pk=member.pk), reward)
    assert refusal.value.code == "member_not_active"
    assert nothing_changed(member, reward, 1)


def test_cancelling_a_placed_gift_gives_everything_back(member, make_reward):
    reward = make_reward("gift", 300, stock=5)
    row = redeem(member, reward)
    for _twice in range(2):
        cancelled = cancel_redemption(redemption=row, actor=OWN, reason="  Changed my mind ")
        assert (cancelled.state, cancelled.outcome["reason"]) == ("cancelled", "Changed my mind")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((1_000, 0), 5, 0)
    assert kinds_of_events(member) == ["redeemed", "cancelled"]
    assert reconcile_points().difference_count == 0


def test_points_of_a_cancelled_coupon_return_to_their_lots(member, make_reward, store):
    """A lot that expired since then lives again for the program's reinstatement days."""
    coupon = create_coupon(name="Ten off", kind="amount", value=1_000, actor=SYSTEM)
    reward = make_reward("coupon", 300, settings={"coupon": str(coupon.pk)}, stock=5)
    lot = Lot.objects.get()
    row = redeem(member, reward)
    assert (Lot.objects.get().remaining, points_of(member)) == (700, (700, 0))
    cancel_redemption(redemption=row, actor=OWN)
    assert (Lot.objects.get().remaining, points_of(member), stock_of(reward)) == (1_000, (1_000, 0), 5)
    assert CouponCode.objects.get().expires_at <= timezone.now() + timedelta(seconds=5)
    assert Hold.objects.get().returned == 300
    again = redeem(member, reward, "2")
    Lot.objects.filter(pk=lot.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    cancel_redemption(redemption=again, actor=OWN)
    revived = Lot.objects.get(source="reinstated")
    assert (revived.remaining, (revived.expires_at - revived.available_from).days) == (300, 30)
    assert reconcile_points().difference_count == 0


@pytest.mark.parametrize("state", ["reserved", "redeemed"])
def test_a_coupon_in_use_cannot_be_cancelled(member, make_reward, store, state):
    coupon = create_coupon(name="Ten off", kind="amount", value=1_000, actor=SYSTEM)
    reward = make_reward("coupon", 300, settings={"coupon": str(coupon.pk)}, stock=5)
    row = redeem(member, reward)
    reserve_coupon(code=row.code, cart_amount=9_000, currency="CNY", key="r", actor=SYSTEM, customer=member.customer)
    if state == "redeemed":
        CouponCode.objects.update(reserved_count=0, redeemed_count=1)
    with pytest.raises(Conflict) as refusal:
        cancel_redemption(redemption=row, actor=SYSTEM)
    row.refresh_from_db()
    assert (refusal.value.code, row.state) == ("redemption_not_cancellable", "fulfilled")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((700, 0), 4, 1)


@pytest.mark.parametrize("kind", ["voucher", "donation", "privilege"])
def test_a_possibly_used_reward_is_not_cancelled_by_the_member(member, make_reward, kind):
    reward = make_reward(kind, 300, codes="A" if kind == "voucher" else "", stock=2)
    row = redeem(member, reward)
    with pytest.raises(Conflict) as refusal:
        cancel_redemption(redemption=row, actor=OWN)
    row.refresh_from_db()
    assert (refusal.value.code, row.state) == ("redemption_not_cancellable", "fulfilled")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((700, 0), 1, 1)


def test_staff_may_take_a_privilege_back(member, make_reward):
    reward = make_reward("privilege", 300, stock=2)
    row = cancel_redemption(redemption=redeem(member, reward), actor=Actor("user", 1), reason="Not used")
    assert (row.state, points_of(member), stock_of(reward)) == ("cancelled", (1_000, 0), 2)


def test_a_sent_gift_is_not_cancelled(member, make_reward):
    row = redeem(member, make_reward("gift"))
    ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM)
    with pytest.raises(Conflict) as refusal:
        cancel_redemption(redemption=row, actor=Actor("user", 1))
    assert (refusal.value.code, points_of(member)) == ("redemption_not_cancellable", (700, 0))


@pytest.mark.parametrize("first", ["ledger", "rewards"])
def test_a_gift_that_was_never_sent_fails_and_gives_everything_back(member, make_reward, first):
    """In either order of the sweeps, the points are given back once, and so are stock and use."""
    reward = make_reward("gift", 300, stock=5)
    row = redeem(member, reward)
    assert (row.hold.expires_at - row.hold.created_at).days in {6, 7}
    assert sweep_redemptions() == (0, 0)
    Hold.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if first == "ledger":
        sweep_holds()
        assert points_of(member) == (1_000, 0)
    with pytest.raises(Conflict) as refusal:
        ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM)
    assert refusal.value.code == "hold_expired"
    assert sweep_redemptions() == (1, 0)
    assert sweep_redemptions() == (0, 0)
    sweep_holds()
    row.refresh_from_db()
    assert (row.state, row.error) == ("failed", "It was not sent before the held points expired.")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((1_000, 0), 5, 0)
    assert Hold.objects.get().state == "expired"
    assert kinds_of_events(member) == ["redeemed", "failed"]
    assert reconcile_points().difference_count == 0


class Flaky(Fulfilment):
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def fulfil(self, redemption, reward, actor) -> Delivery:
        if self.errors:
            raise self.errors.pop(0)
        return Delivery(code="DONE")


@pytest.fixture
def provider(monkeypatch):
    """Return provider(error, ...), which makes the delivery of donations fail with these errors first."""
    from loyalty.rewards.registry import FULFILMENTS

    return lambda *errors: monkeypatch.setitem(FULFILMENTS._items, "donation", Flaky(*errors))


def test_a_temporarily_failed_delivery_is_retried(member, make_reward, provider):
    reward = make_reward("donation", 300, stock=5)
    provider(TryLater("the partner is away"), RuntimeError("boom"))
    row = redeem(member, reward)
    assert (row.state, row.error, row.attempts) == ("placed", "the partner is away", 1)
    assert (points_of(member), stock_of(reward)) == ((700, 300), 4)
    assert sweep_redemptions() == (0, 0), "not before a minute has passed"
    for minutes, expected, attempts in ((1, (0, 0), 2), (1, (0, 0), 2), (2, (0, 1), 3)):
        RewardRedemption.objects.update(placed_at=timezone.now() - timedelta(minutes=minutes, seconds=1))
        assert sweep_redemptions() == expected
        row.refresh_from_db()
        assert row.attempts == attempts
    assert (row.state, row.code, row.error) == ("fulfilled", "DONE", "")
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((700, 0), 4, 1)


def test_a_delivery_that_keeps_failing_is_abandoned_and_given_back(member, make_reward, provider):
    reward = make_reward("donation", 300, stock=5)
    provider(*[TryLater("away")] * ATTEMPTS)
    row = redeem(member, reward)
    states = [fulfil_redemption(redemption=row.pk) for _ in range(ATTEMPTS)]
    assert states == ["placed"] * (ATTEMPTS - 2) + ["failed", ""]
    row.refresh_from_db()
    assert (row.error, row.attempts) == ("away", ATTEMPTS)
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((1_000, 0), 5, 0)
    assert Hold.objects.get().state == "released"


def test_a_refused_delivery_fails_without_retries(member, make_reward, provider):
    reward = make_reward("donation", 300, stock=5)
    provider(TryLater("away"), Refused("No such number", code="bad_number"))
    row = redeem(member, reward)
    assert fulfil_redemption(redemption=row.pk) == "failed"
    row.refresh_from_db()
    assert (row.error, points_of(member), stock_of(reward)) == ("No such number", (1_000, 0), 5)


def test_an_unexpected_failure_leaves_nothing_behind(member, make_reward, provider):
    reward = make_reward("donation", 300, stock=5)
    provider(RuntimeError("boom"))
    with pytest.raises(RuntimeError):
        redeem(member, reward)
    assert nothing_changed(member, reward, 5)


def test_redemption_state_is_written_under_its_own_lock(member, make_reward):
    """Acting on a stale row does not undo later changes."""
    row = redeem(member, make_reward("gift"))
    cancel_redemption(redemption=row, actor=SYSTEM)
    assert row.state == "placed"
    with pytest.raises(Conflict):
        ship_redemption(redemption=row, tracking="SF1", actor=SYSTEM)
    assert points_of(member) == (1_000, 0)
