"""Tests of tier benefits: due members, once per occasion, retried after a failure (L7, J7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.coupons import create_coupon, update_coupon
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from crm.customers.services.customers import update_customer
from crm.desk.models import TicketPriority
from crm.desk.services import open_ticket
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.tiers.models import BenefitGrant, TierBenefit
from loyalty.tiers.registry import BENEFITS
from loyalty.tiers.services.benefits import create_benefit, deliver_benefits, retry_grant, update_benefit
from loyalty.tiers.services.evaluation import evaluate_tiers
from loyalty.tiers.services.set_tiers import set_tier
from tests.loyalty.rewards.samples import points_of
from tests.loyalty.tiers.samples import later, tier, tier_of
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def add(program):
    def make(code: str, kind: str, **settings) -> TierBenefit:
        benefit = create_benefit(tier=tier(program, code), kind=kind, settings=settings, actor=SYSTEM)
        TierBenefit.objects.update(active_since=timezone.now() - timedelta(days=400))
        benefit.refresh_from_db()
        return benefit

    return make


@pytest.fixture
def coupon(store):
    return create_coupon(name="10 off", kind="amount", value=1000, actor=SYSTEM)


@pytest.fixture
def gold(make_member):
    """Return gold("Ann", birthday=...), which makes a member of the gold tier."""

    def make(name: str = "", days: float = 300, **profile):
        member = make_member(0, name)
        if profile:
            update_customer(customer=member.customer, changes=profile, actor=SYSTEM)
        set_tier(member=member, tier=tier(member.program, "gold"), until=later(days), reason="goodwill", actor=SYSTEM)
        return member

    return make


def grants(state: str = "given") -> list[tuple[int, str]]:
    return list(BenefitGrant.objects.filter(state=state).order_by("member_id", "key").values_list("member_id", "key"))


def noon(year: int, month: int, day: int) -> datetime:
    """Return noon in Shanghai."""
    return datetime(year, month, day, 4, tzinfo=UTC)


def test_birthday_points_are_given_once_a_year_in_the_members_time_zone(program, add, gold):
    # given two born on 8 March: one in Shanghai, one in Honolulu, where it is still the 7th
    here = gold("Ann", birthday="1990-03-08")
    there = gold("Kai", birthday="1990-03-08", time_zone="Pacific/Honolulu")
    gold("Bo", birthday="1990-03-09")
    add("gold", "points_birthday", points=200)
    # when
    assert deliver_benefits(now=noon(2026, 3, 8)) == (1, 0)
    assert deliver_benefits(now=noon(2026, 3, 8)) == (0, 0)
    # then
    assert grants() == [(here.pk, "birthday:2026")]
    assert (points_of(here), points_of(there)) == ((200, 0), (0, 0))
    assert Entry.objects.get(account__member=here).reference == "birthday:2026"
    assert deliver_benefits(now=noon(2026, 3, 8) + timedelta(hours=8)) == (1, 0)
    # and an edited birthday gives no second gift in the same year
    update_customer(customer=here.customer, changes={"birthday": "1990-06-01"}, actor=SYSTEM)
    assert deliver_benefits(now=noon(2026, 6, 1)) == (0, 0)
    assert reconcile_points().difference_count == 0


def test_29_february_is_celebrated_on_the_28th_in_common_years(add, gold):
    leap, common = gold("Lea", birthday="1996-02-29"), gold("Cam", birthday="1996-02-28")
    add("gold", "points_birthday", points=10)
    assert deliver_benefits(now=noon(2026, 2, 28)) == (2, 0)
    assert deliver_benefits(now=noon(2028, 2, 28)) == (1, 0)
    assert deliver_benefits(now=noon(2028, 2, 29)) == (1, 0)
    assert grants() == [
        (leap.pk, "birthday:2026"),
        (leap.pk, "birthday:2028"),
        (common.pk, "birthday:2026"),
        (common.pk, "birthday:2028"),
    ]


def test_an_entry_coupon_is_given_once_and_only_for_moving_up(program, add, coupon, gold, make_order, settle):
    # given
    add("gold", "coupon_on_entry", coupon=str(coupon.pk))
    member = gold(days=10)
    assert deliver_benefits() == (1, 0)
    code = CouponCode.objects.get()
    assert code.customer_id == member.customer_id
    # when the tier continues for another reason
    make_order(member.customer, 250_000)
    settle()
    evaluate_tiers(program=program, downgrade=True, at=later(11))
    assert tier_of(member) == "gold"
    assert deliver_benefits(now=later(12)) == (0, 0)
    # and when a member falls down to gold
    other = gold()
    make_order(other.customer, 1)
    settle()
    set_tier(member=other, tier=tier(program, "platinum"), until=later(20), reason="goodwill", actor=SYSTEM)
    set_tier(member=other, tier=tier(program, "gold"), until=later(20), reason="correction", actor=SYSTEM)
    # then only the first stay, a moment before, counts
    assert deliver_benefits() == (1, 0)
    assert CouponCode.objects.count() == 2


def test_a_coupon_every_month_of_the_programs_zone(add, coupon, gold, make_member):
    add("gold", "coupon_monthly", coupon=str(coupon.pk))
    member = gold()
    make_member(0)
    # 31 October 17:00 UTC is November in Shanghai
    assert deliver_benefits(now=datetime(2026, 10, 31, 15, tzinfo=UTC)) == (1, 0)
    assert deliver_benefits(now=datetime(2026, 10, 31, 17, tzinfo=UTC)) == (1, 0)
    assert grants() == [(member.pk, "2026-10"), (member.pk, "2026-11")]
    grant = BenefitGrant.objects.get(key="2026-11")
    assert grant.outcome["coupon_code"] in CouponCode.objects.values_list("pk", flat=True)


def test_members_who_left_or_are_in_another_tier_get_nothing(program, add, coupon, gold, make_member):
    add("gold", "coupon_monthly", coupon=str(coupon.pk))
    left, other = gold(), make_member(0)
    left.refresh_from_db()
    left.state = "left"
    left.save()
    set_tier(member=other, tier=tier(program, "silver"), until=later(9), reason="goodwill", actor=SYSTEM)
    assert deliver_benefits() == (0, 0)
    assert (grants(), CouponCode.objects.count()) == ([], 0)


def test_an_ended_coupon_is_reported_once_and_given_when_it_runs_again(add, coupon, gold):
    benefit = add("gold", "coupon_monthly", coupon=str(coupon.pk))
    gold()
    update_coupon(coupon=coupon, actor=SYSTEM, active=False)
    assert deliver_benefits() == (0, 0)
    benefit.refresh_from_db()
    assert (benefit.error, BenefitGrant.objects.count()) == ("This coupon has ended.", 0)
    update_coupon(coupon=coupon, actor=SYSTEM, active=True)
    assert deliver_benefits() == (1, 0)
    benefit.refresh_from_db()
    assert benefit.error == ""


def test_a_failed_grant_does_not_stop_the_others_and_is_retried(add, gold, monkeypatch):
    # given a kind that fails for one member
    add("gold", "points_birthday", points=5)
    broken, fine = gold("A", birthday="1990-03-08"), gold("B", birthday="1990-03-08")
    kind = BENEFITS["points_birthday"]
    give = type(kind).give

    def fails(self, benefit, due, actor):
        if any(one.member.pk == broken.pk for one in due):
            raise RuntimeError("no account")
        return give(self, benefit, due, actor)

    monkeypatch.setattr(type(kind), "give", fails)
    now = noon(2026, 3, 8)
    # when
    assert deliver_benefits(now=now) == (1, 1)
    # then
    assert (grants(), grants("failed")) == ([(fine.pk, "birthday:2026")], [(broken.pk, "birthday:2026")])
    failed = BenefitGrant.objects.get(state="failed")
    assert (failed.error, failed.attempts, failed.granted_at) == ("no account", 2, None)
    assert Account.objects.get(member=broken).available == 0
    # and again after an hour, when it works
    assert deliver_benefits(now=now) == (0, 0)
    monkeypatch.setattr(type(kind), "give", give)
    assert deliver_benefits(now=failed.next_try_at) == (1, 0)
    assert points_of(broken) == (5, 0)
    with pytest.raises(Conflict) as refusal:
        retry_grant(grant=failed, actor=SYSTEM)
    assert refusal.value.code == "already_given"
    assert points_of(broken) == (5, 0)


def test_after_ten_attempts_only_staff_can_retry(add, gold, monkeypatch):
    add("gold", "points_birthday", points=5)
    gold("A", birthday="1990-03-08")
    kind = type(BENEFITS["points_birthday"])
    give = kind.give
    monkeypatch.setattr(kind, "give", lambda *args: 1 / 0)
    now = noon(2026, 3, 8)
    for _attempt in range(12):
        deliver_benefits(now=now)
        BenefitGrant.objects.filter(state="failed").update(next_try_at=now)
    grant = BenefitGrant.objects.get()
    assert (grant.state, grant.next_try_at) == ("given_up", None)
    monkeypatch.setattr(kind, "give", give)
    assert deliver_benefits(now=now) == (0, 0)
    assert retry_grant(grant=grant, actor=SYSTEM).state == "given"


def test_occasions_while_a_benefit_was_off_are_not_given_later(add, gold):
    benefit = add("gold", "points_birthday", points=5)
    today = timezone.now().date()
    gold("A", birthday=f"1990-{today - timedelta(days=1):%m-%d}")
    update_benefit(benefit=benefit, active=False, actor=SYSTEM)
    assert deliver_benefits() == (0, 0)
    update_benefit(benefit=benefit, active=True, actor=SYSTEM)
    assert deliver_benefits() == (0, 0)


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        ("points_birthday", {"points": 0}, "points"),
        ("coupon_monthly", {"coupon": "999"}, "coupon"),
        ("priority_service", {"priority": "9"}, "priority"),
        ("multiplier", {}, "kind"),
        ("unheard_of", {}, "kind"),
    ],
)
def test_wrong_settings_are_refused_and_store_nothing(program, kind, settings, field):
    with pytest.raises(Invalid) as refusal:
        create_benefit(tier=tier(program, "gold"), kind=kind, settings=settings, actor=SYSTEM)
    assert refusal.value.field == field
    assert TierBenefit.objects.count() == 0


def test_a_setting_that_is_too_long_is_refused_with_its_longest_length(program):
    with pytest.raises(Invalid) as refusal:
        create_benefit(
            tier=tier(program, "gold"), kind="exclusive_products", settings={"name": "x" * 201}, actor=SYSTEM
        )
    assert (refusal.value.code, refusal.value.field) == ("too_long", "name")
    assert str(refusal.value.message) == "Use at most 200 characters."
    assert TierBenefit.objects.count() == 0


def test_priority_service_raises_a_new_tickets_priority_and_never_lowers_it(add, gold, make_customer):
    add("gold", "priority_service", priority=str(int(TicketPriority.HIGH)))
    member, stranger = gold(), make_customer()

    def priority(customer, **values) -> int:
        return open_ticket(customer=customer, subject="Hi", text="Hello", actor=SYSTEM, **values).priority

    assert priority(member.customer) == TicketPriority.HIGH
    assert priority(member.customer, priority=TicketPriority.URGENT) == TicketPriority.URGENT
    assert priority(stranger) == TicketPriority.NORMAL


@pytest.mark.django_db(transaction=True)
def test_four_parallel_workers_give_each_benefit_once(add, coupon, gold):
    add("gold", "coupon_monthly", coupon=str(coupon.pk))
    add("gold", "points_birthday", points=7)
    members = [gold(str(number), birthday=f"1990-{timezone.now():%m-%d}") for number in range(12)]
    answers: list[tuple[int, int]] = []
    storm(4, lambda number: answers.append(deliver_benefits()))
    assert sum(given for given, _failed in answers) == 24
    assert sum(failed for _given, failed in answers) == 0
    assert CouponCode.objects.count() == 12
    assert [points_of(member) for member in members] == [(7, 0)] * 12
    assert reconcile_points().difference_count == 0
