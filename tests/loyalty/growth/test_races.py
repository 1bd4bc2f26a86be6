"""Tests with real threads: parallel workers and repeated events give everything once (L7)."""

from __future__ import annotations

from functools import partial

import pytest

from core.events.models import DomainEvent
from loyalty.earning.services.awards import award_points_for_orders
from loyalty.growth.handlers import move_tasks
from loyalty.growth.models import LevelReached, MemberBadge, TaskStep
from loyalty.growth.services import progress as growth
from loyalty.growth.services.progress import advance_tasks, ensure_growth_type
from loyalty.growth.services.tasks import Level
from loyalty.ledger.models import Entry
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.tiers.services.evaluation import evaluate_tiers
from tests.loyalty.growth.samples import available, badges_of, did, events_of, progress_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def badge(make_badge):
    return make_badge("Sharer")


def test_eight_parallel_workers_give_a_level_once(program, make_old_member, make_task, badge):
    # given a member who shared three times, and a task of two levels
    member = make_old_member()
    task = make_task(
        "activity", event_kind="share", levels=[Level(1, points=5, growth=2, badge=badge), Level(3, points=7)]
    )
    did(member, "share", 3, 2, 1)
    # when eight workers run in parallel
    answers = at_once([partial(advance_tasks, program=program, customer_ids=[member.customer_id])] * 8)
    # then
    assert sorted(answers) == [0] * 7 + [2]
    assert (progress_of(member, task), badges_of(member)) == ([(3, 2)], ["sharer"])
    assert (available(member), available(member, spendable=False)) == (12, 2)
    assert (TaskStep.objects.count(), LevelReached.objects.count(), Entry.objects.count()) == (3, 2, 3)
    assert DomainEvent.objects.filter(kind="loyalty.task_level_reached").count() == 2
    assert DomainEvent.objects.filter(kind="loyalty.badge_awarded").count() == 1
    assert reconcile_points().difference_count == 0


def test_an_event_delivered_to_parallel_workers_counts_once(program, make_old_member, make_task):
    member, task = make_old_member(), make_task("activity", 1, 2, event_kind="share")
    did(member, "share", 2, 1)
    events = events_of("crm.activity_received")
    assert at_once([partial(move_tasks, events * 2)] * 6) == [None] * 6
    assert (progress_of(member, task), available(member)) == ([(2, 2)], 10 + 20)


def test_parallel_steps_are_all_counted(program, make_old_member, make_task):
    """Each worker reports one share and advances; the last one sees them all."""
    member, task = make_old_member(), make_task("activity", 8, event_kind="share")

    def share(number: int) -> int:
        did(member, "share", number + 1.0, source=f"s{number}")
        return advance_tasks(program=program, customer_ids=[member.customer_id])

    answers = at_once([partial(share, number) for number in range(8)])
    assert sorted(answers) == [0] * 7 + [1]
    assert (progress_of(member, task), available(member)) == ([(8, 1)], 10)


def test_workers_with_overlapping_members_and_awards_never_deadlock(
    program, make_old_member, make_task, make_order, badge, monkeypatch
):
    # given chunks of five, cut differently by each worker, twelve members, two tasks, and an order of each member that
    # no rule has awarded yet
    monkeypatch.setattr(growth, "CHUNK", 5)
    members = [make_old_member() for _ in range(12)]
    make_task("activity", event_kind="share", levels=[Level(1, points=5, growth=2, badge=badge)])
    make_task("order", 1)
    ensure_growth_type(program)
    orders = [make_order(member.customer, 100_00, days_ago=1) for member in members]
    for member in members:
        did(member, "share", 1)
    ids = [member.customer_id for member in members]

    def award(chosen) -> None:
        award_points_for_orders(program=program, orders=chosen)

    work = [
        partial(advance_tasks, program=program, customer_ids=ids),
        partial(advance_tasks, program=program, customer_ids=ids[::-1]),
        partial(advance_tasks, program=program, customer_ids=ids[6:]),
        partial(award, orders),
        partial(award, orders[::-1]),
        partial(evaluate_tiers, program=program, customer_ids=ids),
    ]
    # when
    answers = at_once(work)
    # then no worker failed, and each member has everything once
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert sum(answers[:3]) == 24
    assert [available(member) for member in members] == [100 + 5 + 10] * 12
    assert [available(member, spendable=False) for member in members] == [2] * 12
    assert MemberBadge.objects.count() == 12
    assert reconcile_points().difference_count == 0
