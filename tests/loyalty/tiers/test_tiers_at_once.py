"""Tests of parallel writes of tiers: periods never overlap (T3), and a night in parts equals one night (T2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from core.base.actor import SYSTEM
from core.db import shards
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member
from loyalty.tiers.models import Tier, TierPeriod, TierRun, TierRunPart
from loyalty.tiers.services import evaluation as tiers
from loyalty.tiers.services.evaluation import evaluate_tiers
from tests.loyalty.tiers.samples import event_payloads, intervals, later, tier, tier_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def member(program, make_customer) -> Member:
    return enrol_member(program=program, customer=make_customer(), actor=SYSTEM)


@pytest.fixture
def members(program, make_customer) -> list[Member]:
    return [enrol_member(program=program, customer=make_customer(), actor=SYSTEM) for _ in range(6)]


@pytest.fixture
def in_three(settings, monkeypatch) -> None:
    settings.COMPUTE_SHARDS = 3
    monkeypatch.setattr(shards, "SHARDED_ABOVE", -2)


def open_period(member: Member, code: str, start: int, end: int | None) -> TierPeriod:
    return TierPeriod.objects.create(
        member=member,
        tier=tier(member.program, code),
        reason="manual",
        started_at=BEGAN + start * DAY,
        ended_at=None if end is None else BEGAN + end * DAY,
    )


def days(member: Member) -> list[tuple[int, int | None]]:
    rows = TierPeriod.objects.filter(member=member).order_by("started_at", "pk")
    return [
        ((row.started_at - BEGAN).days, None if row.ended_at is None else (row.ended_at - BEGAN).days) for row in rows
    ]


def is_overlap(answer: object) -> bool:
    return isinstance(answer, IntegrityError) and "loyalty_tierperiod_never_overlap" in str(answer)


def test_of_parallel_overlapping_periods_one_is_kept(member):
    written = at_once([lambda start=start: open_period(member, "gold", start, start + 10) for start in range(8)])
    assert sum(isinstance(answer, TierPeriod) for answer in written) == 1
    assert sum(is_overlap(answer) for answer in written) == 7
    assert len(days(member)) == 1


def test_a_transaction_that_saw_no_overlap_waits_for_the_other(member):
    # given one that has written and not committed
    wrote, waited = Event(), Event()

    def first() -> None:
        with transaction.atomic():
            open_period(member, "silver", 0, 10)
            wrote.set()
            waited.wait(1)

    def second() -> None:
        wrote.wait()
        with transaction.atomic():
            assert days(member) == []
            try:
                open_period(member, "gold", 5, None)
            finally:
                waited.set()

    answers = at_once([first, second])
    assert (answers[0], is_overlap(answers[1])) == (None, True)
    assert days(member) == [(0, 10)]


def test_two_periods_moved_into_one_gap_in_parallel_do_not_overlap(member):
    before, after = open_period(member, "silver", 0, 10), open_period(member, "gold", 20, 30)

    def move(period: TierPeriod, **times: datetime) -> int:
        return TierPeriod.objects.filter(pk=period.pk).update(**times)

    answers = at_once(
        [lambda: move(before, ended_at=BEGAN + 18 * DAY), lambda: move(after, started_at=BEGAN + 12 * DAY)]
    )
    assert sorted(map(is_overlap, answers)) == [False, True]
    assert days(member) in ([(0, 18), (20, 30)], [(0, 10), (12, 30)])


def test_periods_written_by_hand_are_compared_after_the_statement(member):
    open_period(member, "silver", 0, 10)
    open_period(member, "gold", 10, None)
    assert days(member) == [(0, 10), (10, None)]
    with connection.cursor() as cursor:
        # each row would overlap the other during the statement
        cursor.execute(
            """UPDATE loyalty_tierperiod SET started_at = started_at + interval '5 days',
                      ended_at = ended_at + interval '5 days' WHERE member_id = %s""",
            [member.pk],
        )
        assert days(member) == [(5, 15), (15, None)]
        with pytest.raises(IntegrityError, match="never_overlap"):
            cursor.execute(
                "UPDATE loyalty_tierperiod SET started_at = started_at - interval '5 days' WHERE ended_at IS NULL"
            )
        with pytest.raises(IntegrityError, match="never_overlap"):
            cursor.execute(
                """INSERT INTO loyalty_tierperiod (member_id, reason, started_at, ended_at, actor) VALUES
                   (%(member)s, 'manual', %(at)s, %(at)s::timestamptz + interval '2 days', 'hand'),
                   (%(member)s, 'manual', %(at)s::timestamptz + interval '1 day',
                    %(at)s::timestamptz + interval '3 days', 'hand')""",
                {"member": member.pk, "at": BEGAN - 10 * DAY},
            )
    assert days(member) == [(5, 15), (15, None)]


def test_a_second_open_period_is_refused(member):
    open_period(member, "silver", 0, None)
    with pytest.raises(IntegrityError):
        open_period(member, "gold", -5, None)
    assert days(member) == [(0, None)]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_stricter_isolation_levels_are_refused(member, level):
    with pytest.raises(DatabaseError, match="READ COMMITTED"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        open_period(member, "gold", 0, None)
    assert days(member) == []


def bought(members: list[Member], make_order, settle) -> None:
    """Give the members bronze, silver, gold, bronze, silver, gold in order of id."""
    for member, amount in zip(members, (20_000, 60_000, 250_000) * 2, strict=True):
        make_order(member.customer, amount)
    settle()


def test_a_night_in_three_parts_equals_one_evaluation(program, members, make_order, settle, in_three):
    bought(members, make_order, settle)
    assert [part.since for part in tiers._ranges(program, later(1), False)] == [None] * 3
    before = [tier_of(member) for member in members]
    assert len(set(before)) == 3

    assert evaluate_tiers(program=program, downgrade=True, at=later(400)) == (0, 6)

    assert [tier_of(member) for member in members] == [""] * 6
    assert [intervals(member) for member in members] == [[(code, "qualified", False)] for code in before]
    assert [(run.up_count, run.down_count) for run in TierRun.objects.all()] == [(0, 6)]
    assert not TierRunPart.objects.exists()
    assert len(event_payloads()) == 12


def test_a_broken_night_continues_where_it_stopped(program, members, make_order, settle, in_three, monkeypatch):
    # given all members two steps above what they qualify for, and a night whose last part fails
    program.tier_downgrade = "one_step"
    program.save()
    for member in members:
        make_order(member.customer, 250_000)
    settle()
    assert {tier_of(member) for member in members} == {"gold"}
    write, night = tiers._evaluate, later(400)

    def fail_last(program, part, *rest):
        if part.last == tiers.LAST_ID:
            raise ConnectionError("lost")
        return write(program, part, *rest)

    monkeypatch.setattr(tiers, "_evaluate", fail_last)
    with pytest.raises(ConnectionError):
        evaluate_tiers(program=program, downgrade=True, at=night)
    assert [tier_of(member) for member in members] == ["silver"] * 4 + ["gold"] * 2
    assert not TierRun.objects.exists()
    assert list(TierRunPart.objects.values_list("ran_at", flat=True).distinct()) == [night]
    # when the next night comes
    seen: list[tuple[int, datetime | None]] = []

    def watch(program, part, *rest):
        seen.append((part.first, part.since))
        return write(program, part, *rest)

    monkeypatch.setattr(tiers, "_evaluate", watch)
    assert evaluate_tiers(program=program, downgrade=True, at=night + DAY) == (0, 6)
    # then each was evaluated once, with the time of its own last evaluation
    assert [tier_of(member) for member in members] == ["bronze"] * 4 + ["silver"] * 2
    assert [since for _first, since in sorted(seen, key=lambda one: one[0])] == [night, night, None]
    assert (TierRun.objects.get().ran_at, TierRunPart.objects.count()) == (night + DAY, 0)


def test_a_calendar_year_is_evaluated_once_after_a_broken_night(
    program, members, make_order, settle, in_three, monkeypatch
):
    program.tier_period, program.tier_downgrade = "calendar_year", "one_step"
    program.save()
    for member in members:
        make_order(member.customer, 250_000)
    settle()
    new_year = datetime(later(800).year, 1, 1, tzinfo=UTC)
    write = tiers._evaluate

    def fail_first(program, part, *rest):
        if part.first == 0:
            raise ConnectionError("lost")
        return write(program, part, *rest)

    monkeypatch.setattr(tiers, "_evaluate", fail_first)
    with pytest.raises(ConnectionError):
        evaluate_tiers(program=program, downgrade=True, at=new_year)
    monkeypatch.setattr(tiers, "_evaluate", write)
    evaluate_tiers(program=program, downgrade=True, at=new_year + DAY)
    assert [tier_of(member) for member in members] == ["silver"] * 6
    evaluate_tiers(program=program, downgrade=True, at=new_year + 2 * DAY)
    assert [tier_of(member) for member in members] == ["silver"] * 6


def test_a_night_does_not_deadlock_with_locks_on_members_of_two_parts(program, members, make_order, settle, in_three):
    bought(members, make_order, settle)
    held, later_part_done = Event(), Event()

    def lock(cursor, member: Member) -> None:
        cursor.execute("SELECT FROM loyalty_member WHERE id = %s FOR NO KEY UPDATE", [member.pk])

    def other() -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            lock(cursor, members[0])
            held.set()
            assert later_part_done.wait(20)
            cursor.execute("SET LOCAL lock_timeout = '20s'")
            lock(cursor, members[5])
        return "had both"

    def watch() -> None:
        held.wait()
        for _ in range(400):
            if TierRunPart.objects.filter(last=tiers.LAST_ID).exists():
                break
            later_part_done.wait(0.05)
        later_part_done.set()

    def night() -> tuple[int, int]:
        held.wait()
        return evaluate_tiers(program=program, downgrade=True, at=later(400))

    assert at_once([other, watch, night])[::2] == ["had both", (0, 6)]
    assert Tier.objects.filter(members__in=members).count() == 0
