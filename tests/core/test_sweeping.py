"""A failing row never stops a sweep: the others are done, staff see the failed row, and it is retried with back-off."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services import runs as broadcast_runs
from campaigns.coupons.models import CouponUse
from campaigns.coupons.services.coupons import create_coupon
from campaigns.coupons.services.uses import reserve_coupon, sweep_reservations
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import entries as journey_entries
from campaigns.messages.models import Message, MessageState
from campaigns.messages.services.messages import queue_message, reconcile_uncertain
from campaigns.templates.services.templates import Text, save_template
from core.base import clock
from core.base.actor import SYSTEM
from core.jobs import sweeping
from core.jobs.models import Job
from core.jobs.sweeping import Sweep
from crm.customers.models import Customer
from loyalty.growth import tasks as growth_tasks
from loyalty.growth.models import TaskStep
from loyalty.growth.services import progress as growth
from loyalty.ledger import tasks
from loyalty.ledger.models import Hold, Lot
from loyalty.ledger.services.redemption import hold_points
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots
from loyalty.program.models import Program
from loyalty.rewards.services.redemptions import sweep_redemptions
from loyalty.tiers import tasks as tiers_tasks
from loyalty.tiers.models import TierRun
from loyalty.tiers.services import evaluation as tiers
from tests.campaigns.conftest import memory  # noqa: F401
from tests.loyalty.growth.samples import make_old_member, make_task  # noqa: F401
from tests.loyalty.rewards.samples import account_of, make_member, make_reward, redeem  # noqa: F401

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def plant(table: str, column: str, value: object, operation: str = "UPDATE") -> None:
    """Make the database refuse to write one row, until the end of the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE OR REPLACE FUNCTION planted_failure() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'planted'; END $$"""
        )
        cursor.execute(
            f"""CREATE TRIGGER planted_failure BEFORE {operation} ON {table} FOR EACH ROW
                WHEN (NEW.{column} = '{value}') EXECUTE FUNCTION planted_failure()"""
        )


def heal(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER planted_failure ON {table}")


def failures(kind: str) -> list[tuple[str, str, int]]:
    return [(job.label, job.state, job.attempts) for job in Job.objects.filter(kind=kind).order_by("label")]


def wait_over() -> None:
    for job in Job.objects.filter(state="failed"):
        job.result = {"retry_at": (clock.now() - HOUR).isoformat()}
        job.save()


def test_a_failed_row_is_shown_left_out_for_longer_each_time_and_done_when_it_is_mended(db):
    # given
    def fail() -> None:
        raise ValueError("no good")

    # when it fails, three times
    waits = []
    for attempt in range(3):
        Sweep("test.sweep").attempt("row", fail)
        job = Job.objects.get(kind="test.sweep")
        assert (job.label, job.state, job.error, job.attempts) == ("row", "failed", "ValueError: no good", attempt + 1)
        waits.append((sweeping._retry_at(job) - clock.now()).total_seconds())
        assert Sweep("test.sweep").waiting == {"row"}
    # then it waits for 1, 2 and 4 minutes
    assert [round(wait / 60) for wait in waits] == [1, 2, 4]
    # and after a success its job is done
    wait_over()
    assert Sweep("test.sweep").waiting == set()
    assert Sweep("test.sweep").attempt("row", lambda: 5) == 5
    assert failures("test.sweep") == [("row", "done", 3)]


def test_when_all_rows_fail_the_sweep_fails(db, monkeypatch):
    monkeypatch.setattr(sweeping, "MOST_FAILING", 3)

    def fail() -> None:
        raise ValueError("no good")

    sweep = Sweep("test.sweep")
    for row in range(3):
        sweep.attempt(row, fail)
    with pytest.raises(ValueError, match="no good"):
        sweep.attempt(4, fail)
    assert Job.objects.count() == 3


def test_holds(make_member):  # noqa: F811
    # given two expired holds, of which the first can't be ended
    member = make_member(1_000)
    first, second = (
        uuid.UUID(hold_points(account=account_of(member), points=10, key=f"h{n}", actor=SYSTEM)["hold"])
        for n in range(2)
    )
    Hold.objects.filter(pk=first).update(expires_at=timezone.now() - 2 * HOUR)
    Hold.objects.filter(pk=second).update(expires_at=timezone.now() - HOUR)
    plant("loyalty_hold", "id", first)
    # when, then
    assert sweep_holds() == 1
    assert list(Hold.objects.filter(pk__in=[first, second]).order_by("expires_at").values_list("state", flat=True)) == [
        "held",
        "expired",
    ]
    assert failures("loyalty.sweep_holds") == [(str(first), "failed", 1)]
    assert sweep_holds() == 0, "its retry is not due"
    assert failures("loyalty.sweep_holds") == [(str(first), "failed", 1)]
    heal("loyalty_hold")
    wait_over()
    assert sweep_holds() == 1
    assert failures("loyalty.sweep_holds") == [(str(first), "done", 1)]
    assert account_of(member).available == 1_000


def test_lots(make_member):  # noqa: F811
    ann, bob = make_member(100), make_member(100)
    Lot.objects.update(expires_at=timezone.now() - HOUR)
    plant("loyalty_account", "id", account_of(ann).pk)
    assert sweep_lots() == 1
    assert (account_of(ann).available, account_of(bob).available) == (100, 0)
    assert failures("loyalty.sweep_lots") == [(str(account_of(ann).pk), "failed", 1)]


def test_redemptions(make_member, make_reward):  # noqa: F811
    member, gift = make_member(1_000), make_reward("gift", 100)
    first, second = (redeem(member, gift, key=f"k{n}") for n in range(2))
    Hold.objects.update(expires_at=timezone.now() - HOUR)
    plant("loyalty_rewardredemption", "id", first.pk)
    assert sweep_redemptions() == (1, 0)
    second.refresh_from_db()
    assert second.state == "failed"
    assert failures("loyalty.sweep_redemptions") == [(str(first.pk), "failed", 1)]


def test_reservations(store):
    create_coupon(name="S", kind="amount", value=100, mode="public", code="SALE", actor=SYSTEM)
    uses = [
        reserve_coupon(
            code="SALE", customer=Customer.objects.create(name=f"C{n}"), cart_amount=1_000, currency="CNY",
            key=f"k{n}", actor=SYSTEM,
        )["reservation"]
        for n in range(3)
    ]  # fmt: skip
    for place, use in enumerate(uses):
        CouponUse.objects.filter(pk=use).update(expires_at=timezone.now() - (3 - place) * HOUR)
    plant("campaigns_couponuse", "id", uses[0])
    assert sweep_reservations(chunk=1) == 2
    assert set(CouponUse.objects.filter(state="released").values_list("pk", flat=True)) == set(map(uuid.UUID, uses[1:]))
    assert failures("campaigns.sweep_reservations") == [(uses[0], "failed", 1)]


def test_tiers(make_member, program):  # noqa: F811
    members = [make_member(0) for _ in range(5)]
    # All counters are wrong, so that each row is written.
    for member in members:
        member.qualifying = 7
        member.save(update_fields=["qualifying"])
    plant("loyalty_member", "id", members[2].pk)
    tiers.evaluate_tiers(program=program, downgrade=True)
    for member in members:
        member.refresh_from_db()
    assert [member.qualifying for member in members] == [0, 0, 7, 0, 0]
    assert failures("loyalty.end_tier_periods.member") == [(str(members[2].pk), "failed", 1)]
    assert TierRun.objects.filter(program=program).count() == 1


def test_tasks_of_members(make_old_member, make_task, make_order, program):  # noqa: F811
    members = [make_old_member() for _ in range(3)]
    make_task("order", 1)
    for member in members:
        make_order(member.customer, 10_000)
    plant("loyalty_taskprogress", "member_id", members[0].pk, "INSERT")
    growth.advance_all(program=program)
    assert set(TaskStep.objects.values_list("progress__member", flat=True)) == {members[1].pk, members[2].pk}
    assert failures("loyalty.advance_tasks.customer") == [(str(members[0].customer_id), "failed", 1)]


@pytest.mark.parametrize(
    ("task", "service"),
    [
        (tasks.take_snapshots, "loyalty.ledger.services.snapshots.take_snapshot"),
        (tasks.announce_expiries, "loyalty.ledger.services.expiry_notices.announce_expiries"),
        (tiers_tasks.end_tier_periods, "loyalty.tiers.services.evaluation.evaluate_tiers"),
        (growth_tasks.advance_tasks, "loyalty.growth.services.progress.advance_all"),
    ],
)
def test_one_program_does_not_stop_the_others(program, monkeypatch, task, service):
    second = Program.objects.create(name="Second", currency="CNY", time_zone="UTC", is_default=False)
    done = []

    def work(*, program, **_values):
        if program.pk != second.pk:
            raise DatabaseError("planted")
        done.append(program.pk)
        return 1

    monkeypatch.setattr(service, work)
    task()
    assert done == [second.pk]
    assert failures(task.name) == [(str(program), "failed", 1)]


def test_stopped_broadcasts(store, monkeypatch):
    bodies = {"first": broadcast("first"), "second": broadcast("second")}
    drop = broadcast_runs.drop_rest

    def work(*, broadcast_id):
        if broadcast_id == bodies["first"].pk:
            raise DatabaseError("planted")
        return drop(broadcast_id=broadcast_id)

    monkeypatch.setattr(broadcast_runs, "drop_rest", work)
    broadcast_runs.run_broadcasts()
    for row in bodies.values():
        row.refresh_from_db()
    assert (bodies["first"].finished_at, bodies["second"].finished_at is None) == (None, False)
    assert failures("campaigns.run_broadcasts") == [(str(bodies["first"].pk), "failed", 1)]


def broadcast(name: str) -> Broadcast:
    template = save_template(name=name, channel="inbox", texts=[Text("en", "Hello", "Hi")], actor=SYSTEM)
    segment = create_segment(name=name, rule={"op": "and", "children": []}, actor=SYSTEM)
    return Broadcast.objects.create(
        name=name,
        template=template,
        template_version=1,
        segment=segment,
        state=BroadcastState.STOPPED,
        starts_at=timezone.now(),
    )


def test_messages_whose_provider_can_not_tell(make_customer, memory):  # noqa: F811
    template = save_template(name="In", channel="inbox", texts=[Text("en", "Hello", "Hi")], actor=SYSTEM)
    rows = [queue_message(customer=make_customer(), template=template, origin="test", occurrence="1") for _ in range(2)]
    for place, row in enumerate(rows):
        Message.objects.filter(pk=row.pk).update(
            state=MessageState.UNCERTAIN, channel="memory", provider_id=f"p{place}",
            decided_at=timezone.now() - (2 - place) * HOUR,
        )  # fmt: skip
    memory.known.add("p1")
    find = memory.find
    memory.find = lambda provider_id: 1 / 0 if provider_id == "p0" else find(provider_id)
    assert reconcile_uncertain() == 1
    assert [Message.objects.get(pk=row.pk).state for row in rows] == ["uncertain", "sent"]
    assert failures("campaigns.reconcile_messages") == [(str(rows[0].pk), "failed", 1)]


def test_stopped_journeys_do_not_keep_others_from_entering(store, monkeypatch):
    monkeypatch.setattr(journey_engine, "end_stopped", lambda: 1 / 0)
    assert journey_entries.enter_due() == {}
    assert failures("campaigns.end_stopped_journeys") == [("all", "failed", 1)]
