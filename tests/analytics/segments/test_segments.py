"""Segments by rule: memberships as intervals, entered and left events, the reason for one customer (S1-S3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.conditions.rules.trees import evaluate
from analytics.conditions.services import compilation as conditions_compilation
from analytics.features.models import CustomerFeature
from analytics.features.services.features import refresh_everything
from analytics.segments.models import Segment, SegmentDay, SegmentMembership
from analytics.segments.services import figures as segments_figures
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from analytics.segments.services.figures import count_rule
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.base.zones import shop_day
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import add_tag, update_customer

pytestmark = pytest.mark.django_db


def everyone() -> dict:
    return {"op": "and", "children": []}


def leaf(condition: str, operator: str, **values) -> dict:
    return {"condition": condition, "operator": operator, **values}


def both(*children: dict) -> dict:
    return {"op": "and", "children": list(children)}


def members(segment: Segment) -> set[int]:
    return set(SegmentMembership.objects.filter(segment=segment, left_at=None).values_list("customer_id", flat=True))


def make(name: str, rule: dict) -> Segment:
    segment = segments.create_segment(name=name, rule=rule, actor=SYSTEM)
    assert segment_runs.compute_segments([segment.pk]) == []
    segment.refresh_from_db()
    return segment


def test_moves_are_intervals_with_events_except_in_the_first_computation(program, make_customer, make_order, settle):
    rich, poor = make_customer(), make_customer()
    make_order(rich, 90_000)
    make_order(poor, 1_000)
    settle()
    segment_runs.refresh_changed()
    segment = make("Big spenders", both(leaf("net_spend", "gte", value=50_000)))
    assert members(segment) == {rich.pk}
    assert (segment.size, segment.computed_version, segment.computed_at is not None) == (1, 1, True)

    make_order(poor, 80_000)
    settle()
    segment_runs.refresh_changed()
    assert members(segment) == {rich.pk, poor.pk}

    segment = segments.update_segment(
        segment=segment, name="Biggest", rule=both(leaf("net_spend", "gte", value=85_000)), actor=SYSTEM
    )
    assert segment.version == 2
    segment_runs.compute_segments([segment.pk])
    assert members(segment) == {rich.pk}
    history = SegmentMembership.objects.filter(segment=segment, customer=poor)
    assert [(row.left_at is not None) for row in history] == [True]
    moves = DomainEvent.objects.filter(kind__startswith="analytics.segment_").order_by("pk")
    assert [(event.kind, event.subject_id) for event in moves] == [
        ("analytics.segment_entered", poor.pk),
        ("analytics.segment_left", poor.pk),
    ]
    day = SegmentDay.objects.get(segment=segment)
    assert (day.size, day.entered_count, day.left_count) == (1, 1, 1)


def test_computing_twice_changes_nothing(program, make_customer, settle):
    make_customer()
    settle()
    segment_runs.refresh_changed()
    segment = make("All", everyone())
    make_customer()
    settle()
    segment_runs.refresh_changed()
    for _turn in range(2):
        segment_runs.compute_segments([segment.pk])
        assert SegmentMembership.objects.count() == 2
        assert DomainEvent.objects.filter(kind="analytics.segment_entered").count() == 1


def test_a_failing_segment_keeps_its_error_and_does_not_affect_others(program, make_customer, settle):
    make_customer()
    settle()
    segment_runs.refresh_changed()
    good = segments.create_segment(name="Good", rule=everyone(), actor=SYSTEM)
    bad = segments.create_segment(name="Bad", rule=both(leaf("order_count", "gte", value=1)), actor=SYSTEM)
    Segment.objects.filter(pk=bad.pk).update(rule=both(leaf("order_count", "gte", value="no number")))
    assert segment_runs.compute_segments() == [bad.pk]
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.size, good.error) == (1, "")
    assert bad.computed_at is None
    assert "no number" in bad.error
    assert segment_runs.due_segments() == [bad.pk], "it is tried again"


def test_conditions_on_facts_and_profile(program, make_customer, make_order, settle):
    ann = make_customer(
        "Ann", gender="female", country="UK", birthday=shop_day(timezone.now()).replace(year=1988).isoformat()
    )
    bob = make_customer("Bob", gender="male", country="CN")
    make_order(ann, 10_000, sku="BEANS", category="Coffee", days_ago=10, number="1")
    make_order(ann, 10_000, sku="BEANS", category="Coffee", days_ago=20, number="2")
    make_order(bob, 10_000, sku="CUP", category="Ware", days_ago=200, number="3")
    tag = add_tag(customer=bob, name="VIP", actor=SYSTEM)
    record_consent(
        customer=ann, channel="email", purpose="marketing", decision="granted", source="checkout", actor=SYSTEM
    )
    stars = ({"stars": 5, "page": "Home"}, {"stars": "4"}, {})
    record_activity(
        items=[
            ActivityInput(
                f"v{i}", "view", timezone.now() - timedelta(days=i), customer_number=bob.number, properties=stars[i]
            )
            for i in range(3)
        ],
        source="storefront",
        actor=SYSTEM,
    )
    settle()
    segment_runs.refresh_changed()
    for asked, times, wanted in (
        ([("stars", "gte", "4")], 2, {bob.pk}),
        ([("stars", "gte", "4")], 3, set()),
        ([("stars", "gte", "4.5"), ("page", "eq", "home")], 1, {bob.pk}),
        ([("stars", "ne", "5")], 1, {bob.pk}),
        ([("stars", "ne", "5")], 2, set()),
        ([("page", "gte", "4")], 1, set()),
    ):
        where = [dict(zip(("property", "sign", "value"), part, strict=True)) for part in asked]
        rule = both(leaf("did", "has", kind="view", times=times, days=30, where=where))
        assert set(segments_figures.figures_of(rule, sample=100).sample) == wanted, asked

    def day(ago: int) -> str:
        return (timezone.now() - timedelta(days=ago)).date().isoformat()

    expected = {
        ("gender", "in", ("values", ("female",))): {ann.pk},
        ("country", "not_in", ("values", ("CN",))): {ann.pk},
        ("tags", "has", ("values", (str(tag.pk),))): {bob.pk},
        ("tags", "has_not", ("values", (str(tag.pk),))): {ann.pk},
        ("bought_category", "has", ("values", ("Coffee",)), ("times", 2), ("days", 90)): {ann.pk},
        ("bought_category", "has", ("values", ("Coffee",)), ("times", 3), ("days", 90)): set(),
        ("bought_product", "has_not", ("sku", "BEANS")): {bob.pk},
        ("last_order", "within", ("days", 30)): {ann.pk},
        ("last_order", "before", ("days", 100)): {bob.pk},
        ("did", "has", ("kind", "view"), ("times", 3), ("days", 30)): {bob.pk},
        ("did", "has", ("kind", "view"), ("times", 3), ("days", 1)): set(),
        ("consent", "has", ("channel", "email")): {ann.pk},
        ("did", "has_not", ("kind", "view"), ("times", 4)): {ann.pk, bob.pk},
        ("did", "has_between", ("kind", "view"), ("times", 3), ("since", day(5)), ("until", day(-1))): {bob.pk},
        ("did", "has_between", ("kind", "view"), ("since", day(9)), ("until", day(5))): set(),
        ("did", "has_not_between", ("kind", "view"), ("since", day(9)), ("until", day(5))): {ann.pk, bob.pk},
        ("bought_product", "has_between", ("sku", "CUP"), ("since", day(201)), ("until", day(199))): {bob.pk},
        ("last_order", "between_days", ("low", 5), ("high", 15)): {ann.pk},
        ("last_order", "between_dates", ("since", day(201)), ("until", day(199))): {bob.pk},
        ("last_order", "ever"): {ann.pk, bob.pk},
        ("last_activity", "ever"): {bob.pk},
        ("order_count", "ne", ("value", 2)): {bob.pk},
        ("tier", "gte", ("value", "1")): {ann.pk, bob.pk},
        ("tier", "gte", ("value", "2")): set(),
        ("discount_share", "gte", ("value", 1)): set(),
        ("birthday", "this_month"): {ann.pk},
        ("birthday", "next_month"): set(),
        ("birthday", "has", ("days", 1)): {ann.pk},
        ("stage", "in", ("values", ("lapsed",))): {bob.pk},
        ("tier", "in", ("values", ("1",))): {ann.pk, bob.pk},
        ("order_count", "between", ("low", 2), ("high", 9)): {ann.pk},
        ("open_ticket", "no"): {ann.pk, bob.pk},
    }
    for (condition, operator, *values), wanted in expected.items():
        given_values = {name: list(value) if isinstance(value, tuple) else value for name, value in values}
        rule = both(leaf(condition, operator, **given_values))
        assert set(segments_figures.figures_of(rule, sample=100).sample) == wanted, (condition, operator)
        assert segments_figures.count_rule(rule) == len(wanted)
        figures = segments_figures.figures_of(rule, sample=1)
        assert (figures.count, figures.sample) == (len(wanted), sorted(wanted)[-1:]), "the newest of them"


def test_the_reason_names_each_condition_with_value_and_result(program, make_customer, make_order, settle):
    customer = make_customer()
    make_order(customer, 12_300)
    settle()
    segment_runs.refresh_changed()
    rule = conditions_compilation.clean_rule(
        both(leaf("net_spend", "gte", value=10_000), {"op": "not", "children": [leaf("order_count", "gte", value=1)]})
    )
    reason = segments_figures.explain_rule(rule, customer)
    assert reason.held is False
    assert [(part.path, part.held, part.value) for part in reason.leaves] == [
        ("rule.children.0", True, "12300"),
        ("rule.children.1.children.0", True, "1"),
    ]


@pytest.mark.parametrize(
    ("rule", "field", "code"),
    [
        ([], "rule", "not_a_group"),
        ({"op": "xor", "children": []}, "rule", "unknown_operation"),
        ({"op": "not", "children": []}, "rule", "not_takes_one"),
        (both(leaf("nonsense", "gte", value=1)), "rule.children.0.condition", "unknown_condition"),
        (both(leaf("net_spend", "contains", value=1)), "rule.children.0.operator", "unknown_operator"),
        (both(leaf("net_spend", "gte")), "rule.children.0.value", "required"),
        (both(leaf("net_spend", "gte", value="much")), "rule.children.0.value", "invalid"),
        (both(both(leaf("last_order", "within", days=-1))), "rule.children.0.children.0.days", "out_of_range"),
        (both(leaf("stage", "in", values=["asleep"])), "rule.children.0.values", "invalid_choice"),
        (both(leaf("net_spend", "gte", value=1, extra="'; DROP TABLE")), "rule.children.0.extra", "unknown_value"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_place_and_nothing_is_saved(rule, field, code, db):
    with pytest.raises(Invalid) as refusal:
        segments.create_segment(name="X", rule=rule, actor=SYSTEM)
    assert (refusal.value.field, refusal.value.code) == (field, code)
    assert Segment.objects.count() == 0


LEAVES = st.one_of(
    st.builds(lambda op, v: leaf("order_count", op, value=v), st.sampled_from(["gte", "lte", "eq"]), st.integers(0, 3)),
    st.builds(lambda op, v: leaf("net_spend", op, value=v), st.sampled_from(["gte", "lte"]), st.integers(0, 300)),
    st.builds(lambda a, b: leaf("average_order", "between", low=a, high=b), st.integers(0, 200), st.integers(0, 200)),
    st.builds(
        lambda op, v: leaf("stage", op, values=v),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(["prospect", "new", "active", "lost"]), min_size=1, max_size=3),
    ),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda c: {"op": "not", "children": [c]}, inner),
        st.builds(lambda op, c: {"op": op, "children": c}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)


def naive(node: dict, row: CustomerFeature) -> bool:
    if node["condition"] == "stage":
        return (row.stage in node["values"]) == (node["operator"] == "in")
    value = getattr(row, node["condition"])
    return {
        "gte": lambda: value >= node["value"],
        "lte": lambda: value <= node["value"],
        "eq": lambda: value == node["value"],
        "between": lambda: node["low"] <= value <= node["high"],
    }[node["operator"]]()


def test_any_rule_in_sql_equals_its_evaluation(program, make_customer, make_order, settle):
    for position in range(8):
        customer = make_customer()
        for order in range(position % 4):
            make_order(customer, 25 * (position + 1), days_ago=(1, 60, 400)[order])
    settle()
    segment_runs.refresh_changed()
    rows = list(CustomerFeature.objects.all())
    assert len({row.stage for row in rows}) >= 3

    @settings(max_examples=150, deadline=None)
    @given(RULES)
    def check(rule):
        if "condition" in rule:
            rule = both(rule)
        cleaned = conditions_compilation.clean_rule(rule)
        wanted = {row.customer_id for row in rows if evaluate(cleaned, lambda node, row=row: naive(node, row))}
        assert set(segments_figures.figures_of(cleaned, sample=100).sample) == wanted

    check()


def test_attributes_of_the_shop_are_conditions(program, make_customer, settle):
    from crm.customers.models import AttributeDefinition

    AttributeDefinition.objects.create(code="roast", label="Roast", type="choice", choices=["dark", "light"])
    AttributeDefinition.objects.create(code="cats", label="Cats", type="number")
    customer, other = make_customer(), make_customer()
    update_customer(customer=customer, changes={"attributes": {"roast": "dark", "cats": 3}}, actor=SYSTEM)
    settle()
    segment_runs.refresh_changed()
    for operator, attribute, text, wanted in (
        ("equals", "roast", "Dark", {customer.pk}),
        ("gte", "cats", "2", {customer.pk}),
        ("gte", "cats", "10", set()),
    ):
        rule = both(leaf("attribute", operator, attribute=attribute, text=text))
        assert set(segments_figures.figures_of(rule, sample=100).sample) == wanted, (attribute, text)
    assert set(
        segments_figures.figures_of(both(leaf("attribute", "not_set", attribute="roast")), sample=100).sample
    ) == {other.pk}


def test_a_date_is_the_shops_day_and_not_the_servers(make_customer, make_order):
    """Given a shop in Shanghai and an order at 01:00 on February 1 there, which is January 31 in UTC."""
    person = make_customer()
    make_order(person, paid_at=datetime(2026, 1, 31, 17, tzinfo=UTC))
    refresh_everything()
    january = {"since": "2026-01-01", "until": "2026-01-31"}
    february = {"since": "2026-02-01", "until": "2026-02-01"}
    for condition, values, holds in (
        ("last_order", {"operator": "between_dates", **january}, False),
        ("last_order", {"operator": "between_dates", **february}, True),
        ("last_order", {"operator": "after_date", "date": "2026-02-01"}, True),
        ("last_order", {"operator": "before_date", "date": "2026-02-01"}, False),
    ):
        assert count_rule({"op": "and", "children": [{"condition": condition, **values}]}) == holds


def test_a_change_keeps_values_that_it_does_not_name(program):
    made = segments.create_segment(
        name="Regulars", description="Twice", rule=both(leaf("order_count", "gte", value=2)), actor=SYSTEM
    )
    as_first_read = Segment.objects.get(pk=made.pk)
    as_second_read = Segment.objects.get(pk=made.pk)
    segments.update_segment(segment=as_first_read, name="Regular buyers", actor=SYSTEM)
    rule = both(leaf("order_count", "gte", value=3))
    saved = segments.update_segment(segment=as_second_read, rule=rule, actor=SYSTEM)
    assert (saved.name, saved.description, saved.version) == ("Regular buyers", "Twice", 2)
    assert saved.rule == conditions_compilation.clean_rule(rule)
    saved = segments.update_segment(segment=as_first_read, description="", actor=SYSTEM)
    assert (saved.name, saved.description, saved.version) == ("Regular buyers", "", 2)
    assert saved.rule == conditions_compilation.clean_rule(rule)
