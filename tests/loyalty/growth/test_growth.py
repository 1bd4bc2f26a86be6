"""Tests of tasks: they advance by what members did and give what their levels say, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from core.base.actor import SYSTEM
from core.base.errors import Invalid, Refused
from core.events.bus import TYPES
from core.events.models import DomainEvent, EventDelivery
from crm.orders.models import Order
from crm.orders.services.refunds import record_refund
from loyalty.growth.handlers import move_tasks
from loyalty.growth.models import LevelReached, MemberBadge, Task, TaskProgress, TaskStep
from loyalty.growth.services.badges import create_badge, update_badge
from loyalty.growth.services.progress import advance_all, advance_tasks, ensure_growth_type
from loyalty.growth.services.tasks import Level, create_task, join_task, leave_task, update_task
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.sweeps import sweep_lots
from loyalty.program.models import Member, PointType
from loyalty.program.services.suspensions import suspend_member
from loyalty.triggers import registry as triggers
from tests.loyalty.growth.samples import available, badges_of, did, events_of, progress_of

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


def advance(program, *members) -> int:
    return advance_tasks(program=program, customer_ids=[member.customer_id for member in members])


def test_a_level_gives_points_growth_and_badge_once(program, make_old_member, make_task, make_badge):
    # given a task of two levels, the first with every possible reward
    member, badge = make_old_member(), make_badge("First review", name_zh="首次评价")
    task = make_task("activity", event_kind="review", code="reviews", name="Reviews", name_zh="写评价",
                     levels=[Level(1, points=20, growth=5, badge=badge), Level(3, points=50)])  # fmt: skip
    did(member, "review", 3)
    # when the task is advanced three times
    assert [advance(program, member) for _ in range(3)] == [1, 0, 0]
    # then
    assert progress_of(member, task) == [(1, 1)]
    assert (available(member), available(member, spendable=False)) == (20, 5)
    assert badges_of(member) == ["first-review"]
    assert list(Entry.objects.filter(account__member=member).order_by("pk").values_list("reference", "available")) == [
        ("task:reviews", 20),
        ("task:reviews", 5),
    ]
    assert MemberBadge.objects.get().reference == "task:reviews"
    reached, awarded = (
        DomainEvent.objects.get(kind=f"loyalty.{kind}") for kind in ("task_level_reached", "badge_awarded")
    )
    assert (reached.subject_id, awarded.subject_id) == (member.customer_id, member.customer_id)
    assert reached.payload == {
        "task": "reviews", "name": "Reviews", "name_zh": "写评价", "level": 1, "levels": 2, "completed": False,
        "points": 20, "growth": 5, "period": "1970-01-01",
    }  # fmt: skip
    with translation.override("en"):
        assert TYPES[reached.kind].describe(reached.payload) == "Reviews · level 1 of 2 · 20 points · 5 growth value"
        assert TYPES[awarded.kind].describe(awarded.payload) == "First review"
    with translation.override("zh-hans"):
        assert TYPES[reached.kind].describe(reached.payload).startswith("写评价 · ")
        assert TYPES[awarded.kind].describe(awarded.payload) == "首次评价"
    # and the second level counts what is missing, and the first is not given again
    did(member, "review", 2, 1)
    assert advance(program, member) == 1
    assert (progress_of(member, task), available(member), badges_of(member)) == ([(3, 2)], 70, ["first-review"])
    assert TaskProgress.objects.get().completed_at is not None
    assert list(LevelReached.objects.order_by("level").values_list("level", "points", "growth", "badge")) == [
        (1, 20, 5, badge.pk),
        (2, 50, 0, None),
    ]
    assert reconcile_points().difference_count == 0


def test_two_levels_reached_together_are_both_given(program, make_old_member, make_task):
    member, task = make_old_member(), make_task("activity", 1, 2, 9, event_kind="share")
    did(member, "share", 1, 2, 3)
    assert advance(program, member) == 2
    assert (progress_of(member, task), available(member)) == ([(3, 2)], 10 + 20)


def test_a_completed_task_counts_no_further(program, make_old_member, make_task):
    member, task = make_old_member(), make_task("activity", 1, event_kind="share")
    did(member, "share", 2)
    advance(program, member)
    did(member, "share", 1)
    assert advance(program, member) == 0
    assert (progress_of(member, task), TaskStep.objects.count()) == ([(1, 1)], 1)


def test_an_amount_is_counted_in_minor_units_of_the_programs_currency(program, make_old_member, make_task, make_order):
    member, task = make_old_member(), make_task("order", 100_00, 500_00, measure="amount")
    make_order(member.customer, 60_00, days_ago=3)
    make_order(member.customer, 39_99, days_ago=2)
    foreign = make_order(member.customer, 900_00, days_ago=2)
    Order.objects.filter(pk=foreign.pk).update(currency="USD")
    assert advance(program, member) == 0
    assert progress_of(member, task) == [(99_99, 0)]
    make_order(member.customer, 1, days_ago=1)
    assert advance(program, member) == 1
    assert (progress_of(member, task), available(member)) == ([(100_00, 1)], 10)


def test_refunds_before_counting_reduce_progress_and_later_ones_do_not(program, make_old_member, make_task, make_order):
    # given an order refunded in full before it was counted, and one refunded in part
    member = make_old_member()
    times, spent = make_task("order", 2), make_task("order", 50_00, 500_00, measure="amount")
    gone, part = make_order(member.customer, 80_00, days_ago=3), make_order(member.customer, 80_00, days_ago=2)

    def refund(order, amount):
        record_refund(
            order_number=order.number, number=f"R{order.number}", source=order.source, amount=amount, actor=SYSTEM
        )

    refund(gone, gone.total)
    refund(part, 50_00)
    # when
    assert advance(program, member) == 0
    # then the first does not count, and the second counts for what is left
    assert (progress_of(member, times), progress_of(member, spent)) == ([(1, 0)], [(30_00, 0)])
    # and a refund after a level was reached takes nothing of the level back
    whole = make_order(member.customer, 40_00, days_ago=1)
    assert advance(program, member) == 2
    refund(whole, whole.total)
    assert advance(program, member) == 0
    assert (progress_of(member, times), progress_of(member, spent)) == ([(2, 1)], [(70_00, 1)])
    assert available(member) == 10 + 10


def test_days_in_a_row_use_the_programs_zone(program, make_old_member, make_task):
    # given Shanghai's days: half an hour after midnight there is still the day before in UTC
    member, task = make_old_member(), make_task("activity", 2, 3, event_kind="checkin", measure="days")
    today = timezone.now().astimezone(SHANGHAI).date()

    def at(days_ago: int, hour: int = 0) -> datetime:
        return datetime.combine(today - timedelta(days=days_ago), datetime.min.time(), SHANGHAI) + timedelta(
            hours=hour, minutes=30
        )

    did(member, "checkin", at(9), at(8, 23), at(8, 1), at(6))
    # when, then: two days in a row, a gap, one day
    assert advance(program, member) == 1
    assert progress_of(member, task) == [(1, 1)]
    # and a late event closes the gap: four in a row (S4)
    did(member, "checkin", at(7))
    assert advance(program, member) == 1
    assert (progress_of(member, task), available(member)) == ([(4, 2)], 10 + 20)


def test_progress_resets_each_week_and_late_events_count_in_their_own_week(program, make_old_member, make_task):
    member, task = make_old_member(), make_task("activity", 2, event_kind="share", period="week")
    today = timezone.now().astimezone(SHANGHAI).date()
    monday = today - timedelta(days=today.weekday())

    def noon(weeks_ago: int, day: int) -> datetime:
        return datetime.combine(
            monday - timedelta(weeks=weeks_ago, days=-day), datetime.min.time(), SHANGHAI
        ) + timedelta(hours=12)

    did(member, "share", noon(2, 6), noon(1, 0), noon(1, 6))
    assert advance(program, member) == 1
    assert progress_of(member, task) == [(1, 0), (2, 1)]
    did(member, "share", noon(2, 0))
    assert advance(program, member) == 1
    assert progress_of(member, task) == [(2, 1), (2, 1)]
    assert available(member) == 10 + 10


def test_activity_before_the_start_the_membership_or_joining_does_not_count(
    program, make_old_member, make_task, make_customer
):
    # given three tasks: since ten days, without a start, and one that has to be joined
    now = timezone.now()
    member = make_old_member()
    Member.objects.filter(pk=member.pk).update(enrolled_at=now - timedelta(days=20))
    young = make_task("activity", 9, event_kind="share", starts_at=now - timedelta(days=10))
    old = make_task("activity", 9, event_kind="share")
    joined = make_task("activity", 9, event_kind="share", join=True)
    did(member, "share", 30, 15, 5)
    # when
    assert advance(program, member) == 0
    # then
    assert (progress_of(member, young), progress_of(member, old), progress_of(member, joined)) == (
        [(1, 0)],
        [(2, 0)],
        [],
    )
    # and after joining, only later activity counts
    join_task(member=member, task=joined, actor=SYSTEM)
    advance(program, member)
    assert progress_of(member, joined) == []
    did(member, "share", timezone.now())
    advance(program, member)
    assert progress_of(member, joined) == [(1, 0)]
    # and after leaving, nothing more counts, but the progress stays
    leave_task(member=member, task=joined, actor=SYSTEM)
    did(member, "share", timezone.now())
    advance(program, member)
    assert progress_of(member, joined) == [(1, 0)]


def test_a_challenge_counts_within_its_dates_and_accepts_late_events_for_a_week(program, make_old_member, make_task):
    now = timezone.now()
    member, other = make_old_member(), make_old_member()
    task = make_task("activity", 1, event_kind="share", season="Autumn", starts_at=now - timedelta(days=20),
                     ends_at=now - timedelta(days=3))  # fmt: skip
    over = make_task(
        "activity", 1, event_kind="share", starts_at=now - timedelta(days=20), ends_at=now - timedelta(days=8)
    )
    did(member, "share", 2)
    did(other, "share", 9)
    assert advance(program, member, other) == 1
    assert (progress_of(member, task), progress_of(other, task)) == ([], [(1, 1)])
    assert progress_of(other, over) == []


def test_a_complete_profile_counts_once_whenever_it_was_completed(program, make_customer, make_task, settle):
    # given a profile that was complete before the membership and before the task
    customer = make_customer("Bo", phone="13800138001", gender="female", birthday="1990-02-03")
    task = make_task("profile", 1, period="month", starts_at=None)
    # when
    member = enrol_member(customer=customer, program=program, actor=SYSTEM)
    settle()
    # then it counts, and a month later not again
    assert (progress_of(member, task), available(member)) == ([(1, 1)], 10)
    later = timezone.now() + timedelta(days=40)
    assert advance_tasks(program=program, customer_ids=[customer.pk], at=later) == 0
    assert available(member) == 10


def test_suspended_members_and_non_members_are_skipped(program, make_old_member, make_customer, make_task, make_order):
    member, stranger = make_old_member(), make_customer()
    make_task("order", 1)
    make_order(member.customer), make_order(stranger)
    suspend_member(member=member, reason="fraud", actor=SYSTEM)
    assert advance_tasks(program=program, customer_ids=[member.customer_id, stranger.pk]) == 0
    assert (TaskProgress.objects.count(), TaskStep.objects.count()) == (0, 0)


def test_an_order_enrols_a_member_and_counts_through_its_events(program, make_customer, make_task, make_order, settle):
    task = make_task("order", 1, starts_at=timezone.now() - timedelta(days=1))
    customer = make_customer()
    make_order(customer, 100_00)
    settle()
    member = Member.objects.get(customer=customer)
    assert (progress_of(member, task), available(member)) == ([(1, 1)], 100 + 10)
    # and the same events once more change nothing
    move_tasks(events_of("crm.order_paid"))
    assert (progress_of(member, task), available(member)) == ([(1, 1)], 100 + 10)


def test_no_delivery_is_queued_while_no_task_listens(program, make_old_member, make_task, make_order, settle):
    member = make_old_member()

    def queued() -> list[str]:
        rows = EventDelivery.objects.filter(handler="loyalty.advance_tasks").values("event_id")
        return list(DomainEvent.objects.filter(pk__in=rows).order_by("pk").values_list("kind", flat=True))

    settle()
    make_order(member.customer)
    did(member, "share", 1)
    assert queued() == []
    # a task for activity listens only to activity
    task = make_task("activity", 1, event_kind="share")
    make_order(member.customer)
    did(member, "share", 2)
    assert queued() == ["crm.activity_received"]
    settle()
    # and a task that is switched off does not listen
    update_task(task=task, active=False, actor=SYSTEM)
    triggers.forget()
    did(member, "share", 3)
    assert queued() == []


def test_the_nightly_run_counts_activity_without_events(program, make_old_member, make_task):
    first, second = make_old_member(), make_old_member()
    did(first, "share", 1)
    did(second, "share", 1)
    task = make_task("activity", 1, event_kind="share")
    assert advance_all(program=program) == 2
    assert (progress_of(first, task), progress_of(second, task)) == ([(1, 1)], [(1, 1)])
    assert advance_all(program=program) == 0


def test_the_number_of_queries_does_not_grow_with_the_members(program, make_old_member, make_task, make_badge):
    make_task("activity", levels=[Level(1, points=5, growth=5, badge=make_badge())], event_kind="share")
    few, many = [make_old_member() for _ in range(2)], [make_old_member() for _ in range(12)]
    for member in few + many:
        did(member, "share", 1)
    ensure_growth_type(program)

    def queries(members) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert advance(program, *members) == len(members)
        return len(seen)

    assert queries(few) == queries(many) <= 30


def test_growth_value_has_an_account_for_every_member_and_is_never_spent(program, make_old_member):
    member = make_old_member()
    growth_type = ensure_growth_type(program)
    assert (growth_type.spendable, ensure_growth_type(program)) == (False, growth_type)
    assert Account.objects.filter(member=member, point_type=growth_type).count() == 1
    later = make_old_member()
    assert Account.objects.filter(member=later, point_type=growth_type).count() == 1
    assert PointType.objects.filter(program=program, spendable=False).count() == 1


def test_expired_growth_value_emits_no_points_event(program, make_old_member):
    # given lots of both kinds that last a day, from two days ago
    program.expiry_policy, program.expiry_count = "rolling", 1
    program.save()
    member, growth = make_old_member(), ensure_growth_type(program)
    accounts = Account.objects.filter(member=member)
    grant_points(
        program=program,
        grants=[
            Grant(accounts.get(point_type=growth).pk, 7, "x", timezone.now() - timedelta(days=2)),
            Grant(accounts.get(point_type__spendable=True).pk, 5, "x", timezone.now() - timedelta(days=2)),
        ],
    )
    # when
    sweep_lots()
    # then both are gone, and the event reports only the points
    assert (available(member), available(member, spendable=False)) == (0, 0)
    payloads = DomainEvent.objects.filter(kind="loyalty.points_expired").values_list("payload", flat=True)
    assert list(payloads) == [{"points": 5}]


def test_a_switched_off_badge_is_not_awarded_but_the_points_are_given(program, make_old_member, make_task, make_badge):
    member, badge = make_old_member(), make_badge()
    make_task("activity", levels=[Level(1, points=5, badge=badge)], event_kind="share")
    update_badge(badge=badge, active=False, actor=SYSTEM)
    did(member, "share", 1)
    assert advance(program, member) == 1
    assert (available(member), badges_of(member)) == (5, [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"trigger": "nothing"}, "trigger"),
        ({"event_kind": ""}, "event_kind"),
        ({"trigger": "order"}, "event_kind"),
        ({"measure": "amount"}, "measure"),
        ({"measure": "days", "period": "day"}, "period"),
        ({"levels": []}, "levels"),
        ({"levels": [Level(2), Level(1)]}, "levels"),
        ({"levels": [Level(1, points=-1)]}, "levels"),
        ({"icon": "nonsense"}, "icon"),
        ({"code": "taken"}, "code"),
        ({"starts_at": timezone.now(), "ends_at": timezone.now() - timedelta(1)}, "ends_at"),
        ({"counts_from": timezone.now()}, "counts_from"),
    ],
)
def test_an_invalid_task_is_refused_naming_the_field(program, make_task, changes, field):
    make_task("order", 1, code="taken")
    values = {"name": "T", "trigger": "activity", "event_kind": "share", "levels": [Level(1)], **changes}
    with pytest.raises(Invalid) as refused:
        create_task(program=program, actor=SYSTEM, **values)
    assert refused.value.field == field
    assert Task.objects.count() == 1


def test_a_change_keeps_reached_levels_and_gives_a_passed_level_with_the_next_step(program, make_old_member, make_task):
    # given one level of three, reached
    member, task = make_old_member(), make_task("activity", 1, event_kind="share")
    did(member, "share", 3)
    advance(program, member)
    # when there are more levels
    update_task(
        task=task, actor=SYSTEM, name="Renamed", levels=[Level(1, points=99), Level(2, points=7), Level(5, points=8)]
    )
    assert TaskProgress.objects.get().completed_at is None
    did(member, "share", 2)
    assert advance(program, member) == 1
    # then the first level is not given again
    assert (progress_of(member, task), available(member)) == ([(2, 2)], 10 + 7)
    # and the counted trigger can't be changed
    with pytest.raises(Invalid) as refused:
        update_task(task=task, actor=SYSTEM, measure="days")
    assert (refused.value.field, Task.objects.get().measure) == ("measure", "times")


def test_a_task_switched_on_again_counts_from_then_on(program, make_old_member, make_task):
    member, task = make_old_member(), make_task("activity", 5, event_kind="share")
    update_task(task=task, active=False, actor=SYSTEM)
    did(member, "share", 2, 1)
    assert advance(program, member) == 0
    update_task(task=task, active=True, actor=SYSTEM)
    advance(program, member)
    assert progress_of(member, task) == []
    did(member, "share", timezone.now())
    advance(program, member)
    assert progress_of(member, task) == [(1, 0)]


def test_saving_a_task_unchanged_keeps_its_levels_and_its_start_of_counting(make_task):
    # given a task that was switched off and on, so that it counts from later than its start
    task = make_task("activity", 2, 5, event_kind="share")
    for active in (False, True):
        update_task(task=task, active=active, actor=SYSTEM)
    task.refresh_from_db()
    before, levels = task.counts_from, list(task.levels.values_list("pk", flat=True))
    assert before > task.starts_at
    # when the form sends back its values, without the seconds
    minute = task.starts_at.replace(second=0, microsecond=0)
    update_task(task=task, starts_at=minute, levels=[Level(2, points=10), Level(5, points=20)], actor=SYSTEM)
    # then
    task.refresh_from_db()
    assert (task.counts_from, list(task.levels.values_list("pk", flat=True))) == (before, levels)


def test_a_new_task_without_a_start_ignores_earlier_activity(program, make_old_member, make_task):
    member = make_old_member()
    did(member, "share", 1)
    task = make_task("activity", 1, event_kind="share", starts_at=None)
    assert advance(program, member) == 0
    assert (progress_of(member, task), available(member)) == ([], 0)


def test_joining_is_refused_for_open_and_ended_tasks(program, make_old_member, make_task):
    member = make_old_member()
    now = timezone.now()
    with pytest.raises(Refused) as refused:
        join_task(member=member, task=make_task("order", 1), actor=SYSTEM)
    assert refused.value.code == "task_needs_no_joining"
    over = make_task("order", 1, join=True, ends_at=now - timedelta(days=1))
    with pytest.raises(Refused) as refused:
        join_task(member=member, task=over, actor=SYSTEM)
    assert refused.value.code == "task_not_running"
    open_task = make_task("order", 1, join=True)
    first = join_task(member=member, task=open_task, actor=SYSTEM)
    assert join_task(member=member, task=open_task, actor=SYSTEM) == first
    assert list(Task.objects.filter(joins__member=member)) == [open_task]


def test_a_chinese_name_gets_a_random_code(program):
    badge = create_badge(program=program, name="首单", actor=SYSTEM)
    assert badge.code.startswith("b")
    assert len(badge.code) == 9


def test_growth_value_of_a_level_moves_the_member_up_at_once(program, make_old_member, make_task, settle):
    # given tiers by growth value and a task whose level gives enough for the first
    program.tier_metric = "growth"
    program.save()
    member = make_old_member()
    make_task("activity", event_kind="review", levels=[Level(1, growth=100)])
    did(member, "review", 1)
    # when the effects of the review are processed
    settle()
    # then
    member.refresh_from_db()
    assert (member.qualifying, member.tier and member.tier.code) == (100, "bronze")
    assert (available(member), available(member, spendable=False)) == (0, 100)
