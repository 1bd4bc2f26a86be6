"""Tests of tiers over time: up at once, down at the end of a period, undone by returns (T1, T2, T4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.orders.services.refunds import record_refund
from loyalty.ledger.models import Account
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.ledger.services.redemption import redeem_points
from loyalty.program.models import Member, PointType
from loyalty.tiers.models import Tier, TierPeriod, TierRun
from loyalty.tiers.services.evaluation import evaluate_history, evaluate_tiers
from loyalty.tiers.webhooks import _tiers
from tests.loyalty.tiers.samples import event_payloads, intervals, later, tier_of

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def buyer(program, make_customer, make_order, settle):
    """Return buyer(300_000), which makes a member with one paid order of this amount."""

    def make(amount: int, **order) -> Member:
        customer = make_customer()
        order_row = make_order(customer, amount, **order)
        settle()
        member = Member.objects.get(customer=customer)
        member.order = order_row
        return member

    return make


def refund(member, amount: int, number: str = "R1") -> None:
    order = member.order
    record_refund(order_number=order.number, number=number, source=order.source, amount=amount, actor=SYSTEM)


def test_up_at_once_and_redeeming_never_demotes(program, buyer):
    member = buyer(250_000)
    assert tier_of(member) == "gold"
    account = Account.objects.select_related("member__program").get(member=member)
    redeem_points(account=account, points=account.available, key="all", actor=SYSTEM)
    assert evaluate_tiers(program=program, downgrade=True) == (0, 0)
    assert tier_of(member) == "gold"
    assert intervals(member) == [("gold", "qualified", True)]


def test_the_rolling_window_ends_every_night_with_its_grace(program, buyer):
    program.tier_grace_days = 10
    program.save()
    member = buyer(250_000, days_ago=360)
    assert evaluate_tiers(program=program, downgrade=True, at=later(14)) == (0, 0)
    assert tier_of(member) == "gold"
    assert evaluate_tiers(program=program, downgrade=True, at=later(16)) == (0, 1)
    assert intervals(member) == [("gold", "qualified", False)]
    assert (tier_of(member), member.qualifying) == ("", 0)
    assert event_payloads()[-1] == {"from": "Gold", "to": None, "up": False, "tier": None, "reason": "period_ended"}


def test_members_go_down_one_step_a_period(program, buyer):
    program.tier_downgrade = "one_step"
    program.save()
    member = buyer(600_000, days_ago=300)
    for day, expected in ((66, "gold"), (67, "silver"), (68, "bronze"), (69, ""), (70, "")):
        evaluate_tiers(program=program, downgrade=True, at=later(day))
        assert tier_of(member) == expected


def test_a_calendar_year_moves_down_once_on_new_years_night(program, buyer):
    # given gold by purchases in 2025, in the program's zone, and none in 2026
    program.tier_period = "calendar_year"
    program.save()
    member = buyer(250_000, paid_at=datetime(2025, 12, 31, 23, 0, tzinfo=SHANGHAI))
    night = datetime(2026, 1, 1, 0, 30, tzinfo=SHANGHAI)
    evaluate_tiers(program=program, customer_ids=[member.customer_id], at=night - timedelta(minutes=31))
    assert tier_of(member) == "gold"
    # when the year that just ended qualifies, the tier is kept all of 2026
    for at in (night, night + timedelta(days=200), night + timedelta(days=364)):
        assert evaluate_tiers(program=program, downgrade=True, at=at) == (0, 0)
    assert (tier_of(member), member.qualifying) == ("gold", 0)
    # then 2026 did not qualify
    assert evaluate_tiers(program=program, downgrade=True, at=night + timedelta(days=365)) == (0, 1)
    assert (tier_of(member), event_payloads()[-1]["reason"]) == ("", "period_ended")


def test_a_raised_threshold_waits_for_the_end_of_the_period(program, buyer):
    program.tier_period = "calendar_year"
    program.save()
    member = buyer(250_000)
    evaluate_tiers(program=program, downgrade=True)
    Tier.objects.filter(program=program, code="gold").update(threshold=260_000)
    assert evaluate_tiers(program=program, downgrade=True, at=later(1)) == (0, 0)
    assert tier_of(member) == "gold"


def test_a_missed_night_is_caught_up(program, buyer):
    program.tier_period = "calendar_year"
    program.save()
    member = buyer(250_000, paid_at=datetime(2024, 5, 1, tzinfo=SHANGHAI))
    evaluate_tiers(program=program, customer_ids=[member.customer_id], at=datetime(2024, 6, 1, tzinfo=SHANGHAI))
    TierRun.objects.create(program=program, ran_at=datetime(2025, 12, 28, tzinfo=SHANGHAI))
    assert evaluate_tiers(program=program, downgrade=True, at=datetime(2026, 1, 4, tzinfo=SHANGHAI)) == (0, 1)
    assert tier_of(member) == ""


def test_a_return_changes_the_tier_at_the_end_of_the_day(program, buyer, settle):
    program.tier_period = "calendar_year"
    program.save()
    member = buyer(250_000)
    evaluate_tiers(program=program, downgrade=True)
    # when most of it is refunded
    refund(member, 190_000)
    settle()
    # then the tier changes not in the request but in the night
    assert tier_of(member) == "gold"
    assert evaluate_tiers(program=program, downgrade=True, at=later(0.5)) == (0, 1)
    assert intervals(member) == [("gold", "qualified", False), ("silver", "returned", True)]
    # and a later refund without effect on the tier moves no member
    refund(member, 100, "R2")
    assert evaluate_tiers(program=program, downgrade=True, at=later(1)) == (0, 0)


def test_refunded_orders_do_not_count(program, make_customer, make_order, settle):
    program.tier_metric = "orders"
    program.save()
    for rank, orders in ((4, 9), (3, 4), (2, 3), (1, 1)):
        Tier.objects.filter(program=program, rank=rank).update(threshold=orders)
    customer = make_customer()
    orders_made = [make_order(customer, 5_000) for _ in range(4)]
    settle()
    member = Member.objects.get(customer=customer)
    assert (tier_of(member), member.qualifying) == ("gold", 4)
    evaluate_tiers(program=program, downgrade=True)
    record_refund(order_number=orders_made[0].number, number="R", source="storefront", amount=5_000, actor=SYSTEM)
    evaluate_tiers(program=program, downgrade=True, at=later(1))
    assert (tier_of(member), member.qualifying) == ("silver", 3)
    assert intervals(member)[-1] == ("silver", "returned", True)


def test_growth_value_counts_earned_points_not_the_balance(program, member):
    program.tier_metric = "growth"
    program.save()
    growth = PointType.objects.create(program=program, code="growth", name="Growth", spendable=False)
    account = Account.objects.create(member=member, point_type=growth)
    with transaction.atomic():
        grant_points(program=program, grants=[Grant(account.pk, 60_000, "task:one", timezone.now())])
    # points that can be spent never count
    assert Account.objects.get(member=member, point_type__spendable=True).available == 1_000
    evaluate_tiers(program=program, customer_ids=[member.customer_id])
    assert (tier_of(member), member.qualifying) == ("silver", 60_000)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                          occurred_at)
               VALUES (%s, 'expire', -10000, 0, 0, 0, '', '', 'system', now()),
                      (%s, 'clawback', -40000, 0, 0, 5000, '', '', 'system', now())""",
            [account.pk, account.pk],
        )
    evaluate_tiers(program=program, customer_ids=[member.customer_id], at=later(1))
    # expired points still count; points taken back do not, and neither does debt
    member.refresh_from_db()
    assert member.qualifying == 15_000


def test_pending_growth_value_counts_once_it_is_available(program, member, settle):
    from loyalty.tiers.handlers import evaluate_growth

    program.tier_metric = "growth"
    program.save()
    growth = PointType.objects.create(program=program, code="growth", name="Growth", spendable=False)
    account = Account.objects.create(member=member, point_type=growth)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                          occurred_at)
               VALUES (%s, 'earn', 0, 300000, 0, 0, '', '', 'system', now() - interval '1 day')""",
            [account.pk],
        )
    evaluate_tiers(program=program)
    assert tier_of(member) == ""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                          occurred_at)
               VALUES (%s, 'confirm', 300000, -300000, 0, 0, '', '', 'system', now())""",
            [account.pk],
        )
    evaluate_growth([type("E", (), {"payload": {"customers": [member.customer_id]}})()])
    assert (tier_of(member), member.qualifying) == ("gold", 300_000)


def test_intervals_never_overlap(program, member):
    silver = Tier.objects.get(program=program, code="silver")
    now = timezone.now()
    TierPeriod.objects.create(
        member=member, tier=silver, reason="manual", started_at=now, ended_at=now + timedelta(days=2)
    )
    with pytest.raises(IntegrityError, match="loyalty_tierperiod_never_overlap"), transaction.atomic():
        TierPeriod.objects.create(member=member, tier=silver, reason="manual", started_at=now + timedelta(days=1))
    TierPeriod.objects.create(member=member, tier=silver, reason="manual", started_at=now + timedelta(days=2))
    assert TierPeriod.objects.count() == 2


def test_a_clock_set_back_makes_no_overlap(program, buyer, make_order, settle):
    member = buyer(60_000)
    begun = TierPeriod.objects.get(member=member)
    TierPeriod.objects.filter(pk=begun.pk).update(started_at=later(0.1))
    make_order(member.customer, 200_000)
    settle()
    assert intervals(member) == [("silver", "qualified", False), ("gold", "qualified", True)]


def test_the_webhook_gives_the_reason(program, buyer):
    member = buyer(250_000)
    event = type("E", (), {"subject_id": member.customer_id, "payload": event_payloads()[-1]})()
    assert _tiers([event]) == [
        {
            "customer": member.customer.number,
            "tier": "gold",
            "from": None,
            "to": "Gold",
            "up": True,
            "reason": "qualified",
        }
    ]


def test_orders_recorded_together_raise_each_buyer_at_the_buyers_own_moment(program, make_customer, make_order):
    # given two members, each with an order for gold 40 or 20 days ago, and one with a larger order since
    members = [enrol_member(customer=make_customer(), program=program, actor=SYSTEM) for _number in range(2)]
    first, second = members
    moments = {
        first.customer_id: make_order(first.customer, 250_000, days_ago=40).paid_at,
        second.customer_id: make_order(second.customer, 250_000, days_ago=20).paid_at,
    }
    make_order(first.customer, 5_000_000, days_ago=10)
    # when both are evaluated in one call
    assert evaluate_history(program=program, moments=moments) == (2, 0)
    # then each is gold since its own order, and the later order has not counted yet
    for member in members:
        assert tier_of(member) == "gold"
        assert member.qualifying == 250_000
        assert member.tier_since == moments[member.customer_id]
        assert TierPeriod.objects.get(member=member).started_at == moments[member.customer_id]
    changed = DomainEvent.objects.filter(kind="loyalty.tier_changed").order_by("occurred_at")
    assert [(event.subject_id, event.occurred_at) for event in changed] == sorted(
        moments.items(), key=lambda item: item[1]
    )
    # and a moment before the order raises no member
    assert evaluate_history(program=program, moments={first.customer_id: moments[first.customer_id]}) == (0, 0)
    assert evaluate_history(program=program, moments={}) == (0, 0)
