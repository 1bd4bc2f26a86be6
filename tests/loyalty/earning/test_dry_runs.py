"""Tests of dry runs (T5): a proposed rule over the last days of all members, and on one member's orders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.jobs.models import Job
from core.jobs.services import run_job
from crm.activity.services.activity import ActivityInput, record_activity
from loyalty.earning.models import Earning, EarningRule, EarningRuleVersion, EarningUse
from loyalty.earning.selectors.previews import preview_rule
from loyalty.earning.services.dry_runs import dry_run_rule, start_dry_run
from loyalty.earning.services.rules import new_rule, proposed_version, publish_version
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member, PointType
from loyalty.tiers.models import Tier, TierPeriod
from tests.loyalty.earning.samples import earned, refund

pytestmark = pytest.mark.django_db


def everything() -> list:
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Account, Earning, EarningRule, EarningRuleVersion, EarningUse, Entry, Member)
    ]


@pytest.fixture
def spend(program) -> EarningRule:
    return EarningRule.objects.select_related("program", "point_type").get(code="spend")


def terms(**values) -> dict:
    return {"points": 1, "per_amount": 100, "tier_multiplier": False, **values}


def test_a_dry_run_counts_members_points_and_money_up_and_down(program, spend, make_customer, make_order, settle):
    # given orders of 100.00 and 30.00, one half refunded, and one that is too old
    big, small, old = make_customer("Big"), make_customer("Small"), make_customer("Old")
    first = make_order(big, 100_00, days_ago=3)
    make_order(big, 60_00, days_ago=2)
    make_order(small, 30_00, days_ago=1)
    make_order(old, 500_00, days_ago=40)
    settle()
    refund(first, 50_00)
    settle()
    Member.objects.update(tier=None)
    before = everything()
    # when two points are given for each 1.00, from 50.00 on
    version = proposed_version(
        rule=spend, terms=terms(points=2, conditions=[{"kind": "minimum_amount", "amount": 50_00}])
    )
    figures = dry_run_rule(program=program, version=version, days=30)
    # then the first member had 50 + 60 and would have 100 + 120; the second had 30 and would have nothing
    assert {name: figures[name] for name in figures if name not in {"from", "to", "most"}} == {
        "days": 30, "tier_moves": None, "counted": 3, "members": 2, "members_up": 1, "members_down": 1,
        "points_given": 140, "points_would": 220, "points_up": 110, "points_down": 30, "money_up": 110,
        "money_down": 30, "own": 220, "cut": 0,
    }  # fmt: skip
    assert [(row["name"], row["given"], row["would"]) for row in figures["most"]] == [
        ("Big", 110, 220),
        ("Small", 30, 0),
    ]
    assert everything() == before


def test_a_dry_run_for_growth_value_counts_changes_of_tier(program, make_rule, make_customer, make_order, settle):
    # given tiers by growth value: 1, 501, 2001, 5001 (in hundredths), and one point of it for each 1.00
    from loyalty.growth.services.progress import ensure_growth_type

    program.tier_metric = "growth"
    program.save()
    growth = ensure_growth_type(program)
    rule = make_rule("Growth", point_type=growth, points=1, per_amount=1)
    for name, amount in (("Up", 300_00), ("Down", 100_00), ("Same", 600_00)):
        make_order(make_customer(name), amount, days_ago=3)
    settle()
    tiers = Member.objects.order_by("customer__name").values_list("customer__name", "tier__code")
    assert list(tiers) == [("Down", "bronze"), ("Same", "silver"), ("Up", "bronze")]
    before = everything()
    # when twice as much is given from 200.00 on; and when nothing changed
    twice = terms(points=2, per_amount=1, conditions=[{"kind": "minimum_amount", "amount": 200_00}])
    doubled = dry_run_rule(program=program, version=proposed_version(rule=rule, terms=twice), days=30)
    unchanged = dry_run_rule(
        program=program, version=proposed_version(rule=rule, terms=terms(points=1, per_amount=1)), days=30
    )
    # then
    assert doubled["tier_moves"] == {"up": 1, "down": 1}
    assert unchanged["tier_moves"] == {"up": 0, "down": 0}
    assert everything() == before


def test_a_dry_run_equals_what_the_published_version_gives(
    program, spend, make_customer, make_order, make_rule, settle
):
    # given existing members, because a dry run counts only them
    people = [make_customer() for _ in range(4)]
    for person in people:
        make_order(person, 50, days_ago=25)
    settle()
    make_rule("Best", points=40, per_amount=None, stacking="best")
    make_rule("Double", stacking="multiply", factor="1.5")
    orders = [make_order(people[n % 4], 1_000 * (n + 1) + 7, days_ago=20 - n) for n in range(12)]
    proposed = terms(points=3, stacking="best", caps=[{"period": "ever", "scope": "member", "points": 700}])
    figures = dry_run_rule(program=program, version=proposed_version(rule=spend, terms=proposed), days=22)
    # when
    publish_version(rule=spend, terms=proposed, actor=SYSTEM)
    settle()
    # then
    assert sum(sum(earned(order).values()) for order in orders) == figures["points_would"] > 0
    assert figures["members_up"] == 4
    again = dry_run_rule(program=program, version=proposed_version(rule=spend, terms=proposed), days=22)
    assert (again["points_up"], again["points_down"]) == (0, 0)


def test_a_dry_run_uses_the_tiers_of_that_time(program, spend, make_customer, make_order, settle):
    gold = Tier.objects.get(code="gold")
    customer = make_customer()
    make_order(customer, 2_500_00, days_ago=10)
    settle()
    make_order(customer, 100_00, days_ago=1)
    settle()
    assert Member.objects.get().tier == gold
    TierPeriod.objects.update(started_at=timezone.now() - timedelta(days=5))
    version = proposed_version(rule=spend, terms=terms(conditions=[{"kind": "tier", "tiers": ["gold"]}]))
    figures = dry_run_rule(program=program, version=version, days=30)
    # the first order made the member gold, so it was not paid by a gold member
    assert (figures["counted"], figures["own"]) == (2, 100)


def test_activity_is_included_in_dry_runs(program, member, make_member, settle):
    other = make_member(0)
    Member.objects.update(enrolled_at=timezone.now() - timedelta(days=60))
    items = [
        ActivityInput(
            sender_id=f"e-{number}", kind="check_in", occurred_at=timezone.now() - timedelta(days=days),
            customer_number=who.customer.number,
        )
        for number, (who, days) in enumerate([(member, 5), (member, 4), (member, 3), (other, 3), (member, 50)])
    ]  # fmt: skip
    record_activity(items=items, source="shop", actor=SYSTEM)
    rule = new_rule(
        program=program, point_type=PointType.objects.get(code="points"), name="Row", trigger="activity",
        event_kind="check_in", budget=60,
    )  # fmt: skip
    before = everything()
    for proposed, points in (
        (terms(points=20, per_amount=None), 60),
        (terms(points=50, per_amount=None, streak_days=3), 50),
    ):
        figures = dry_run_rule(program=program, version=proposed_version(rule=rule, terms=proposed), days=30)
        assert (figures["counted"], figures["points_would"], figures["points_given"]) == (4, points, 0)
    assert everything() == before


def test_a_job_runs_the_dry_run_and_stores_figures(program, spend, make_customer, make_order, settle):
    make_order(make_customer(), 100_00)
    settle()
    job = start_dry_run(program=program, rule=spend, values={}, terms=terms(points=2), days=7)
    assert (job.state, job.kind) == ("queued", "loyalty.dry_run")
    run_job(job)
    job.refresh_from_db()
    assert (job.state, job.result["figures"]["points_up"], job.result["figures"]["points_given"]) == ("done", 100, 100)
    assert run_job(job).attempts == 1
    # and a rule that is not saved yet
    kind = PointType.objects.get(code="points")
    values = {"name": "New", "point_type": kind.pk, "trigger": "order", "budget": 30}
    job = start_dry_run(program=program, rule=None, values=values, terms=terms(points=5, per_amount=None), days=7)
    run_job(job)
    job.refresh_from_db()
    assert (job.result["figures"]["own"], job.result["figures"]["points_up"]) == (5, 5)


def test_an_invalid_dry_run_is_refused_and_creates_no_job(program, spend):
    for values in ({"days": 0}, {"days": 366}, {"days": 7, "terms": terms(points=0)}):
        with pytest.raises(Invalid):
            start_dry_run(program=program, rule=spend, values={}, **{"terms": terms(), **values})
    assert Job.objects.count() == 0


def test_a_preview_lists_points_and_reasons_for_each_order(
    program, spend, make_customer, make_order, make_rule, settle
):
    make_rule("Best", points=40, per_amount=None, stacking="best")
    customer = make_customer()
    make_order(customer, 20_00, number="A", days_ago=3, channel="app")
    make_order(customer, 90_00, number="B", days_ago=2, channel="app")
    make_order(customer, 90_00, number="C", days_ago=1, channel="web", category="Tea")
    settle()
    member = Member.objects.select_related("program", "tier").get()
    before = everything()
    version = proposed_version(
        rule=spend,
        terms=terms(
            stacking="best",
            conditions=[
                {"kind": "channel", "channels": ["app"]},
                {"kind": "minimum_amount", "amount": 10_00},
                {"kind": "dates", "first": "2000-01-01", "last": "2099-12-31"},
            ],
            caps=[{"period": "ever", "scope": "member", "points": 80}],
        ),
    )
    rows = preview_rule(member=member, version=version)
    assert [(row.name, row.base, row.points, row.cut, row.refused, row.all_points) for row in rows] == [
        ("C", 90_00, 0, 0, ["the channel is web"], 40),
        ("B", 90_00, 80, 10, [], 80),
        ("A", 20_00, 0, 0, ["another rule gives more"], 40),
    ]
    assert everything() == before


def test_a_preview_of_activity_names_the_activity(program, make_customer, make_rule, settle):
    customer = make_customer()
    member = enrol_member(customer=customer, program=program, actor=SYSTEM)
    Member.objects.update(enrolled_at=timezone.now() - timedelta(days=9))
    rule = make_rule("Review", points=20, per_amount=None, rule={"trigger": "activity", "event_kind": "review"})
    item = ActivityInput(
        sender_id="e-1", kind="review", occurred_at=timezone.now(), customer_number=customer.number, properties={}
    )
    record_activity(items=[item], source="shop", actor=SYSTEM)
    rows = preview_rule(member=member, version=proposed_version(rule=rule, terms=terms(points=30, per_amount=None)))
    assert [(row.name, row.points, row.refused) for row in rows] == [("Reviewed", 30, [])]
