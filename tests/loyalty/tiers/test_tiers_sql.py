"""Property tests: the statement over all members agrees with the rules (T1 to T4), on generated members."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.statements import statement
from core.events.models import DomainEvent
from crm.customers.models import Store
from crm.orders.models import Order, Refund
from loyalty.ledger.models import Account, Entry
from loyalty.program.models import Member, PointType, Program, TierDowngrade, TierMetric, TierPolicy
from loyalty.tiers.models import GivenTier, Tier, TierPeriod, TierRun
from loyalty.tiers.rules import TierPeriodPolicy, step_for, windows
from loyalty.tiers.services.evaluation import evaluate_tiers
from tests.reference.tiers import Facts, Move, decide, is_due

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 10, 4, 30, tzinfo=UTC)
MEMBERS = 4


@dataclass
class Bought:
    days_ago: int
    total: int
    refunded: int = 0
    refunded_hours_ago: int = 0


@dataclass
class GivenTierSpec:
    step: int
    starts: int
    ends: int
    ended: int | None
    kind: str
    refunded: bool


@dataclass
class Person:
    enrolled_days_ago: int
    step: int
    reason: str
    since_days_ago: int
    locked: int | None
    bought: list[Bought] = field(default_factory=list)
    given: list[GivenTierSpec] = field(default_factory=list)


@st.composite
def orders(draw):
    total = draw(st.sampled_from([0, 1, 100, 300, 500, 900]))
    return Bought(
        draw(st.sampled_from([0, 1, 30, 60, 68, 69, 70, 100, 200, 364, 365, 366, 400, 433, 434, 435, 600, 799])),
        total,
        draw(st.sampled_from([0, 0, total // 2, total])),
        draw(st.sampled_from([1, 23, 25, 100])),
    )


days = st.sampled_from([1, 10, 30, 69, 70, 300, 364, 365, 366, 395, 396, 500, 731, 800, 1000])
given_tiers = st.builds(
    GivenTierSpec,
    st.integers(1, 3),
    st.sampled_from([-40, -20, -1, 1]),
    st.sampled_from([-10, 0, 5]),
    st.sampled_from([None, None, -15]),
    st.sampled_from(["manual", "paid"]),
    st.booleans(),
)
people = st.builds(
    Person,
    days,
    st.integers(0, 3),
    st.sampled_from(["qualified", "qualified", "manual", "paid", "period_ended"]),
    days,
    st.sampled_from([None, None, None, -1, 1]),
    st.lists(orders(), max_size=4),
    st.lists(given_tiers, max_size=2),
)


@pytest.fixture
def shop(program, make_customer):
    Tier.objects.filter(program=program).delete()
    tiers = [
        Tier.objects.create(program=program, code=f"t{rank}", name=f"T{rank}", rank=rank, threshold=threshold)
        for rank, threshold in ((1, 100), (2, 500), (3, 1000))
    ]
    growth = PointType.objects.create(program=program, code="growth", name="Growth", spendable=False)
    return program, tiers, growth, [make_customer() for _ in range(MEMBERS)]


def value_of(metric: str, bought: Bought, last_run: datetime | None) -> tuple[int, int]:
    """Return (the value that counts, the part undone since the last run)."""
    since = last_run is not None and AT - timedelta(hours=bought.refunded_hours_ago) > last_run
    if metric == "orders":
        counts = bought.refunded < bought.total or bought.total == 0
        return int(counts) * 400, int(not counts and since) * 400
    return bought.total - bought.refunded, bought.refunded if since else 0


def expected(person: Person, program: Program, last_run: datetime | None, downgrade: bool) -> tuple[int, str] | None:
    least = [limit // 400 for limit in (400, 800, 1200)] if program.tier_metric == "orders" else [100, 500, 1000]
    scale = 400 if program.tier_metric == "orders" else 1
    since = AT - timedelta(days=person.since_days_ago)
    spans = windows(
        TierPeriodPolicy(program.tier_period, program.tier_window_days, program.tier_grace_days, program.time_zone),
        AT,
        AT - timedelta(days=person.enrolled_days_ago),
        since,
    )
    earned = kept = had_earned = had_kept = 0
    undone_any = False
    for bought in person.bought:
        at = AT - timedelta(days=bought.days_ago)
        value, undone = (part // scale for part in value_of(program.tier_metric, bought, last_run))
        if program.tier_metric == "growth":
            back = AT - timedelta(hours=bought.refunded_hours_ago)
            parts = [(at, bought.total, 0), (back, -bought.refunded, bought.refunded if undone else 0)]
        else:
            parts = [(at, value, undone)]
        for moment, counted, gone in parts:
            if moment >= spans.up_from:
                earned, had_earned = earned + counted, had_earned + counted + gone
            if moment >= spans.keep_from and (spans.keep_to is None or moment < spans.keep_to):
                kept, had_kept = kept + counted, had_kept + counted + gone
            undone_any |= gone > 0
    running = [
        (one.step, one.kind)
        for one in person.given
        if one.starts <= 0 < one.ends and (one.ended is None or one.ended > 0)
    ]
    floor, kind = min(running, key=lambda one: (-one[0], one[1]), default=(0, ""))
    is_given = downgrade and person.step > 0 and person.reason in {"manual", "paid"}
    refunded = is_given and any(
        one.refunded and one.step == person.step and one.ended is not None and -one.ended <= person.since_days_ago
        for one in person.given
    )  # fmt: skip
    facts = Facts(
        before=person.step,
        earned=step_for(earned, least),
        kept=step_for(kept, least),
        had=max(step_for(had_earned, least), step_for(had_kept, least)) if undone_any and downgrade else 0,
        floor=floor,
        floor_kind=kind,
        given=is_given,
        refunded=refunded,
        locked=person.locked is not None and person.locked > 0,
        due=is_due(spans, last_run, AT) if program.tier_period != "rolling" else True,
    )
    move: Move | None = decide(facts, downgrade=downgrade, one_step=program.tier_downgrade == "one_step")
    return None if move is None else (move.step, move.reason)


def make(person: Person, number: int, customer, program: Program, tiers: list[Tier], growth: PointType) -> Member:
    since = AT - timedelta(days=person.since_days_ago)
    tier = tiers[person.step - 1] if person.step else None
    member = Member.objects.create(
        program=program,
        customer=customer,
        tier=tier,
        tier_since=since,
        enrolled_at=AT - timedelta(days=person.enrolled_days_ago),
        tier_locked_until=None if person.locked is None else AT + timedelta(days=person.locked),
    )
    account = Account.objects.create(member=member, point_type=growth)
    if tier:
        TierPeriod.objects.create(member=member, tier=tier, reason=person.reason, started_at=since)
    store = Store.objects.get()
    for position, bought in enumerate(person.bought):
        at, back = AT - timedelta(days=bought.days_ago), AT - timedelta(hours=bought.refunded_hours_ago)
        if program.tier_metric == "growth":
            if bought.total:
                Entry.objects.create(account=account, kind="earn", available=bought.total, occurred_at=at)
            if bought.refunded:
                Entry.objects.create(
                    account=account, kind="clawback", available=-bought.refunded, occurred_at=back, created_at=back
                )
            continue
        order = Order.objects.create(
            store=store, number=f"{number}-{position}", customer=customer, currency="CNY", subtotal=bought.total,
            total=bought.total, refunded=bought.refunded, placed_at=at, paid_at=at,
        )  # fmt: skip
        if bought.refunded:
            Refund.objects.create(
                order=order, customer_id=customer.pk, number="r", amount=bought.refunded, refunded_at=back,
                recorded_at=back,
            )  # fmt: skip
    for position, one in enumerate(person.given):
        GivenTier.objects.create(
            member=member,
            program=program,
            tier=tiers[one.step - 1],
            kind=one.kind,
            starts_at=AT + timedelta(days=one.starts),
            ends_at=AT + timedelta(days=max(one.ends, one.starts)),
            ended_at=None if one.ended is None else AT + timedelta(days=one.ended),
            reference=f"{number}-{position}" if one.kind == "paid" else None,
            refunded_at=AT if one.refunded else None,
        )
    return member


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    persons=st.lists(people, min_size=MEMBERS, max_size=MEMBERS),
    metric=st.sampled_from(TierMetric.values),
    period=st.sampled_from(TierPolicy.values),
    down=st.sampled_from(TierDowngrade.values),
    grace=st.sampled_from([0, 7, 69, 70]),
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Pacific/Auckland", "UTC"]),
    run_hours_ago=st.sampled_from([None, 24, 24 * 3, 24 * 100]),
    downgrade=st.booleans(),
)
def test_the_statement_and_the_rules_agree(shop, persons, metric, period, down, grace, zone, run_hours_ago, downgrade):
    program, tiers, growth, customers = shop
    least = (1, 2, 3) if metric == "orders" else (100, 500, 1000)
    with transaction.atomic():
        for tier in tiers:
            Tier.objects.filter(pk=tier.pk).update(threshold=-tier.rank)
        for tier, threshold in zip(tiers, least, strict=True):
            Tier.objects.filter(pk=tier.pk).update(threshold=threshold)
        program.tier_metric, program.tier_period, program.tier_downgrade = metric, period, down
        program.tier_grace_days, program.time_zone = grace, zone
        last_run = None if run_hours_ago is None else AT - timedelta(hours=run_hours_ago)
        if last_run:
            TierRun.objects.create(program=program, ran_at=last_run)
        rows = [
            make(person, number, customers[number], program, tiers, growth) for number, person in enumerate(persons)
        ]
        wanted = [expected(person, program, last_run, downgrade) for person in persons]
        # when
        up, downs = evaluate_tiers(program=program, downgrade=downgrade, at=AT)
        # then
        outcomes = []
        for row, person in zip(rows, persons, strict=True):
            row.refresh_from_db()
            step = row.tier.rank if row.tier else 0
            period_now = TierPeriod.objects.filter(member=row, started_at=AT, ended_at=None).first()
            ended = TierPeriod.objects.filter(member=row, ended_at=AT).exists()
            outcomes.append((step, period_now.reason if period_now else "") if period_now or ended else None)
            if outcomes[-1] is None:
                assert step == person.step
        gone = [want if want is None or want[0] else (0, "") for want in wanted]
        assert outcomes == gone
        moved = [(want[0], person.step) for want, person in zip(wanted, persons, strict=True) if want]
        assert (up, downs) == (sum(a > b for a, b in moved), sum(a < b for a, b in moved))
        changes = DomainEvent.objects.filter(kind="loyalty.tier_changed").order_by("subject_id")
        assert [event.payload["reason"] for event in changes] == [
            want[1] for want, person in zip(wanted, persons, strict=True) if want and want[0] != person.step
        ]
        transaction.set_rollback(True)


steps = st.integers(0, 4)
kinds = st.sampled_from(["manual", "paid"])


@st.composite
def facts(draw):
    """Generate all facts that the other statement can produce, including rare ones."""
    before, floor = draw(steps), draw(steps)
    given = before > 0 and draw(st.booleans())
    return Facts(
        before=before,
        earned=draw(steps),
        kept=draw(steps),
        had=draw(steps),
        floor=floor,
        floor_kind=draw(kinds) if floor else "",
        given=given,
        refunded=given and draw(st.booleans()),
        locked=draw(st.sampled_from([False, False, False, True])),
        due=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(found=st.lists(facts(), min_size=150, max_size=150), downgrade=st.booleans(), one_step=st.booleans())
def test_the_decision_in_sql_equals_the_rules_decision(db, found, downgrade, one_step):
    columns = ("before", "earned", "kept", "had", "floor", "floor_kind", "given", "refunded", "locked", "due")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMP TABLE loyalty_tier_moves ON COMMIT DROP AS
               SELECT n AS member_id, n AS customer_id, now() AS at, NULL::bigint AS before_id, g.*
               FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::int[], %s::text[], %s::bool[], %s::bool[],
                           %s::bool[], %s::bool[]) WITH ORDINALITY
                    AS g(before, earned, kept, had, floor, floor_kind, given, refunded, is_locked, due, n)""",
            [[getattr(one, column) for one in found] for column in columns],
        )
        cursor.execute(
            statement("loyalty.tiers", "changes"), {"downgrade": downgrade, "one_step": one_step, "tiers": [1, 2, 3, 4]}
        )
        cursor.execute("SELECT member_id, coalesce(after_id, 0), reason, up, moved FROM loyalty_tier_changes")
        changes = {row[0]: row[1:] for row in cursor.fetchall()}
        transaction.set_rollback(True)
    wanted = {}
    for number, one in enumerate(found, 1):
        if move := decide(one, downgrade=downgrade, one_step=one_step):
            wanted[number] = (move.step, move.reason, move.step > one.before, move.step != one.before)
    assert changes == wanted
