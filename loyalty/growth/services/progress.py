"""Services that advance tasks by what members did: steps, levels, and what the levels give, all of it once (L7).

An order that is refunded in full before it was counted does not count; a partial refund leaves the rest. A reached
level stays reached: a later refund takes back what the order earned, not what the task gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from django.db import connection, transaction

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.db.locks import lock_name, require_transaction
from core.events.bus import Emission, emit_many
from core.jobs.sweeping import Sweep
from crm.orders.models import Order
from loyalty.growth import events
from loyalty.growth.models import LevelReached, Measure, Task, TaskJoin, TaskLevel, TaskProgress
from loyalty.growth.rules import LATE, LevelGoal, net_amount, newly_reached
from loyalty.growth.services.badges import BadgeAward, award_badges
from loyalty.ledger.services.enrolment import accounts_of, open_accounts
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.program.models import Member, MemberState, PointType, Program
from loyalty.program.rules.periods import local_day, period_start
from loyalty.triggers.registry import READ_BACK, TRIGGERS, Happening
from loyalty.triggers.rules.streaks import runs_of

CHUNK = 500
GROWTH = "growth"
Key = tuple[int, int, date]
"""(member id, task id, first day of the period): one row of progress."""


def ensure_growth_type(program: Program) -> PointType:
    """Return the program's growth value: a point type that can't be spent, with an account for every member (T1)."""
    growth_type = _growth_type(program)
    if growth_type is not None:
        return growth_type
    with transaction.atomic():
        lock_name("loyalty.growth-type", program.pk)
        growth_type = _growth_type(program)
        if growth_type is not None:
            return growth_type
        new_type = PointType.objects.create(program=program, code=GROWTH, name="Growth value", spendable=False)
        open_accounts(program=program)
    return new_type


def _growth_type(program: Program) -> PointType | None:
    return PointType.objects.filter(program=program, spendable=False).order_by("pk").first()


@dataclass(frozen=True)
class _Step:
    key: Key
    reference: str
    amount: int
    on: date


@dataclass(frozen=True)
class _Reached:
    """A level that a progress has reached now."""

    progress: int
    member: int
    customer: int
    task: Task
    period: date
    level: TaskLevel


def advance_tasks(
    *, program: Program, customer_ids: Iterable[int], at: datetime | None = None, actor: Actor = SYSTEM
) -> int:
    """Count what these customers did for every running task, and give what the newly reached levels give.

    Customers who are not active members are skipped. Idempotent, also in parallel: a happening is one step of a task, a
    level is given once in a period. Reads back at most 35 days. Returns how many levels were reached.
    """
    now = at or clock.now()
    tasks = [
        task
        for task in Task.objects.running(now, LATE).filter(program=program).prefetch_related("levels")
        if task.trigger in TRIGGERS and task.levels.all()
    ]
    if not tasks:
        return 0
    reached: list[_Reached] = []
    # Every transaction locks progress in the order of customers, and all accounts after that in their own order. So two
    # workers can't deadlock, however they cut their chunks.
    customers: Iterator[int] = iter(sorted(set(customer_ids)))
    with transaction.atomic():
        while chunk := list(islice(customers, CHUNK)):
            reached += _advance_chunk(program, tasks, chunk, now)
        _give(program, reached, now, actor)
    return len(reached)


def advance_all(*, program: Program) -> int:
    """Advance every member, to catch lost events and happenings without an event."""
    if not Task.objects.running(clock.now(), LATE).filter(program=program).exists():
        return 0
    members = Member.objects.filter(program=program, state=MemberState.ACTIVE)
    sweep = Sweep("loyalty.advance_tasks.customer")
    reached, last = 0, 0
    while chunk := list(
        members.filter(customer_id__gt=last).order_by("customer_id").values_list("customer_id", flat=True)[:CHUNK]
    ):
        reached += sum(sweep.attempt_all(chunk, lambda ids: advance_tasks(program=program, customer_ids=ids)))
        last = chunk[-1]
    return reached


def _advance_chunk(program: Program, tasks: Sequence[Task], customers: Sequence[int], now: datetime) -> list[_Reached]:
    members = {
        member.customer_id: member
        for member in Member.objects.filter(
            program=program, customer_id__in=customers, state=MemberState.ACTIVE
        ).order_by("pk")
    }
    if not members:
        return []
    steps = _fresh_steps(program, tasks, members, now)
    if not steps:
        return []
    levels = _lock_progress(steps, members, now)
    _write_steps(steps, levels)
    return _recompute(tasks, members, levels, now)


def _fresh_steps(program: Program, tasks: Sequence[Task], members: dict[int, Member], now: datetime) -> list[_Step]:
    """Return the steps of happenings that are not counted yet, without those of completed periods."""
    since = _since(tasks, members, now)
    happenings = _happenings(tasks, since, members)
    steps: list[_Step] = []
    for task in tasks:
        trigger = TRIGGERS[task.trigger]
        candidates = []
        for one in happenings.get((task.trigger, task.event_kind), ()):
            member = members[one.customer]
            start = since.get((task.pk, member.pk))
            moment = now if trigger.lasting else one.at
            if start is None or not start <= moment <= now or (task.ends_at and moment >= task.ends_at):
                continue
            day = local_day(moment, program.time_zone)
            key = (member.pk, task.pk, period_start(task.period, day))
            candidates.append((one, _Step(key, one.reference, one.amount, day)))
        known = _known(task, [one.reference for one, _step in candidates])
        steps += _counting(program, task, [pair for pair in candidates if pair[0].reference not in known])
    done = _done(tasks, [step.key for step in steps])
    return [step for step in steps if step.key not in done]


def _known(task: Task, references: Sequence[str]) -> set[str]:
    """Return which of these references are steps of the task already."""
    if not references:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reference FROM loyalty_taskstep WHERE task_id = %s AND reference = ANY(%s)",
            [task.pk, list(references)],
        )
        return {row[0] for row in cursor.fetchall()}


def _since(tasks: Sequence[Task], members: dict[int, Member], now: datetime) -> dict[tuple[int, int], datetime]:
    """Return {(task id, member id): start of counting}. A task that has to be joined lists only members who joined."""
    joined = {
        (task, member): at
        for task, member, at in TaskJoin.objects.filter(
            task__in=[task.pk for task in tasks if task.join], member__in=[one.pk for one in members.values()]
        ).values_list("task_id", "member_id", "joined_at")
    }
    starts = {}
    for task in tasks:
        for member in members.values():
            start = max(now - READ_BACK, task.counts_from, member.enrolled_at, member.resumed_at or member.enrolled_at)
            if task.join:
                if (task.pk, member.pk) not in joined:
                    continue
                start = max(start, joined[task.pk, member.pk])
            starts[task.pk, member.pk] = start
    return starts


def _happenings(
    tasks: Sequence[Task], since: dict[tuple[int, int], datetime], members: dict[int, Member]
) -> dict[tuple[str, str], list[Happening]]:
    """Return {(trigger, kind): happenings}. Each is read once, however many tasks use it."""
    wanted: dict[tuple[str, str], dict[int, datetime]] = defaultdict(dict)
    customer_of = {member.pk: customer for customer, member in members.items()}
    asks = {task.pk: (task.trigger, task.event_kind) for task in tasks}
    for (task, member), start in since.items():
        starts, customer = wanted[asks[task]], customer_of[member]
        starts[customer] = min(starts.get(customer, start), start)
    return {
        ask: list(TRIGGERS[ask[0]].happened(sorted(starts), min(starts.values()), ask[1]))
        for ask, starts in wanted.items()
    }


def _counting(program: Program, task: Task, fresh: Sequence[tuple[Happening, _Step]]) -> Iterator[_Step]:
    """Yield the steps that count, without fully refunded orders.

    For amounts, also leave out other currencies and refunded parts.
    """
    ids = {one.order for one, _step in fresh if one.order}
    orders = {
        row[0]: row[1:] for row in Order.objects.filter(pk__in=ids).values_list("pk", "currency", "total", "refunded")
    }
    by_amount = task.measure == Measure.AMOUNT
    for one, step in fresh:
        amount = step.amount
        if one.order in orders:
            currency, total, refunded = orders[one.order]
            if (refunded and refunded >= total) or (by_amount and currency != program.currency):
                continue
            amount = net_amount(amount, total, refunded)
        if by_amount and amount <= 0:
            continue
        yield _Step(step.key, step.reference, amount, step.on)


def _done(tasks: Sequence[Task], keys: Sequence[Key]) -> set[Key]:
    """Return which of these periods have reached the last level, because nothing more counts in them."""
    if not keys:
        return set()
    top = {task.pk: max(level.level for level in task.levels.all()) for task in tasks}
    rows = TaskProgress.objects.filter(
        member__in={key[0] for key in keys}, task__in=list(top), period_start__in={key[2] for key in keys}
    ).values_list("member_id", "task_id", "period_start", "level")
    return {(member, task, period) for member, task, period, level in rows if level >= top[task]}


def _lock_progress(steps: Sequence[_Step], members: dict[int, Member], now: datetime) -> dict[Key, tuple[int, int]]:
    """Insert and lock the progress rows by customer before anything is counted. Return {key: (id, level)}.

    A transaction that waits here sees the other's steps afterwards. No transaction waits for a step or an account
    before it has passed here.
    """
    require_transaction()
    customer_of = {member.pk: customer for customer, member in members.items()}
    keys = sorted({step.key for step in steps}, key=lambda key: (customer_of[key[0]], key[1], key[2]))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_taskprogress
                   (member_id, task_id, period_start, count, best, level, started_at, updated_at)
               SELECT given.member, given.task, given.period, 0, 0, 0, %s, %s
               FROM unnest(%s::bigint[], %s::bigint[], %s::date[]) WITH ORDINALITY AS given(member, task, period, place)
               ORDER BY given.place
               ON CONFLICT (member_id, task_id, period_start) DO UPDATE SET updated_at = excluded.updated_at
               RETURNING id, member_id, task_id, period_start, level""",
            [now, now, [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]],
        )
        return {(member, task, period): (pk, level) for pk, member, task, period, level in cursor.fetchall()}


def _write_steps(steps: Sequence[_Step], levels: dict[Key, tuple[int, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_taskstep (task_id, progress_id, reference, amount, happened_on)
               SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::date[])
               ON CONFLICT (task_id, reference) DO NOTHING""",
            [
                [step.key[1] for step in steps],
                [levels[step.key][0] for step in steps],
                [step.reference for step in steps],
                [step.amount for step in steps],
                [step.on for step in steps],
            ],
        )


def _recompute(
    tasks: Sequence[Task], members: dict[int, Member], levels: dict[Key, tuple[int, int]], now: datetime
) -> list[_Reached]:
    """Recompute the progress of these rows from all steps. Return the newly reached levels."""
    task_of = {task.pk: task for task in tasks}
    customer_of = {member.pk: customer for customer, member in members.items()}
    days_wanted = [pk for key, (pk, _level) in levels.items() if task_of[key[1]].measure == Measure.DAYS]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT progress_id, count(*), sum(amount)::bigint, max(happened_on),
                      array_agg(DISTINCT happened_on) FILTER (WHERE progress_id = ANY(%s))
               FROM loyalty_taskstep WHERE progress_id = ANY(%s) GROUP BY progress_id""",
            [days_wanted, [pk for pk, _level in levels.values()]],
        )
        sums = {row[0]: row[1:] for row in cursor.fetchall()}
    reached: list[_Reached] = []
    rows = []
    for (member, task_id, period), (pk, level) in levels.items():
        if pk not in sums:
            continue
        task = task_of[task_id]
        times, amount, last_on, days = sums[pk]
        if task.measure == Measure.DAYS:
            runs = runs_of(days)
            count, best = runs.last, runs.longest
        else:
            count = best = times if task.measure == Measure.TIMES else amount
        known = {one.level: one for one in task.levels.all()}
        fresh = newly_reached([LevelGoal(one.level, one.goal) for one in known.values()], best, level)
        reached += [_Reached(pk, member, customer_of[member], task, period, known[goal.level]) for goal in fresh]
        after = fresh[-1].level if fresh else level
        rows.append((pk, count, best, after, last_on, now if fresh and after == max(known) else None))
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE loyalty_taskprogress p
               SET count = given.count, best = given.best, level = given.level, last_on = given.last_on,
                   completed_at = coalesce(given.completed, p.completed_at), updated_at = %s
               FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::date[], %s::timestamptz[])
                    AS given(id, count, best, level, last_on, completed)
               WHERE p.id = given.id""",
            [now, *([row[column] for row in rows] for column in range(6))],
        )
    return reached


def _give(program: Program, reached: Sequence[_Reached], now: datetime, actor: Actor) -> None:
    if not reached:
        return
    # This fails, and nothing is given, if a level were given a second time. The locks above prevent that.
    LevelReached.objects.bulk_create(
        LevelReached(
            progress_id=one.progress,
            level=one.level.level,
            points=one.level.points,
            growth=one.level.growth,
            badge_id=one.level.badge_id,
            reached_at=now,
        )
        for one in reached
    )
    _grant(program, reached, now, actor)
    award_badges(
        awards=[
            BadgeAward(one.member, one.level.badge_id, f"task:{one.task.code}") for one in reached if one.level.badge_id
        ],
        at=now,
        actor=actor,
    )
    emit_many((Emission(events.TASK_LEVEL_REACHED, one.customer, _payload(one), now) for one in reached), actor=actor)


def _payload(one: _Reached) -> dict:
    levels = max(level.level for level in one.task.levels.all())
    return {
        "task": one.task.code,
        "name": one.task.name,
        "name_zh": one.task.name_zh,
        "level": one.level.level,
        "levels": levels,
        "completed": one.level.level == levels,
        "points": one.level.points,
        "growth": one.level.growth,
        "period": one.period.isoformat(),
    }


def _grant(program: Program, reached: Sequence[_Reached], now: datetime, actor: Actor) -> None:
    giving = [one for one in reached if one.level.points or one.level.growth]
    if not giving:
        return
    members = sorted({one.member for one in giving})
    growth = ensure_growth_type(program) if any(one.level.growth for one in giving) else None
    spendable = PointType.objects.filter(program=program, spendable=True).order_by("pk").first()
    types = [kind.pk for kind in (spendable, growth) if kind is not None]
    accounts = accounts_of(program=program, member_ids=members, point_types=types)
    grants = []
    for one in giving:
        for kind, points in ((spendable, one.level.points), (growth, one.level.growth)):
            if kind is not None and points:
                grants.append(Grant(accounts[one.member, kind.pk], points, f"task:{one.task.code}", now))
    grant_points(program=program, grants=grants, actor=actor)
