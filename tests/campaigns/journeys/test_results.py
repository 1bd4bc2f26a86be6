"""Test the results of journeys: counts, the effect beside the holdout, messages by step, costs, and their customers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from analytics.segments.models import CustomerSegments, Segment
from campaigns.coupons.models import CouponCode, CouponUse
from campaigns.experiments.models import Exposure
from campaigns.experiments.services.experiments import Arm, create_experiment, start_experiment
from campaigns.journeys.console.results import sentences
from campaigns.journeys.models import JourneyRun
from campaigns.journeys.selectors import people, results
from campaigns.journeys.selectors.people import RunFilter
from campaigns.journeys.services.entries import enter_by_call, enter_members
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from core.console import kept
from core.security.roles import Role
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.models import Consent, Customer
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Program
from tests.campaigns.conftest import policy
from tests.campaigns.experiments.test_holdouts import buy, withdraw
from tests.campaigns.journeys.conftest import go, pass_time

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
WAIT = [{"id": "s1", "kind": "wait", "amount": 60, "unit": "days"}]
ORDER = {"event": "crm.order_paid", "where": []}
WINDOW = {"goal": ORDER, "holdout": 20, "window_days": 7}


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def let_in(now):
    """Create customers with a first run of the journey that began that many days ago."""
    made = 0

    def make(journey, count: int, *, held: bool = False, days_ago: float = 10) -> list[Customer]:
        nonlocal made
        rows = Customer.objects.bulk_create(
            Customer(name="P", number=f"J{made + n}", source="test") for n in range(count)
        )
        made += count
        JourneyRun.objects.bulk_create(
            JourneyRun(
                journey=journey, version=journey.version, customer=person, cause="test", step="s1",
                state="held_out" if held else "active", entered_at=now - timedelta(days=days_ago),
            )
            for person in rows
        )  # fmt: skip
        return rows

    return make


def listed(journey, **wanted) -> int:
    return people.runs(journey, RunFilter(**wanted)).count()


def test_the_effect_of_400_entered_beside_100_held_out_has_its_interval(store, make_journey, let_in, now):
    """80 of 400 ordered for 50.00 and 8 withdrew; 10 of 100 held out ordered.

    Half of the interval: 1.959964·sqrt(0.160401/400 + 0.090909/100) = 0.070941, as in the test of broadcasts.
    """
    journey = make_journey(WAIT, **WINDOW)
    entered, held = let_in(journey, 400), let_in(journey, 100, held=True)
    let_in(journey, 3, days_ago=2)
    buy(store, entered[:80], now - timedelta(days=8))
    # Before the entry, and after the window: neither counts.
    buy(store, entered[100:150], now - timedelta(days=11))
    buy(store, entered[150:180], now - timedelta(days=2))
    buy(store, held[:10], now - timedelta(days=8))
    withdraw(entered[:8], now - timedelta(days=9))
    effect = results.effect_of_journey(journey, now=now)
    assert (effect.entered.counted, effect.held_out.counted, effect.waiting, effect.days) == (400, 100, 3, 7)
    totals = {metric: effect.entered.total(metric) for metric in effect.metrics}
    assert totals == {"goal": 80, "ordered": 80, "orders": 80, "revenue": 4000_00, "left": 8}
    totals = {metric: effect.held_out.total(metric) for metric in effect.metrics}
    assert totals == {"goal": 10, "ordered": 10, "orders": 10, "revenue": 500_00, "left": 0}
    for metric in ("goal", "ordered"):
        one = effect.effects[metric]
        assert [round(value, 5) for value in (one.difference, one.low, one.high)] == [0.1, 0.02906, 0.17094]
    revenue = effect.effects["revenue"]
    assert [round(value, 1) for value in (revenue.difference, revenue.low, revenue.high)] == [500, 145.3, 854.7]
    with translation.override("en"):
        assert sentences(effect) == [
            "Per 100 customers who entered, 2.9 to 17.1 more reached the goal than without the journey.",
            "Each of them spent ¥1.45 to ¥8.55 more.",
        ]
    # Each figure opens the customers that it counts.
    assert listed(journey, figure="measured") == 400
    assert listed(journey, figure="measured_held_out") == 100
    assert listed(journey, figure="measured", did="goal") == 80
    assert listed(journey, figure="measured_held_out", did="ordered") == 10
    assert listed(journey, figure="measured", did="left") == 8


def test_the_list_shows_the_kept_effect_with_its_interval(client, staff, store, make_journey, let_in, now):
    # given a journey with 400 entered and 100 held out, one with too few, and one without a holdout
    journey, early = make_journey(WAIT, **WINDOW), make_journey(WAIT, **WINDOW)
    make_journey(WAIT)
    for one in (journey, early):
        type(one).objects.filter(pk=one.pk).update(started_at=now - timedelta(days=20))
    entered, held = let_in(journey, 400), let_in(journey, 100, held=True)
    let_in(early, 9)
    let_in(early, 4, held=True)
    buy(store, entered[:80], now - timedelta(days=8))
    buy(store, held[:10], now - timedelta(days=8))
    client.force_login(staff(Role.MARKETER))

    def effects() -> dict[int, tuple[str, str]]:
        page = client.get(reverse("journeys"))
        place = [str(head.label) for head in page.context["list"].heads].index("Effect on orders")
        return {row.row.item.pk: " ".join(row.cells[place].html.split()) for row in page.context["list"].rows}

    # when nothing is counted yet, then there is no effect; the request does not count it
    assert all("–" in html for html in effects().values())
    # when the task has counted, then the list shows the difference, its interval, and how many are missing
    assert kept.keep(["campaigns.journey_effects"]) == []
    shown = effects()
    assert shown[journey.pk] == '<span class="text-good">+10 pp</span><span class="sub">+2.91 to +17.09</span>'
    assert "too early" in shown[early.pk]
    assert "smaller group: 4 of 100" in shown[early.pk]
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("journeys"))
    assert [query["sql"] for query in queries if "held_out" in query["sql"] and "crm_order" in query["sql"]] == []


def test_refunds_and_other_goals_count_by_the_journeys_own_conditions(store, make_journey, let_in, now):
    goal = {"event": "crm.order_paid", "where": [{"field": "amount", "operator": "gte", "value": "6000"}]}
    journey = make_journey(WAIT, goal=goal, holdout=20, window_days=7)
    entered, held = let_in(journey, 5), let_in(journey, 5, held=True)
    at = now - timedelta(days=8)
    buy(store, entered[:2], at, amount=60_00, refunded=20_00)
    buy(store, entered[2:3], at, amount=50_00)
    buy(store, held[:1], at, amount=60_00, refunded=60_00)
    effect = results.effect_of_journey(journey, now=now)
    assert (effect.entered.total("goal"), effect.entered.total("orders"), effect.entered.total("revenue")) == (
        2,
        3,
        130_00,
    )
    assert (effect.held_out.total("goal"), effect.held_out.total("revenue")) == (0, 0)
    with translation.override("en"):
        assert sentences(effect) == [
            "Not enough data: the smaller group has 5 customers whose measurement window is over, and it needs 100."
        ]


def test_an_activity_goal_counts_for_held_out_customers_too(store, make_journey, make_customer, let_in, now):
    goal = {"event": "activity:review", "where": [{"field": "stars", "operator": "eq", "value": "5"}]}
    journey = make_journey(WAIT, entry={"kind": "api"}, goal=None, holdout=20, window_days=7)
    journey.version.definition["goal"] = goal
    journey.definition["goal"] = goal
    entered, held = let_in(journey, 2), let_in(journey, 2, held=True)
    for customer, stars, days in ((entered[0], 5, 8), (entered[1], 4, 8), (held[0], 5, 8), (held[1], 5, 2)):
        item = ActivityInput(
            f"e{customer.pk}", "review", now - timedelta(days=days), customer_number=customer.number,
            properties={"stars": stars},
        )  # fmt: skip
        record_activity(items=[item], source="test", actor=SYSTEM)
    effect = results.effect_of_journey(journey, now=now)
    assert (effect.entered.total("goal"), effect.held_out.total("goal")) == (1, 1)


def test_customers_of_the_global_holdout_are_in_neither_group(store, make_journey, let_in, now):
    journey = make_journey(WAIT, **WINDOW)
    entered, held = let_in(journey, 60), let_in(journey, 60, held=True)
    arms = [Arm("No marketing"), Arm("All others")]
    shop = start_experiment(
        experiment=create_experiment(
            actor=SYSTEM, name="Global", scope="everything", effect=1, metric="orders", arms=arms
        ),
        actor=SYSTEM,
    )
    type(shop).objects.filter(pk=shop.pk).update(started_at=now - timedelta(days=30))
    out, others = shop.arms.all()
    # A stored arm decides; the others are in the arm that they would get.
    Exposure.objects.create(experiment=shop, customer=entered[0], arm=out, origin="care:1")
    Exposure.objects.create(experiment=shop, customer=entered[1], arm=others, origin="care:1")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, campaigns_share(%s, id) >= 5000 FROM unnest(%s::bigint[]) AS id",
            [shop.salt, [person.pk for person in entered + held]],
        )
        stays = {**dict(cursor.fetchall()), entered[0].pk: False, entered[1].pk: True}
    effect = results.effect_of_journey(journey, now=now)
    assert effect.entered.counted == sum(stays[person.pk] for person in entered)
    assert effect.held_out.counted == sum(stays[person.pk] for person in held)
    # A holdout that began after the entry excludes no customer.
    type(shop).objects.filter(pk=shop.pk).update(started_at=now)
    assert results.effect_of_journey(journey, now=now).counted == 120


def test_only_customers_who_came_while_there_was_a_holdout_are_compared(store, make_journey, let_in, now):
    journey = make_journey(WAIT, **WINDOW)
    let_in(journey, 5, days_ago=20)
    let_in(journey, 4, days_ago=15)
    let_in(journey, 2, held=True, days_ago=15)
    let_in(journey, 3, days_ago=10)
    effect = results.effect_of_journey(journey, now=now)
    assert (effect.entered.counted, effect.held_out.counted) == (7, 2)
    # Without a holdout from now on, later entries have no counterpart.
    journey.version.definition["holdout"] = 0
    assert results.effect_of_journey(journey, now=now).entered.counted == 4


def test_a_journey_without_a_holdout_shows_orders_and_no_effect(store, make_journey, let_in, now):
    journey = make_journey(WAIT, window_days=7)
    entered = let_in(journey, 3)
    buy(store, entered[:1], now - timedelta(days=9))
    effect = results.effect_of_journey(journey, now=now)
    assert (effect.held_out, effect.entered.counted, effect.entered.total("revenue")) == (None, 3, 50_00)
    assert "goal" not in effect.metrics
    assert set(effect.effects.values()) == {None}


def test_held_out_customers_count_from_the_moment_of_the_others_entry(store, make_journey, make_segment):
    customers = Customer.objects.bulk_create(Customer(name="P", number=f"M{n}") for n in range(60))
    segment = make_segment(*customers)
    entry = {"kind": "segment", "segment": segment.pk, "members": True}
    journey = make_journey(WAIT, entry=entry, goal=ORDER, holdout=50, window_days=7)
    enter_members(journey=journey)
    runs = JourneyRun.objects.filter(journey=journey)
    states = dict.fromkeys(("active", "held_out"), 0)
    for state in runs.values_list("state", flat=True):
        states[state] += 1
    assert sum(states.values()) == 60
    assert min(states.values()) > 10
    assert runs.values("entered_at").distinct().count() == 1
    pass_time(days=8)
    effect = results.effect_of_journey(journey)
    assert (effect.entered.counted, effect.held_out.counted) == (states["active"], states["held_out"])
    counts = results.funnel(journey)
    assert (counts.entered, counts.held_out) == (states["active"], states["held_out"])


def test_entries_and_goals_by_day_come_from_kept_counts(store, make_journey, make_segment, make_order):
    customers = Customer.objects.bulk_create(Customer(name="P", number=f"K{n}") for n in range(3))
    segment = make_segment(*customers)
    entry = {"kind": "segment", "segment": segment.pk, "members": True}
    journey = make_journey(WAIT, entry=entry, goal=ORDER, exit={"policy": "goal"})
    enter_members(journey=journey)
    make_order(customer=customers[0])
    go(days=61)
    today = shop_day(timezone.now())
    with CaptureQueriesContext(connection) as queries:
        days = results.days_of(journey)
    assert [(row.day, row.entered, row.goal) for row in days] == [(today, 3, 1)]
    assert not any("journeyrun" in query["sql"] for query in queries)
    assert (
        listed(journey, figure="entered", day=today) + listed(journey, figure="entered", day=today - timedelta(61)) == 3
    )
    assert listed(journey, figure="goal", day=today) == 1
    assert listed(journey, figure="completed") == 2


def test_each_step_counts_its_messages_and_the_gates_reasons(store, memory, make_journey, make_customer):
    policy()
    news = save_template(name="News", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    journey = make_journey([{"id": "s1", "kind": "message", "template": str(news.pk)}, *[{**WAIT[0], "id": "s2"}]])
    for number in range(4):
        customer = make_customer(f"P{number}", email=f"p{number}@example.com")
        if number:
            Consent.objects.create(
                customer=customer, channel="memory", purpose="marketing", decision="granted", source="test",
                given_at=timezone.now(), actor="system",
            )  # fmt: skip
        enter_by_call(journey=journey, customer=customer, key=str(number))
    go()
    send_due()
    sent = list(Message.objects.filter(state="sent").order_by("created_at", "pk"))
    moment = timezone.now()
    Message.objects.filter(pk__in=[row.pk for row in sent[:2]]).update(delivered_at=moment, opened_at=moment)
    Message.objects.filter(pk=sent[0].pk).update(clicked_at=moment)
    figures = results.messages_by_step(journey)["s1"]
    assert (figures.made, figures.sent, figures.delivered, figures.opened, figures.clicked) == (4, 3, 2, 2, 1)
    assert dict(figures.held) == {"no_consent": 1}
    assert [listed(journey, step="s1", figure=name) for name in ("sent", "delivered", "opened", "clicked")] == [
        3,
        2,
        2,
        1,
    ]
    assert listed(journey, step="s1", reason="no_consent") == 1
    assert (listed(journey, step="s1", figure="done"), listed(journey, step="s2", figure="standing")) == (4, 4)
    assert listed(journey, step="s2", figure="reached") == 4


def test_gifts_are_summed_with_their_worth(store, program, make_journey, make_customer, make_coupon, gift_template):
    coupon = make_coupon(valid_days=30)
    steps = [
        {"id": "s1", "kind": "points", "points": 250},
        {"id": "s2", "kind": "coupon", "coupon": str(coupon.pk)},
        {"id": "s3", "kind": "message", "template": str(gift_template.pk)},
    ]
    journey = make_journey(steps)
    for number in range(3):
        customer = make_customer()
        if number:
            enrol_member(customer=customer, program=program, actor=SYSTEM)
        enter_by_call(journey=journey, customer=customer, key=str(number))
    go()
    Program.objects.filter(pk=program.pk).update(redeem_points=100, redeem_amount=100)
    code = CouponCode.objects.filter(issued_for__startswith=f"journey:{journey.pk}:").first()
    moment = timezone.now()
    CouponUse.objects.create(
        coupon=coupon, code=code, state="redeemed", cart_amount=100_00, discount=20_00, redeemed_at=moment,
        expires_at=moment,
    )  # fmt: skip
    cost = results.cost_of(journey)
    assert (cost.codes, cost.used, cost.discount) == (3, 1, 20_00)
    # Two of the three customers are members: 500 points, of which 100 pay for 1.00.
    assert (cost.points, cost.worth, cost.total) == (500, 5_00, 25_00)


def test_the_page_shows_results_whose_figures_open_their_customers(client, staff, store, make_journey, let_in, now):
    journey = make_journey(WAIT, **WINDOW)
    entered, held = let_in(journey, 120), let_in(journey, 110, held=True)
    buy(store, entered[:60], now - timedelta(days=8))
    buy(store, held[:11], now - timedelta(days=8))
    client.force_login(staff(Role.ANALYST))
    part = client.get(reverse("journey_results", args=[journey.pk]), headers=PART).content.decode()
    assert "more reached the goal than without the journey." in part
    assert "50%" in part
    address = f"{reverse('journey_customers', args=[journey.pk])}?figure=measured&amp;did=goal"
    assert address in part
    rows = client.get(address.replace("&amp;", "&"))
    assert "60 runs" in rows.content.decode()
    whole = client.get(reverse("journey_results", args=[journey.pk])).content.decode()
    assert "<h1" in whole
    page = client.get(reverse("journey", args=[journey.pk])).content.decode()
    assert reverse("journey_results", args=[journey.pk]) in page


def test_a_damaged_filter_lists_all_customers(client, staff, store, make_journey, let_in):
    journey = make_journey(WAIT)
    let_in(journey, 2)
    client.force_login(staff(Role.MARKETER))
    address = reverse("journey_customers", args=[journey.pk])
    for query in ("?figure=nothing&day=2026-99-99&version=x", "?cursor=x&did=%00&reason=%00&who=%00"):
        assert "2 runs" in client.get(address + query).content.decode()
    assert "No customers behind this figure" in client.get(f"{address}?step=zz&figure=done").content.decode()


def test_the_customers_of_a_figure_are_saved_as_a_list_once(client, staff, store, make_journey, let_in):
    # given customers who entered, and others who were held out
    journey = make_journey(WAIT)
    entered = let_in(journey, 3)
    let_in(journey, 2, held=True)
    save = reverse("journey_customers_save", args=[journey.pk])
    # when the figure of those who entered is saved
    client.force_login(staff(Role.MARKETER))
    answer = client.post(save, {"matching": "figure=entered"})
    # then a list has them, each once, and belongs to who saved it
    made = Segment.objects.get(kind="static")
    assert answer.url == reverse("segment", args=[made.pk])
    assert (made.size, made.name.startswith(f"{journey.name} · Entered · ")) == (3, True)
    inside = CustomerSegments.objects.filter(inside__contains=[made.pk]).values_list("customer", flat=True)
    assert set(inside) == {person.pk for person in entered}
    # and a figure without customers makes none
    client.post(save, {"matching": "figure=goal"})
    # nor does a role that can't make segments
    client.force_login(staff(Role.LEAD))
    assert client.post(save, {"matching": "figure=entered"}).status_code == 403
    assert Segment.objects.filter(kind="static").count() == 1
