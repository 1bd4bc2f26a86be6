"""Tests of limits and budgets of earning rules: cut awards, room freed by refunds, and many threads (C2)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction

from core.base.actor import SYSTEM
from crm.orders.models import Order
from loyalty.earning.models import Earning, EarningUse
from loyalty.earning.services.awards import award_points_for_orders
from loyalty.earning.services.refunds import reverse_points_for_orders
from loyalty.earning.services.rules import publish_version, update_rule
from loyalty.earning.services.uses import lock_uses
from loyalty.ledger.models import Account
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.program.models import Member
from tests.loyalty.earning.samples import NOON, balance, earned, net_points, refund, uses
from tests.threads import at_once

DAY = timedelta(days=1)


def cap(period: str, points: int, scope: str = "member") -> dict:
    return {"period": period, "scope": scope, "points": points}


@pytest.mark.django_db
class TestLimits:
    def test_a_limited_award_is_cut_to_what_is_left_and_records_the_cut(
        self, make_customer, make_order, make_rule, only, settle
    ):
        # given at most 150 a day and 200 a week for each member
        make_rule("Capped", points=1, per_amount=100, caps=[cap("day", 150), cap("week", 200)])
        customer, other = make_customer(), make_customer()
        # when there are three orders on Wednesday and Thursday, one on the next Monday, and one of another member
        orders = [
            make_order(person, 100_00, paid_at=at)
            for person, at in (
                (customer, NOON), (customer, NOON), (customer, NOON + DAY), (customer, NOON + 5 * DAY), (other, NOON),
            )
        ]  # fmt: skip
        settle()
        # then
        rows = [Earning.objects.get(order=order) for order in orders]
        assert [(row.points, row.cut) for row in rows] == [(100, 0), (50, 50), (50, 50), (100, 0), (100, 0)]
        assert balance(customer) == (300, 0, 0)

    def test_an_award_cut_to_nothing_is_recorded_and_not_retried(
        self, program, make_customer, make_order, make_rule, only, settle
    ):
        rule = make_rule("Once", points=30, per_amount=None, caps=[cap("ever", 30)])
        customer = make_customer()
        first, second = make_order(customer, 1_00), make_order(customer, 1_00)
        settle()
        row = Earning.objects.get(order=second)
        assert (row.points, row.cut, row.lot) == (0, 30, None)
        refund(first)
        settle()
        # the room is free for the next order, and the order that was cut stays as it was (L7)
        assert award_points_for_orders(program=program, orders=[second]) == 0
        third = make_order(customer, 1_00)
        settle()
        assert earned(third) == {"Once": 30}
        assert uses(rule) == {("ever", False): 30}

    def test_a_budget_runs_out_for_all_members(self, make_customer, make_order, make_rule, only, settle):
        rule = make_rule("Campaign", points=1, per_amount=100, rule={"budget": 250})
        people = [make_customer() for _ in range(4)]
        orders = [make_order(person, 100_00, paid_at=NOON + n * DAY) for n, person in enumerate(people)]
        settle()
        assert [earned(order)["Campaign"] for order in orders] == [100, 100, 50, 0]
        assert uses(rule) == {("ever", True): 250}
        # a higher budget gives room again
        update_rule(rule=rule, actor=SYSTEM, budget=300)
        order = make_order(people[0], 100_00)
        settle()
        assert earned(order) == {"Campaign": 50}

    def test_points_taken_back_free_room_in_the_period_of_the_earning(
        self, make_customer, make_order, make_rule, only, settle
    ):
        rule = make_rule("Capped", points=1, per_amount=100, caps=[cap("day", 150)], rule={"budget": 1_000})
        customer = make_customer()
        order = make_order(customer, 200_00, paid_at=NOON)
        settle()
        assert earned(order) == {"Capped": 150}
        # after a refund of 20.00 it still deserves 180, which is more than it got
        refund(order, 20_00, number="R1")
        settle()
        assert (net_points(order), uses(rule)) == ({"Capped": 150}, {("day", False): 150, ("ever", True): 150})
        # after a refund of 100.00 more it deserves 80
        refund(order, 100_00, number="R2")
        settle()
        assert (net_points(order), uses(rule)) == ({"Capped": 80}, {("day", False): 80, ("ever", True): 80})
        # that day has 70 left; the next day has its full limit
        orders = [make_order(customer, 100_00, paid_at=at) for at in (NOON, NOON + DAY)]
        settle()
        assert [earned(one)["Capped"] for one in orders] == [70, 100]

    def test_a_later_limit_counts_earlier_earnings(self, make_customer, make_order, make_rule, only, settle):
        rule = make_rule("Later", points=1, per_amount=100)
        customer = make_customer()
        make_order(customer, 80_00, paid_at=NOON)
        settle()
        assert uses(rule) == {}
        terms = {
            "points": 1,
            "per_amount": 100,
            "tier_multiplier": False,
            "caps": [cap("month", 100), cap("ever", 90, "rule")],
        }
        publish_version(rule=rule, terms=terms, actor=SYSTEM)
        order = make_order(customer, 80_00, paid_at=NOON + DAY)
        settle()
        assert (earned(order), Earning.objects.get(order=order).cut) == ({"Later": 10}, 70)
        assert uses(rule) == {("month", False): 90, ("ever", True): 90}

    def test_a_multiplying_rule_uses_the_points_after_limits(self, make_customer, make_order, make_rule, only, settle):
        make_rule("Capped", points=1, per_amount=100, caps=[cap("day", 60)])
        make_rule("Triple", stacking="multiply", factor="3", caps=[cap("day", 100)])
        order = make_order(make_customer(), 100_00)
        settle()
        assert earned(order) == {"Capped": 60, "Triple": 100}
        assert Earning.objects.get(rule__name="Triple").cut == 20

    def test_counting_rolls_back_with_the_award(self, program, make_customer, make_order, make_rule, only):
        make_rule("Capped", points=30, per_amount=None, caps=[cap("day", 50)])
        order = make_order(make_customer(), 10_00)
        with pytest.raises(RuntimeError), transaction.atomic():
            award_points_for_orders(program=program, orders=[order])
            raise RuntimeError
        assert (EarningUse.objects.count(), Earning.objects.count(), Member.objects.count()) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
class TestInParallel:
    def test_many_threads_stay_within_the_limit(self, program, make_customer, make_order, make_rule, only):
        # given 30 orders of three members for 40 each: at most 100 a member, 250 in all
        rule = make_rule("Capped", points=40, per_amount=None, caps=[cap("day", 100), cap("ever", 250, "rule")])
        people = [make_customer() for _ in range(3)]
        orders = [make_order(people[n % 3], 10_00, paid_at=NOON) for n in range(30)]
        # when each is awarded twice in parallel
        answers = at_once(
            [
                lambda order=order: award_points_for_orders(program=program, orders=[Order.objects.get(pk=order.pk)])
                for order in orders[:16] + orders[:16]
            ]
        )
        # then
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        assert sum(answers) == 250
        assert Earning.objects.count() == 16
        points_by_member = sorted(
            sum(Earning.objects.filter(member=one).values_list("points", flat=True)) for one in Member.objects.all()
        )
        assert sum(points_by_member) == 250
        assert max(points_by_member) <= 100
        shared = EarningUse.objects.get(rule=rule, member=None)
        assert (shared.points, shared.period, shared.starts_on) == (250, "ever", date(1970, 1, 1))
        assert sum(EarningUse.objects.filter(rule=rule).exclude(member=None).values_list("points", flat=True)) == 250
        assert sum(Account.objects.values_list("available", flat=True)) == 250
        assert reconcile_points().difference_count == 0

    def test_parallel_awards_and_refunds_keep_the_counters_exact(
        self, program, make_customer, make_order, make_rule, only
    ):
        rule = make_rule("Capped", points=1, per_amount=100, caps=[cap("day", 500)], rule={"budget": 2_000})
        people = [make_customer() for _ in range(3)]
        orders = [make_order(people[n % 3], 100_00, paid_at=NOON) for n in range(24)]
        award_points_for_orders(program=program, orders=orders[:12])
        for number, order in enumerate(orders[:12]):
            refund(order, 50_00, number=f"R{number}")
        work = [
            lambda order=order: reverse_points_for_orders(orders=[Order.objects.get(pk=order.pk)])
            for order in orders[:12]
        ]
        work += [
            lambda order=order: award_points_for_orders(program=program, orders=[Order.objects.get(pk=order.pk)])
            for order in orders[12:]
        ]
        answers = at_once(work)
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        for member in Member.objects.all():
            rows = Earning.objects.filter(member=member).values_list("points", "taken_back")
            net = sum(points - taken for points, taken in rows)
            assert EarningUse.objects.get(rule=rule, member=member).points == net <= 500
        assert EarningUse.objects.get(rule=rule, member=None).points == sum(
            EarningUse.objects.filter(rule=rule).exclude(member=None).values_list("points", flat=True)
        )
        assert reconcile_points().difference_count == 0

    def test_parallel_locks_of_counters_wait_for_each_other(self, program, make_customer, make_rule):
        from loyalty.ledger.services.enrolment import enrol_member

        rule = make_rule("Capped", points=1, caps=[cap("day", 10)])
        member = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
        keys = {(rule.pk, who, "day", date(2026, 3, n)) for n in range(1, 20) for who in (None, member.pk)}

        def lock():
            with transaction.atomic():
                return len(lock_uses(keys, program).used)

        assert at_once([lock] * 8) == [38] * 8
        assert EarningUse.objects.count() == 38
