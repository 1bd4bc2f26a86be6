"""Helpers shared by the tests of growth: members who joined long ago, tasks, activity."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.base.actor import SYSTEM
from core.events.bus import Event
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from loyalty.growth.models import MemberBadge, Task, TaskProgress
from loyalty.growth.services.badges import create_badge
from loyalty.growth.services.tasks import Level, create_task
from loyalty.ledger.models import Account
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors
from loyalty.program.models import Member
from loyalty.triggers import registry as triggers

LONG_AGO = timedelta(days=60)


@pytest.fixture
def make_old_member(program, make_customer):
    """Return a maker of members since 60 days, so that everything in the test lies within the membership."""

    def make(name: str = "") -> Member:
        customer = make_customer(name)
        enrol_member(customer=customer, program=program, actor=SYSTEM)
        Member.objects.filter(customer=customer).update(enrolled_at=timezone.now() - LONG_AGO)
        return selectors.member_of(customer)

    return make


@pytest.fixture
def make_task(program):
    """Return make_task("order", 2, 5), which makes levels at these goals, begun 40 days ago.

    Each level gives 10 points times its number.
    """

    def make(trigger: str = "order", *goals: int, levels: list[Level] | None = None, **values) -> Task:
        values = {
            "name": f"Task {Task.objects.count() + 1}",
            "starts_at": timezone.now() - timedelta(days=40),
            **values,
        }
        task_levels = levels or [Level(goal, points=10 * place) for place, goal in enumerate(goals or (1,), 1)]
        task = create_task(program=program, trigger=trigger, levels=task_levels, actor=SYSTEM, **values)
        # A test is one transaction, so no on_commit hook runs.
        triggers.forget()
        return task

    return make


@pytest.fixture
def make_badge(program):
    def make(name: str = "First", **values):
        return create_badge(program=program, name=name, actor=SYSTEM, **values)

    return make


def did(member: Member, kind: str, *times: datetime | float, source: str = "shop") -> None:
    """Record activity at these times; a number means so many days ago."""
    now = timezone.now()
    moments = [time if isinstance(time, datetime) else now - timedelta(days=time, seconds=1) for time in times]
    items = [
        ActivityInput(f"{member.pk}:{kind}:{moment.timestamp()}", kind, moment, customer_number=member.customer.number)
        for moment in moments
    ]
    record_activity(items=items, source=source, actor=SYSTEM)


def progress_of(member: Member, task: Task) -> list[tuple[int, int]]:
    """Return (count, level) of each period, oldest first."""
    rows = TaskProgress.objects.filter(member=member, task=task).order_by("period_start")
    return list(rows.values_list("count", "level"))


def available(member: Member, *, spendable: bool = True) -> int:
    return Account.objects.get(member=member, point_type__spendable=spendable).available


def badges_of(member: Member) -> list[str]:
    return list(MemberBadge.objects.filter(member=member).order_by("pk").values_list("badge__code", flat=True))


def events_of(kind: str) -> list[Event]:
    """Return every event of a kind, as a handler gets them."""
    rows = DomainEvent.objects.filter(kind=kind).order_by("pk")
    return [Event(row.pk, row.kind, row.subject_id, row.payload, row.occurred_at) for row in rows]
