"""Tests of earning rules for orders: conditions, stacking, several point types, refunds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events.models import DomainEvent
from crm.customers.models import Store
from crm.orders.models import Order
from crm.orders.services.orders import LineInput, OrderInput, record_order
from crm.orders.services.refunds import RefundLineInput
from loyalty.earning.models import Earning, EarningRule, EarningRuleVersion
from loyalty.earning.services.awards import award_points_for_orders
from loyalty.earning.services.rules import publish_version, update_rule
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.program.models import PointType
from tests.loyalty.earning.samples import NOON, balance, earned, net_points, refund

pytestmark = pytest.mark.django_db


def buy(
    customer, *lines: tuple[str, str, int], discount: int = 0, number: str = "M-1", paid_at=NOON, **values
) -> Order:
    """Record an order with lines of (sku, category, minor units)."""
    data = OrderInput(
        number=number,
        placed_at=paid_at,
        lines=[
            LineInput(Decimal(1), Decimal(amount) / 100, sku=sku, name=sku, category=category)
            for sku, category, amount in lines
        ],
        customer_number=customer.number,
        discount=discount,
        **values,
    )
    return record_order(data=data, source="storefront", actor=SYSTEM).order


def test_rules_of_each_stacking_kind_apply_to_one_order(program, make_customer, make_order, make_rule, settle):
    # given the default rule (1 for 1.00), 20 each time, the better of 30 and 50, and a double day
    make_rule("Each time", points=20, per_amount=None)
    make_rule("Lesser", points=30, per_amount=None, stacking="best")
    make_rule("Better", points=50, per_amount=None, stacking="best")
    make_rule("Double", stacking="multiply", factor="2")
    customer = make_customer()
    # when
    order = make_order(customer, 100_00)
    settle()
    # then 100 + 20 + 50 = 170, and as much again
    assert earned(order) == {"Points for orders": 100, "Each time": 20, "Better": 50, "Double": 170}
    assert balance(customer) == (340, 0, 0)
    double = Earning.objects.get(rule__name="Double")
    assert (double.base, double.multiplier, double.version.version) == (170, Decimal("2.00"), 1)
    [event] = DomainEvent.objects.filter(kind="loyalty.points_earned")
    assert event.payload == {"points": 340, "order": order.pk, "reference": order.number}
    assert reconcile_points().difference_count == 0
    # and a repeat changes nothing (L7), even when a rule was added since
    make_rule("Late", points=7, per_amount=None)
    assert award_points_for_orders(program=program, orders=[order]) == 0
    assert balance(customer) == (340, 0, 0)


def test_several_point_types_are_earned_in_one_transaction(program, make_customer, make_order, make_rule, settle):
    # given growth value, for which members have no account yet, doubled by a rule of its own
    customer = make_customer()
    make_order(customer, 1_00)
    settle()
    growth = PointType.objects.create(program=program, code="growth", name="Growth value", spendable=False)
    make_rule("Growth", point_type=growth, points=2, per_amount=100)
    make_rule("Growth doubled", point_type=growth, stacking="multiply", factor="2")
    # when
    order = make_order(customer, 50_00)
    settle()
    # then the points are not doubled, and events report only them
    assert earned(order) == {"Points for orders": 50, "Growth": 100, "Growth doubled": 100}
    assert balance(customer) == (51, 0, 0)
    assert balance(customer, "growth") == (200, 0, 0)
    assert [
        event.payload["points"] for event in DomainEvent.objects.filter(kind="loyalty.points_earned").order_by("pk")
    ] == [1, 50]
    # and a refund takes both back
    refund(order)
    settle()
    assert (balance(customer), balance(customer, "growth")) == ((1, 0, 0), (0, 0, 0))
    assert reconcile_points().difference_count == 0


def test_categories_and_products_narrow_the_base(program, make_customer, make_rule, only, settle):
    make_rule("Coffee", points=2, per_amount=100, conditions=[{"kind": "category", "categories": ["Coffee"]}])
    make_rule("Cup", points=1, per_amount=100, conditions=[{"kind": "product", "skus": ["CUP"]}])
    make_rule("None", points=1, per_amount=100, conditions=[{"kind": "product", "skus": ["NONE"]}])
    make_rule(
        "Both", points=1, per_amount=100,
        conditions=[{"kind": "category", "categories": ["Coffee"]}, {"kind": "product", "skus": ["CUP"]}],
    )  # fmt: skip
    # when 60.00 of coffee, 40.00 of a cup and a machine in a category with a similar name are bought, less 10.01
    order = buy(
        make_customer(),
        ("BEANS", "Coffee/Beans", 60_00),
        ("CUP", "Cups", 40_00),
        ("MACHINE", "Coffee machines", 100_00),
        discount=10_01,
    )
    settle()
    # then 189.99 * 60/200 = 56.997 -> 56.99 -> 113.98 points
    assert earned(order) == {"Coffee": 113, "Cup": 37}
    coffee = Earning.objects.get(rule__name="Coffee")
    assert (coffee.base, coffee.base_remainder, coffee.remainder) == (
        56_99, Decimal("0.700000"), Decimal("0.980000"),
    )  # fmt: skip
    assert coffee.lines == [order.lines.get(product__sku="BEANS").pk]


def test_refunded_lines_take_back_their_own_points(program, make_customer, make_rule, only, settle):
    make_rule("Coffee", points=1, per_amount=100, conditions=[{"kind": "category", "categories": ["Coffee"]}])
    make_rule("All", points=1, per_amount=100)
    make_rule("Double", stacking="multiply", factor="1.5")
    make_rule("Each time", points=9, per_amount=None)
    customer = make_customer()
    order = buy(customer, ("BEANS", "Coffee", 60_00), ("CUP", "Cups", 40_00))
    settle()
    assert earned(order) == {"Coffee": 60, "All": 100, "Each time": 9, "Double": 84}
    # the cup is returned: coffee keeps its points
    refund(order, number="R1", lines=[RefundLineInput(2, Decimal(1))])
    settle()
    assert net_points(order) == {"Coffee": 60, "All": 60, "Each time": 9, "Double": 64}
    # 15.00 without a line: a quarter of what is left
    refund(order, 15_00, number="R2")
    settle()
    assert net_points(order) == {"Coffee": 45, "All": 45, "Each time": 9, "Double": 49}
    # the rest
    refund(order, 45_00, number="R3")
    settle()
    assert net_points(order) == {"Coffee": 0, "All": 0, "Each time": 0, "Double": 0}
    assert balance(customer) == (0, 0, 0)
    assert reconcile_points().difference_count == 0


def conditions(kind: str, **values) -> list[dict]:
    return [{"kind": kind, **values}]


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (conditions("weekday", days=[3]), True),
        (conditions("weekday", days=[1, 2, 4, 5, 6, 7]), False),
        (conditions("day_of_month", days=[4]), True),
        (conditions("day_of_month", days=[5]), False),
        (conditions("dates", first="2026-03-04", last="2026-03-04"), True),
        (conditions("dates", first="2026-03-05", last="2026-03-31"), False),
        (conditions("channel", channels=["app"]), True),
        (conditions("channel", channels=["web"]), False),
        (conditions("store", stores=["main"]), True),
        (conditions("store", stores=["second"]), False),
        (conditions("minimum_amount", amount=50_00), True),
        (conditions("minimum_amount", amount=50_01), False),
        (conditions("tier", tiers=["gold"]), False),
        (conditions("first_order"), True),
        (conditions("birthday_month"), True),
        (conditions("weekday", days=[3]) + conditions("channel", channels=["web"]), False),
    ],
)
def test_a_condition_holds_or_does_not(program, make_customer, make_order, make_rule, only, settle, asked, holds):
    Store.objects.create(code="second", name="Second", currency="CNY", time_zone="Asia/Shanghai")
    make_rule("Asked", points=5, per_amount=None, conditions=asked)
    customer = make_customer(birthday="1990-03-31")
    order = make_order(customer, 50_00, paid_at=NOON, channel="app")
    settle()
    assert earned(order) == ({"Asked": 5} if holds else {})


def test_days_are_in_the_programs_zone(program, make_customer, make_order, make_rule, only, settle):
    # given a member day on the 8th in Shanghai, and orders one minute around its ends
    make_rule("Member day", points=5, per_amount=None, conditions=conditions("day_of_month", days=[8]))
    begin = NOON.replace(day=7, hour=16)
    customer = make_customer()
    orders = [
        make_order(customer, 10_00, paid_at=at)
        for at in (
            begin - timedelta(minutes=1), begin, begin + timedelta(hours=24, minutes=-1), begin + timedelta(hours=24),
        )
    ]  # fmt: skip
    settle()
    assert [earned(order) for order in orders] == [{}, {"Member day": 5}, {"Member day": 5}, {}]


def test_the_month_of_birth_is_in_the_customers_zone(make_customer, make_order, make_rule, only, settle):
    make_rule("Birthday", points=5, per_amount=None, conditions=conditions("birthday_month"))
    # 1 April 01:00 in Shanghai is still March in Berlin
    at = NOON.replace(day=31, hour=17)
    here, there = make_customer(birthday="1990-04-02"), make_customer(birthday="1990-04-02", time_zone="Europe/Berlin")
    assert [earned_by(settle, make_order(person, 1_00, paid_at=at)) for person in (here, there)] == [
        {"Birthday": 5},
        {},
    ]
    unknown = make_customer()
    assert earned_by(settle, make_order(unknown, 1_00, paid_at=at)) == {}


def earned_by(settle, order) -> dict[str, int]:
    settle()
    return earned(order)


def test_the_first_paid_order_stays_the_first_after_a_refund(make_customer, make_order, make_rule, only, settle):
    make_rule("Welcome", points=50, per_amount=None, conditions=conditions("first_order"))
    customer = make_customer()
    first = make_order(customer, 10_00, paid_at=NOON)
    second = make_order(customer, 10_00, paid_at=NOON + timedelta(days=1))
    settle()
    refund(first)
    third = make_order(customer, 10_00, paid_at=NOON + timedelta(days=2))
    settle()
    assert (net_points(first), earned(second), earned(third)) == ({"Welcome": 0}, {}, {})


def test_conditions_on_tier_and_segment(program, make_customer, make_order, make_rule, only, settle):
    from analytics.segments.services.runs import compute_segments, refresh_changed
    from analytics.segments.services.segments import create_segment

    make_rule("Gold", points=5, per_amount=None, conditions=conditions("tier", tiers=["gold"]))
    customer, other = make_customer(), make_customer()
    make_order(customer, 2_100_00)
    make_order(other, 10_00)
    settle()
    rule = {"op": "and", "children": [{"condition": "net_spend", "operator": "gte", "value": 100_000}]}
    segment = create_segment(name="Big", rule=rule, actor=SYSTEM)
    refresh_changed()
    compute_segments()
    make_rule("Segment", points=7, per_amount=None, conditions=conditions("segment", segment=segment.pk))
    # when
    orders = [make_order(person, 10_00) for person in (customer, other)]
    settle()
    # then
    assert [earned(order) for order in orders] == [{"Gold": 5, "Segment": 7}, {}]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"points": 0}, "points"),
        ({"points": 1, "per_amount": 0}, "per_amount"),
        ({"points": 1, "stacking": "most"}, "stacking"),
        ({"stacking": "multiply", "factor": "1"}, "factor"),
        ({"stacking": "multiply", "factor": "NaN"}, "factor"),
        ({"stacking": "multiply", "factor": "1.005"}, "factor"),
        ({"points": 1, "streak_days": 7}, "streak_days"),
        ({"points": 1, "conditions": [{"kind": "unheard"}]}, "conditions"),
        ({"points": 1, "conditions": [{"kind": "tier", "tiers": ["none"]}]}, "conditions"),
        ({"points": 1, "conditions": [{"kind": "weekday", "days": [0]}]}, "conditions"),
        ({"points": 1, "conditions": [{"kind": "dates", "first": "2026-03-04", "last": "2026-03-03"}]}, "conditions"),
        ({"points": 1, "conditions": [{"kind": "property", "name": "a", "equals": "b"}]}, "conditions"),
        ({"points": 1, "conditions": conditions("first_order") * 2}, "conditions"),
        ({"points": 1, "conditions": "first_order"}, "conditions"),
        ({"points": 1, "caps": [{"period": "hour", "scope": "member", "points": 1}]}, "caps"),
        ({"points": 1, "caps": [{"period": "day", "scope": "member", "points": 0}]}, "caps"),
        ({"points": 1, "caps": [{"period": "day", "scope": "member", "points": 5}] * 2}, "caps"),
        ({"points": 1, "surprise": 1}, "surprise"),
    ],
)
def test_invalid_terms_are_refused_and_nothing_is_created(program, make_rule, terms, field):
    with pytest.raises(Invalid) as refused:
        make_rule("Wrong", **terms)
    assert refused.value.field == field
    assert list(EarningRule.objects.values_list("name", flat=True)) == ["Points for orders"]
    assert EarningRuleVersion.objects.count() == 1


def test_a_published_version_never_changes_and_earnings_keep_theirs(
    program, make_customer, make_order, make_rule, only, settle
):
    rule = make_rule("Extra", points=1, per_amount=100)
    customer = make_customer()
    before = make_order(customer, 10_00)
    settle()
    publish_version(rule=rule, terms={"points": 3, "per_amount": 100, "tier_multiplier": False}, actor=SYSTEM)
    after = make_order(customer, 10_00)
    settle()
    assert [(row.version.version, row.points) for row in Earning.objects.order_by("pk")] == [(1, 10), (2, 30)]
    # and a refund uses the version that gave the points
    for number, order in enumerate((before, after)):
        refund(order, 5_00, number=f"R{number}")
    settle()
    assert [net_points(order) for order in (before, after)] == [{"Extra": 5}, {"Extra": 15}]
    with pytest.raises(DatabaseError), transaction.atomic():
        EarningRuleVersion.objects.filter(rule=rule, version=1).update(points=9)
    assert EarningRuleVersion.objects.get(rule=rule, version=1).points == 1


def test_a_rule_switched_off_or_outside_its_dates_gives_nothing(make_customer, make_order, make_rule, only, settle):
    rule = make_rule("Extra", points=5, per_amount=None, rule={"starts_at": NOON, "ends_at": NOON + timedelta(hours=1)})
    customer = make_customer()
    orders = [make_order(customer, 1_00, paid_at=NOON + timedelta(minutes=minutes)) for minutes in (-1, 0, 59, 60)]
    settle()
    assert [earned(order) for order in orders] == [{}, {"Extra": 5}, {"Extra": 5}, {}]
    update_rule(rule=rule, actor=SYSTEM, active=False)
    off = make_order(customer, 1_00, paid_at=NOON)
    settle()
    assert earned(off) == {}


def test_a_rule_with_an_unregistered_condition_gives_nothing(make_customer, make_order, make_rule, settle):
    rule = make_rule("Extra", points=5, per_amount=None)
    EarningRuleVersion.objects.create(rule=rule, version=2, points=5, per_amount=None, conditions=[{"kind": "moon"}])
    order = make_order(make_customer(), 10_00)
    settle()
    assert earned(order) == {"Points for orders": 10}


def test_a_plain_order_takes_at_most_ten_queries(program, make_customer, make_order):
    customer = make_customer()
    first, second = make_order(customer, 10_00), make_order(customer, 10_00)
    award_points_for_orders(program=program, orders=[first])
    with CaptureQueriesContext(
        connection,
    ) as queries:
        award_points_for_orders(program=program, orders=[second])
    assert len(queries) <= 10, [query["sql"][:80] for query in queries]


def test_queries_for_all_conditions_do_not_grow_with_the_batch(program, make_customer, make_order, make_rule):
    asked = (
        conditions("tier", tiers=["gold"]), conditions("first_order"), conditions("birthday_month"),
        conditions("category", categories=["Coffee"]), conditions("store", stores=["main"]),
        conditions("weekday", days=[1]),
    )  # fmt: skip
    for number, one in enumerate(asked):
        caps = [
            {"period": "day", "scope": "member", "points": 100},
            {"period": "ever", "scope": "rule", "points": 10**6},
        ]
        make_rule(f"Rule {number}", points=5, per_amount=None, conditions=one, caps=caps)
    people = [make_customer() for _ in range(12)]
    counts = []
    for size in (2, 10):
        orders = [make_order(person, 10_00) for person in people[:size]]
        with CaptureQueriesContext(connection) as queries:
            award_points_for_orders(program=program, orders=orders)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25
