"""T5: the dry run of tiers, worth and expiry shows what saving does, and nothing is saved without it."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from loyalty.ledger.models import Lot
from loyalty.ledger.selectors import figures
from loyalty.ledger.services.sweeps import sweep_lots
from loyalty.program.models import Member, Program
from loyalty.tiers.models import Tier, TierPeriod
from loyalty.tiers.services import dry_runs
from loyalty.tiers.services.evaluation import evaluate_tiers

pytestmark = pytest.mark.django_db
MEMBERS = 16


def tier(code: str) -> Tier:
    return Tier.objects.get(code=code)


def finished(**plan) -> Job:
    job = dry_runs.start(**plan)
    run_job(job)
    job.refresh_from_db()
    return job


def standings() -> list[tuple]:
    return list(Member.objects.order_by("pk").values_list("pk", "tier", "qualifying"))


@pytest.fixture
def members(program, make_customer, make_order, settle):
    """Some members with purchases from 0 to 7,000 yuan in the last year and a half, evaluated once."""
    draw = random.Random(11)
    for _place in range(MEMBERS):
        customer = make_customer()
        for _order in range(draw.randint(1, 2)):
            make_order(customer, draw.choice([100, 40_000, 90_000, 260_000]), days_ago=draw.randint(1, 500))
    settle()
    Member.objects.update(enrolled_at=timezone.now() - timedelta(days=900))
    evaluate_tiers(program=program, downgrade=True)
    return Member.objects.all()


PROPOSALS = [
    ("tier", {"threshold": 100_000}, "silver"),
    ("tier", {"threshold": 20_000}, "silver"),
    ("tier", {"threshold": 10**9}, "bronze"),
    (
        "tier",
        {"name": "Ruby", "rank": 5, "threshold": 300_000, "multiplier": 1, "paid_price": None, "paid_days": 30},
        "",
    ),
    ("policy", {"tier_window_days": 90}, ""),
    ("policy", {"tier_window_days": 3000}, ""),
    ("policy", {"tier_metric": "orders"}, ""),
    ("policy", {"tier_period": "calendar_year"}, ""),
    ("policy", {"tier_window_days": 60, "tier_downgrade": "one_step"}, ""),
    ("policy", {"tier_window_days": 60, "tier_grace_days": 100}, ""),
]


def test_the_dry_run_shows_what_the_next_evaluation_does(program, members):
    moved = [0, 0]
    for what, values, code in PROPOSALS:
        with transaction.atomic():
            # given a proposal that was run dry
            before = standings()
            job = finished(program=program, what=what, values=values, tier=tier(code) if code else None)
            shown = job.result["figures"]
            assert standings() == before, "a dry run changes nothing"
            # when it is saved and the next evaluation runs
            dry_runs.apply(job=job, actor=SYSTEM)
            up, down = evaluate_tiers(program=Program.objects.get(pk=program.pk), downgrade=True)
            # then exactly the shown numbers of members move
            assert (shown["up"], shown["down"]) == (up, down), values
            assert (shown["members"], shown["up_anyway"], shown["down_anyway"]) == (MEMBERS, 0, 0)
            moved[0] += up
            moved[1] += down
            transaction.set_rollback(True)
    assert min(moved) > 5, "the proposals move members in both directions"


def test_members_are_counted_in_chunks(program, members, monkeypatch):
    plan = {"program": program, "what": "policy", "values": {"tier_window_days": 60}}
    whole = finished(**plan).result["figures"]
    monkeypatch.setattr(dry_runs, "CHUNK", 4)
    parts = finished(**plan).result["figures"]
    assert (parts["up"], parts["down"], parts["members"]) == (whole["up"], whole["down"], MEMBERS)


def test_another_worth_changes_the_liability_as_shown(program, make_customer, make_order, settle):
    # given 300 points that are worth 3 yuan
    make_order(make_customer(), 300_00)
    settle()
    assert figures.liability(program).worth == 300
    # when 100 points are to be worth 2.50 yuan
    job = finished(program=program, what="program", values={"redeem_amount": 250})
    shown = job.result["figures"]
    assert (shown["points"], shown["worth_before"], shown["worth_after"]) == (300, 300, 750)
    assert figures.liability(Program.objects.get()).worth == 300, "nothing is saved yet"
    # then saving has that effect
    dry_runs.apply(job=job, actor=SYSTEM)
    assert figures.liability(Program.objects.get()).worth == 750


def test_a_shorter_expiry_leaves_the_points_that_members_hold(program, make_customer, make_order, settle):
    # given points that became available 100 days ago and never expire
    make_order(make_customer(), 300_00, days_ago=100)
    settle()
    Lot.objects.update(available_from=timezone.now() - timedelta(days=100), confirmed_at=timezone.now())
    # when points are to live 30 days
    job = finished(program=program, what="program", values={"expiry_policy": "rolling", "expiry_count": 30})
    shown = job.result["figures"]
    # then the dry run says that none expires, and what a rule from the start would have taken
    assert (shown["expire_now"], shown["expiry_changed"]) == (0, True)
    assert (shown["strict_points"], shown["strict_members"]) == (300, 1)
    dry_runs.apply(job=job, actor=SYSTEM)
    sweep_lots()
    assert list(Lot.objects.values_list("remaining", "expires_at")) == [(300, None)]


def test_a_change_is_refused_before_its_dry_run_has_finished(program):
    job = dry_runs.start(program=program, what="program", values={"redeem_amount": 250})
    with pytest.raises(Conflict) as refused:
        dry_runs.apply(job=job, actor=SYSTEM)
    assert refused.value.code == "not_finished"
    assert Program.objects.get().redeem_amount == program.redeem_amount


def test_an_outdated_dry_run_is_refused(program):
    # given a dry run, and a change by another person since then
    job = finished(program=program, what="program", values={"redeem_amount": 250})
    Tier.objects.filter(code="gold").update(threshold=123_456)
    # when it is applied
    with pytest.raises(Conflict) as refused:
        dry_runs.apply(job=job, actor=SYSTEM)
    # then nothing is saved
    assert refused.value.code == "dry_run_outdated"
    assert Program.objects.get().redeem_amount == program.redeem_amount


def test_an_old_dry_run_is_refused(program):
    job = finished(program=program, what="program", values={"redeem_amount": 250})
    Job.objects.update(finished_at=timezone.now() - timedelta(hours=25))
    job.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        dry_runs.apply(job=job, actor=SYSTEM)
    assert refused.value.code == "dry_run_outdated"


def test_what_the_service_refuses_is_refused_before_the_dry_run(program):
    for what, values, code in (
        ("tier", {"rank": 4}, "taken"),
        ("program", {"redeem_points": 0}, "invalid"),
        ("program", {"expiry_policy": "rolling", "expiry_count": 0}, "invalid"),
        ("policy", {"tier_period": "moon"}, "invalid_choice"),
    ):
        with pytest.raises(Invalid) as refused:
            dry_runs.start(program=program, what=what, values=values, tier=tier("silver") if what == "tier" else None)
        assert refused.value.code == code
    assert not Job.objects.exists()
    assert tier("silver").rank == 2


FORM = {
    "name": "Club", "points_name": "Beans", "time_zone": "Asia/Shanghai", "auto_enrol": "on", "redeem_points": "100",
    "redeem_amount": "1.00", "redeem_minimum": "1", "redeem_share_percent": "50", "rounding": "floor",
    "return_window_days": "7", "expiry_policy": "never", "expiry_count": "0", "expiry_notice_days": "30",
    "reinstatement_days": "30", "transfer_daily_points": "0", "transfer_daily_count": "5",
}  # fmt: skip


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


def test_names_and_limits_are_saved_at_once(marketer, program):
    answer = marketer.post(reverse("loyalty_program"), FORM)
    assert answer.url == reverse("loyalty_program")
    program.refresh_from_db()
    assert (program.name, program.redeem_share_percent, program.return_window_days) == ("Club", 50, 7)
    assert program.point_types.get(spendable=True).name == "Beans"
    assert not Job.objects.exists()


def test_the_form_can_not_save_a_worth_without_its_dry_run(marketer, program):
    # when the form is sent with another worth
    answer = marketer.post(reverse("loyalty_program"), {**FORM, "redeem_amount": "2.00"})
    # then nothing is saved, not even the name
    job = Job.objects.get()
    assert answer.url == reverse("loyalty_dry_run", args=[job.pk])
    program.refresh_from_db()
    assert (program.redeem_amount, program.name) == (100, "Test Shop Club")
    marketer.post(reverse("loyalty_dry_run_apply", args=[job.pk]))
    program.refresh_from_db()
    assert program.redeem_amount == 100
    # and it is saved after the dry run, with the numbers named
    run_job(job)
    page = marketer.get(reverse("loyalty_dry_run", args=[job.pk])).content.decode()
    assert "0 members move up and 0 members move down with the next evaluation." in page
    marketer.post(reverse("loyalty_dry_run_apply", args=[job.pk]))
    program.refresh_from_db()
    assert (program.redeem_amount, program.name) == (200, "Club")


def test_a_dry_run_of_tiers_writes_no_tier_period(program, members):
    before = TierPeriod.objects.count()
    finished(program=program, what="policy", values={"tier_window_days": 60})
    assert TierPeriod.objects.count() == before
