"""Test that all readers of orders agree on bought lines: lines of paid orders without returned ones (A7)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from analytics.features.models import CustomerFeature
from analytics.features.services import features
from analytics.recommendations import services as best_sellers_of
from analytics.segments.models import Segment, SegmentMembership
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from campaigns.care.models import CareRule
from campaigns.care.services import audiences
from campaigns.care.services.care import activate_care_rule, create_care_rule
from campaigns.experiments.models import Experiment
from campaigns.experiments.selectors.results import baseline
from campaigns.journeys.services import events as journey_events
from campaigns.messages.models import Message, MessageState
from campaigns.reports.selectors.campaigns import Campaign
from campaigns.reports.selectors.figures import count_figures
from campaigns.templates.services.templates import Text, save_template
from core.base import clock
from core.base.actor import SYSTEM
from crm.customers.models import Customer
from crm.orders.console import shell
from crm.orders.models import OrderState
from crm.orders.selectors import spending as customer_reads
from crm.orders.services.orders import LineInput, OrderInput, record_order
from crm.orders.services.refunds import RefundLineInput, record_refund
from crm.profiles.console.listing import FILTERS
from loyalty.ledger.models import Account
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member, TierMetric
from loyalty.tiers.services.evaluation import evaluate_tiers

pytestmark = pytest.mark.django_db
PAID_AT = timedelta(days=5)


@pytest.fixture
def placed(store):
    """Place an order: placed(customer, life) makes an order of beans for 60.00 and a cup for 40.00 with that life."""

    def make(customer: Customer, life: str, number: str = "LIFE"):
        at = timezone.now() - PAID_AT
        lines = [
            LineInput(Decimal(1), Decimal(60), sku="BEANS", name="Beans", category="Coffee"),
            LineInput(Decimal(1), Decimal(40), sku="CUP", name="Cup", category="Ware"),
        ]
        first = "paid" if life in ("paid", "refunded", "refunded_amount", "part_refunded") else "placed"

        def record(state: str):
            data = OrderInput(
                number=number, placed_at=at, lines=lines, state=state, channel="web", customer_number=customer.number
            )
            return record_order(data=data, source="storefront", actor=SYSTEM).order

        order = record(first)
        if life == "cancelled":
            order = record(OrderState.CANCELLED)
        refund = {"order_number": number, "number": f"{number}-R", "source": "storefront", "actor": SYSTEM}
        if life == "refunded":
            record_refund(**refund)
        elif life == "refunded_amount":
            record_refund(**refund, amount=100_00)
        elif life == "part_refunded":
            record_refund(**refund, lines=[RefundLineInput(1, Decimal(1))])
        return order

    return make


@pytest.fixture
def shop(program, make_customer, placed, settle):
    """Build a shop: shop(life) returns one member with one order of that life."""

    def make(life: str) -> SimpleNamespace:
        customer = make_customer("Ada", email="ada@example.com")
        enrol_member(customer=customer, program=program, actor=SYSTEM)
        order = placed(customer, life)
        settle()
        segment_runs.refresh_changed()
        cache.clear()
        return SimpleNamespace(customer=customer, order=order, program=program)

    return make


# The answer of each reader: for an order that does not count, for one with returned beans, for a whole one.


def _feature(one):
    row = CustomerFeature.objects.get(customer=one.customer)
    return row.order_count, row.net_spend, row.orders_90, row.spend_90, row.average_order, row.last_order_at is not None


def _taste(one):
    row = CustomerFeature.objects.get(customer=one.customer)
    return row.categories, row.top_category, row.main_channel


def _full_feature(one):
    features.refresh_everything()
    return _taste(one)


def _matches(one, rule: dict) -> bool:
    number = Segment.objects.count()
    segment = segments.create_segment(name=f"S{number}", rule={"op": "and", "children": [rule]}, actor=SYSTEM)
    segment_runs.compute_segments([segment.pk])
    return SegmentMembership.objects.filter(segment=segment, customer=one.customer, left_at=None).exists()


def _conditions(operator: str, times: int = 1, **window):
    def read(one):
        found = []
        for category, sku in (("Coffee", "BEANS"), ("Ware", "CUP")):
            shared = {"operator": operator, "times": times, **(window or {"days": 30})}
            found.append(_matches(one, {"condition": "bought_category", "values": [category], **shared}))
            found.append(_matches(one, {"condition": "bought_product", "sku": sku, **shared}))
        return found

    return read


def _dates() -> dict:
    today = timezone.now().date()
    return {"since": (today - timedelta(days=20)).isoformat(), "until": today.isoformat()}


def _sellers(_one):
    return sorted(item.sku for item in best_sellers_of.best_sellers().get("", []))


def _tastes(one):
    favourite, bought = best_sellers_of._tastes([one.customer.pk])
    return favourite.get(one.customer.pk), sorted(bought[one.customer.pk])


def _care(one):
    template = save_template(name="After", channel="inbox", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    rule = create_care_rule(name="After", trigger="after_purchase", template=template, days=7, actor=SYSTEM)
    activate_care_rule(rule=rule, actor=SYSTEM)
    CareRule.objects.filter(pk=rule.pk).update(activated_at=timezone.now() - timedelta(days=30))
    select, params = audiences.bought(CareRule.objects.get(pk=rule.pk), clock.now(), [one.order.pk])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({select}) AS found", params)
        return cursor.fetchone()[0]


def _unmatched(trigger: str, occurrence):
    def read(one):
        template = save_template(name="T", channel="inbox", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
        rule = create_care_rule(name="T", trigger=trigger, template=template, days=90, actor=SYSTEM)
        activate_care_rule(rule=rule, actor=SYSTEM)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT campaigns_unmatched(%s, %s, %s)", [f"care:{rule.pk}", occurrence(one), one.customer.pk]
            )
            return cursor.fetchone()[0]

    return read


def _journey_goal(one):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaigns_happened('crm.order_paid', '[]', %s, now() - interval '30 days')", [one.customer.pk]
        )
        return cursor.fetchone()[0]


def _journey_entry(one):
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({journey_events.select_of('crm.order_paid')}) AS found",
            {"customers": [one.customer.pk], "since": timezone.now() - timedelta(days=30)},
        )
        return cursor.fetchone()[0]


def _experiment(metric: str):
    def read(one):
        experiment = Experiment(metric=metric, currency="CNY", window_days=30)
        found = baseline(experiment)
        return round(found.mean * found.customers)

    return read


def _campaign(one):
    template = save_template(name="Sale", channel="inbox", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    Message.objects.create(
        customer=one.customer, template=template, template_version=template.version, origin="broadcast:9", step="send",
        occurrence="1", channel="inbox", message_class="marketing", state=MessageState.SENT,
        sent_at=timezone.now() - timedelta(days=6), due_at=timezone.now() - timedelta(days=6),
    )  # fmt: skip
    found = count_figures([Campaign("broadcast:9", "Sale", "Broadcast", days=7)])["broadcast:9"]
    return [(row.customers, row.orders, row.net) for row in found.revenue]


def _qualifying(metric: str):
    def read(one):
        one.program.tier_metric = metric
        one.program.save()
        evaluate_tiers(program=one.program)
        return Member.objects.get(customer=one.customer).qualifying

    return read


def _points(one):
    return Account.objects.filter(member__customer=one.customer, point_type__spendable=True).get().balance


def _spending(one):
    return [(row.orders, row.amount) for row in customer_reads.spending([one.customer.pk]).get(one.customer.pk, [])]


def _filter(value: str):
    return lambda one: FILTERS["bought"].apply(Customer.objects.all(), value).filter(pk=one.customer.pk).exists()


def _home(_one):
    return [(row["orders"], row["amount"]) for row in shell.sums_of_30_days()]


READERS = {
    "feature row": (_feature, (0, 0, 0, 0, 0, False), (1, 40_00, 1, 40_00, 40_00, True)),
    "favourite category": (_taste, ([], "", ""), (["Ware"], "Ware", "web")),
    "favourite category, from nothing": (_full_feature, ([], "", ""), (["Ware"], "Ware", "web")),
    "bought": (_conditions("has"), [False] * 4, [False, False, True, True]),
    "bought, between dates": (_conditions("has_between", **_dates()), [False] * 4, [False, False, True, True]),
    "did not buy": (_conditions("has_not"), [True] * 4, [True, True, False, False]),
    "bought twice": (_conditions("has", times=2), [False] * 4, [False] * 4),
    "best sellers": (_sellers, [], ["CUP"]),
    "what a customer has already": (_tastes, (None, []), ("Ware", ["CUP"])),
    "customer list and page": (_spending, [], [(1, 40_00)]),
    "has bought": (_filter("yes"), False, True),
    "never bought": (_filter("no"), True, False),
    "revenue on the home page": (_home, [], [(1, 40_00)]),
    "care after a purchase": (_care, 0, 1),
    "care after a purchase, at sending": (
        _unmatched("after_purchase", lambda one: f"order:{one.order.pk}"), "left_segment", None,
    ),
    "care without an order, at sending": (
        _unmatched("no_order", lambda one: "last:2020-01-01T00:00:00.0Z"), None, "left_segment",
    ),
    "journey goal": (_journey_goal, False, True),
    "journey entry": (_journey_entry, 0, 1),
    "experiment, orders": (_experiment("orders"), 0, 1),
    "experiment, revenue": (_experiment("revenue"), 0, 40_00),
    "campaign results": (_campaign, [], [(1, 1, 40_00)]),
    "tier by spend": (_qualifying(TierMetric.SPEND), 0, 40_00),
    "tier by orders": (_qualifying(TierMetric.ORDERS), 0, 1),
    "points": (_points, 0, 40),
}  # fmt: skip


@pytest.mark.parametrize("life", ["cancelled", "placed", "refunded", "refunded_amount", "part_refunded"])
@pytest.mark.parametrize("reader", READERS)
def test_only_lines_of_paid_orders_that_stayed_count(life, reader, shop):
    read, nothing, part = READERS[reader]
    # given
    one = shop(life)
    # then
    assert read(one) == (part if life == "part_refunded" else nothing)
