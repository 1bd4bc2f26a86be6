"""Test that imported orders have as much effect as the import allows, and history has none unless allowed (I3)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from analytics.features.models import CustomerFeature, RfmModel
from analytics.features.services import features
from analytics.segments.models import SegmentMembership
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from campaigns.care.models import CareRule
from campaigns.care.services import runs as care_runs
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.journeys.models import Journey, JourneyRun
from campaigns.journeys.services import entries as journey_entries
from campaigns.journeys.services.entries import enter_due
from campaigns.journeys.services.journeys import create_journey, publish_journey
from campaigns.messages.models import Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events.models import DomainEvent
from core.jobs.services import run_job
from core.webhooks import registry as webhooks
from core.webhooks.models import WebhookDelivery, WebhookEndpoint
from core.webhooks.registry import PUBLIC
from crm.customers.models import Customer
from crm.imports.models import ImportRun
from crm.imports.services import running as imports_running
from crm.orders.models import Order
from loyalty.ledger.models import Account
from loyalty.program.models import Member
from loyalty.tiers.models import BenefitGrant, TierPeriod
from loyalty.tiers.services.benefits import create_benefit, deliver_benefits
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db
STEPS = [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}]


def orders_file(*orders: tuple[str, int, int]) -> str:
    """Return a file with one order for each (customer, days ago, amount in whole units)."""
    rows = ["number,placed_at,storefront,sku,quantity,unit_price"]
    for place, (customer, days, amount) in enumerate(orders, 1):
        at = timezone.now() - timedelta(days=days, hours=1)
        rows.append(f"H{place},{at:%Y-%m-%dT%H:%M:%S}Z,{customer},TEA,1,{amount}")
    return "\n".join(rows) + "\n"


@pytest.fixture
def listening_shop(program, make_customer, make_order, make_coupon, settle):
    """Create a shop in which everything that can react to an order is active, and one known customer with an old order."""
    policy()
    regular = make_customer("Regular")
    make_order(regular, 10_00, number="OLD", days_ago=300)
    settle()
    buyers = segments.create_segment(
        name="Buyers of 100", actor=SYSTEM,
        rule={"op": "and", "children": [{"condition": "net_spend", "operator": "gte", "value": 100_00}]},
    )  # fmt: skip
    features.refresh_everything()
    segment_runs.compute_segments()
    RfmModel.objects.all().delete()
    settle()
    template = save_template(name="Hello", channel="inbox", texts=[Text("en", "Hello", "Hi")], actor=SYSTEM)
    for trigger, fields in (
        ("after_purchase", {"days": 0}),
        ("no_order", {"days": 30}),
        ("segment_entered", {"segment": buyers}),
    ):
        rule = create_care_rule(name=trigger, trigger=trigger, template=template, actor=SYSTEM, **fields)
        activate_care_rule(rule=rule, actor=SYSTEM)
    CareRule.objects.update(activated_at=timezone.now() - timedelta(hours=2), last_run_at=None)
    for entry in (
        {"kind": "event", "event": "crm.order_paid"},
        {"kind": "event", "event": "loyalty.tier_changed"},
        {"kind": "segment", "segment": buyers.pk},
    ):
        made = create_journey(name=str(entry), draft={"entry": entry, "steps": STEPS}, actor=SYSTEM)
        publish_journey(journey=made, actor=SYSTEM)
    Journey.objects.update(started_at=timezone.now() - timedelta(hours=2), members_after=None)
    WebhookEndpoint.objects.create(
        url="https://shop.example/hook", secret="whsec_x", event_types=sorted(PUBLIC.names())
    )
    create_benefit(
        tier=program.tiers.get(code="gold"),
        kind="coupon_on_entry",
        settings={"coupon": str(make_coupon().pk)},
        actor=SYSTEM,
    )
    for kept in (webhooks, journey_entries.wanted_kinds, care_runs.active_triggers):
        kept.forget()
    Message.objects.all().delete()
    return buyers


@pytest.fixture
def bring(store, tmp_path: Path):
    def run(content: str, **given) -> ImportRun:
        path = tmp_path / f"{ImportRun.objects.count()}.csv"
        path.write_text(content)
        made = imports_running.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM, **given)
        return imports_running.run_import(run=made)

    return run


def after(run: ImportRun, settle) -> None:
    """Run all later work of workers and the schedule."""
    settle()
    segment_runs.refresh_changed()
    run_job(run.following)
    settle()
    care_runs.run_care_rules()
    enter_due()
    deliver_benefits()
    settle()


def reactions() -> dict[str, int]:
    new = Customer.objects.exclude(name="Regular")
    return {
        "messages": Message.objects.filter(customer__in=new).count(),
        "journeys": JourneyRun.objects.filter(customer__in=new).count(),
        "gifts": BenefitGrant.objects.count(),
        "webhooks": WebhookDelivery.objects.count(),
        "points": sum(account.balance for account in Account.objects.filter(member__customer__in=new)),
    }


NOTHING = {"messages": 0, "gifts": 0, "journeys": 0, "webhooks": 0, "points": 0}
FEBRUARY = (("ann", 60, 2500), ("ben", 90, 40))


def tiers() -> dict[str, str]:
    rows = Member.objects.exclude(customer__name="Regular").values_list(
        "customer__identities__kind", "tier__code", "qualifying"
    )
    return {f"{qualifying}": code for _kind, code, qualifying in rows}


@pytest.mark.parametrize("mode", ["auto", "remember"])
def test_history_is_stored_and_counts_for_tiers_and_figures(mode, listening_shop, bring, settle):
    # when an import brings orders of two and three months ago
    run = bring(orders_file(*FEBRUARY), mode=mode)
    after(run, settle)
    # then no messages are sent, and no points are given
    assert reactions() == NOTHING
    # and tiers, figures, scores and segments are as if the orders had been here all along
    assert tiers() == {"250000": "gold", "4000": "bronze"}
    assert set(TierPeriod.objects.filter(member__qualifying__gte=4000).values_list("reason", flat=True)) == {"imported"}
    rows = CustomerFeature.objects.filter(net_spend__in=[250_000, 4_000]).order_by("net_spend")
    assert [(row.order_count, row.is_member, row.stage, row.rfm_r is not None) for row in rows] == [
        (1, True, "at_risk", True), (1, True, "active", True),
    ]  # fmt: skip
    assert SegmentMembership.objects.filter(segment=listening_shop, left_at=None).count() == 1
    # and it stays history: neither the night nor the next order of the same customer changes that
    refreshed = DomainEvent.objects.filter(
        kind="loyalty.tier_changed", subject_id__in=Customer.objects.exclude(name="Regular").values("pk")
    )
    assert {event.effect for event in refreshed} == {1}


def test_silent_gives_points_and_tiers_and_sends_nothing(listening_shop, bring, settle):
    run = bring(orders_file(*FEBRUARY), mode="silent")
    after(run, settle)
    # 1 point a unit; gold and bronze count from the next order on
    assert reactions() == {**NOTHING, "points": 2540}
    assert tiers() == {"250000": "gold", "4000": "bronze"}


def test_live_orders_act_as_if_they_happened_now(listening_shop, bring, settle):
    run = bring(orders_file(*FEBRUARY), mode="live")
    after(run, settle)
    found = reactions()
    assert (found["points"], found["gifts"]) == (2540, 1), "reaching gold gives what it gives"
    # after the purchase for both, entering the segment for one, a lapse for both
    kinds = Message.objects.exclude(customer__name="Regular").values_list("origin", flat=True)
    rules = {f"care:{rule.pk}": rule.trigger for rule in CareRule.objects.all()}
    assert sorted(rules[origin] for origin in kinds) == [
        "after_purchase", "after_purchase", "no_order", "no_order", "segment_entered",
    ]  # fmt: skip
    # orders and tiers of both, the segment of one
    assert found["journeys"] == 5
    assert found["webhooks"] > 0


def test_one_file_has_both_sides_by_the_date_of_each_order(listening_shop, bring, settle):
    # given an order of yesterday beside those of February
    run = bring(orders_file(*FEBRUARY, ("cat", 1, 300)))
    assert list(Order.objects.filter(import_run=run).order_by("number").values_list("number", "effect")) == [
        ("H1", "remember"), ("H2", "remember"), ("H3", "live"),
    ]  # fmt: skip
    Journey.objects.update(started_at=timezone.now() - timedelta(days=2))
    CareRule.objects.update(activated_at=timezone.now() - timedelta(days=2))
    after(run, settle)
    # then only yesterday's buyer gets messages and journeys
    cat = Customer.objects.get(orders__number="H3")
    assert set(Message.objects.exclude(customer__name="Regular").values_list("customer_id", flat=True)) == {cat.pk}
    assert set(JourneyRun.objects.exclude(customer__name="Regular").values_list("customer_id", flat=True)) == {cat.pk}
    assert reactions()["points"] == 300
    assert tiers() == {"250000": "gold", "4000": "bronze", "30000": "bronze"}


def test_the_check_page_says_how_many_orders_are_on_which_side(listening_shop, bring, store, tmp_path):
    path = tmp_path / "sides.csv"
    path.write_text(orders_file(*FEBRUARY, ("cat", 1, 300)))
    made = imports_running.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM)
    assert imports_running.sides_of(made) == imports_running.Sides(older=2, recent=1, whole=True)
    assert imports_running.sides_of(made, rows=2).whole is False
    assert not Order.objects.filter(source="shop").exists()


def test_an_unknown_mode_is_refused(store, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(orders_file(*FEBRUARY))
    with pytest.raises(Invalid) as refused:
        imports_running.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM, mode="loud")
    assert (refused.value.code, refused.value.field) == ("invalid_choice", "mode")
    assert not ImportRun.objects.exists()


def test_the_command_ends_with_figures_that_are_current(program, tmp_path, capsys):
    path = tmp_path / "orders.csv"
    path.write_text(orders_file(*[(f"c{place}", 10 * place, 100 * place) for place in range(1, 11)]))
    call_command("import_csv", str(path), kind="orders", source="shop")
    said = capsys.readouterr().out
    assert "Figures, scores and segments: up to date" in said
    model = RfmModel.objects.get()
    assert (model.customer_count, model.money_cuts) == (10, [20_000, 40_000, 60_000, 80_000])
    assert sorted(CustomerFeature.objects.values_list("rfm_m", "rfm_r")) == [
        (1, 5), (1, 5), (2, 4), (2, 4), (3, 3), (3, 3), (4, 2), (4, 2), (5, 1), (5, 1),
    ]  # fmt: skip
    job = ImportRun.objects.get().following
    assert (job.state, job.result["steps"]) == ("done", ["events", "analytics.figures"])
