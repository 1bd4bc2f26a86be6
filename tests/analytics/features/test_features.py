"""The feature row, RFM scores and lifecycle stages (A1, A2, F19)."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from analytics.features.models import CustomerFeature, RfmModel
from analytics.features.services import features
from analytics.features.services.people import EVERYONE
from analytics.segments.services import runs as segments
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from crm.orders.services.refunds import record_refund
from tests.reference import lifecycle, rfm

pytestmark = pytest.mark.django_db


def refresh() -> None:
    segments.refresh_changed()


def test_a_row_sums_what_the_customer_bought_net_of_refunds(program, make_customer, make_order, settle):
    customer = make_customer()
    make_order(customer, 10_000, number="A", days_ago=100, sku="BEANS", category="Coffee", channel="web")
    make_order(customer, 30_000, number="B", days_ago=40, sku="CUP", category="Ware", channel="app")
    make_order(customer, 20_000, number="C", days_ago=10, sku="BEANS", category="Coffee", channel="app")
    make_order(customer, 5_000, number="GONE", days_ago=5)
    record_refund(order_number="B", number="r1", source="storefront", amount=6_000, actor=SYSTEM)
    record_refund(order_number="GONE", number="r2", source="storefront", actor=SYSTEM)
    settle()
    refresh()
    row = CustomerFeature.objects.get(customer=customer)
    assert (row.order_count, row.gross_spend, row.refunded, row.net_spend) == (3, 65_000, 11_000, 54_000)
    assert (row.orders_90, row.spend_90, row.orders_365, row.spend_365) == (2, 44_000, 3, 54_000)
    assert (row.average_order, row.refund_count) == (18_000, 2)
    assert round(row.mean_interval_days, 3) == 45.0
    assert (row.categories, row.top_category, row.main_channel) == (["Coffee", "Ware"], "Coffee", "app")
    assert abs(row.last_order_at - (timezone.now() - timedelta(days=10))) < timedelta(minutes=5), (
        "A2: not the refunded one"
    )
    assert (row.is_member, row.tier_rank, row.points_available) == (True, 2, 540)
    assert row.stage == "active"


def test_a_customer_without_orders_has_a_row_and_no_scores(program, make_customer, settle):
    customer = make_customer()
    settle()
    refresh()
    row = CustomerFeature.objects.get(customer=customer)
    assert (row.order_count, row.net_spend, row.stage, row.rfm_r, row.rfm_group) == (0, 0, "prospect", None, "")


def test_rfm_scores_are_quintiles_with_a_date_and_ties_are_equal(program, make_customer, make_order, settle):
    customers = [make_customer() for _ in range(10)]
    for position, customer in enumerate(customers):
        make_order(customer, 1_000 * (position // 2 + 1), days_ago=10 * (position // 2 + 1))
    settle()
    features.refresh_everything()
    rows = {row.customer_id: row for row in CustomerFeature.objects.all()}
    scores = [(rows[c.pk].rfm_r, rows[c.pk].rfm_m) for c in customers]
    assert scores == [(5, 1), (5, 1), (4, 2), (4, 2), (3, 3), (3, 3), (2, 4), (2, 4), (1, 5), (1, 5)]
    model = RfmModel.objects.get()
    assert (model.money_cuts, model.customer_count) == ([1000, 2000, 3000, 4000], 10)
    assert {row.rfm_as_of for row in rows.values()} == {model.as_of}
    for row in rows.values():
        assert row.rfm_f == rfm.value_score(row.order_count, model.frequency_cuts)
        assert row.rfm_m == rfm.value_score(row.net_spend, model.money_cuts)
        assert row.rfm_group == rfm.group_of(row.rfm_r, row.rfm_f, row.rfm_m)


@pytest.mark.parametrize(
    ("orders_days_ago", "stage"),
    [
        ([5], "new"),
        ([31], "active"),
        ([120, 20], "active"),
        ([300, 20], "won_back"),
        ([91], "at_risk"),
        ([181], "lapsed"),
        ([366], "lost"),
        ([], "prospect"),
    ],
)
def test_lifecycle_stage_in_sql_equals_the_rule(orders_days_ago, stage, program, make_customer, make_order, settle):
    customer = make_customer()
    for days in orders_days_ago:
        make_order(customer, 1_000, days_ago=days)
    settle()
    refresh()
    row = CustomerFeature.objects.get(customer=customer)
    assert row.stage == stage
    newest = min(orders_days_ago, default=None)
    gap = sorted(orders_days_ago)[1] - newest if len(orders_days_ago) > 1 else None
    assert lifecycle.stage_of(len(orders_days_ago), max(orders_days_ago, default=None), newest, gap) == stage


def test_a_changed_stage_is_an_event_on_the_timeline(program, make_customer, make_order, settle):
    customer = make_customer()
    make_order(customer, 1_000, days_ago=400)
    settle()
    refresh()
    before = CustomerFeature.objects.get(customer=customer).stage_since
    make_order(customer, 1_000, days_ago=1)
    settle()
    refresh()
    row = CustomerFeature.objects.get(customer=customer)
    assert row.stage == "won_back"
    assert row.stage_since > before
    event = DomainEvent.objects.get(kind="analytics.stage_changed")
    assert (event.subject_id, event.payload) == (customer.pk, {"from": "lost", "to": "won_back"})


def snapshot() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT customer_id, {", ".join((*features._COLUMNS, *features._SCORES))}
                FROM analytics_customerfeature ORDER BY customer_id"""
        )
        return cursor.fetchall()


def test_incremental_batches_equal_a_full_computation(program, make_customer, make_order, settle):
    dice = random.Random(19)
    customers = [make_customer() for _ in range(12)]
    numbers: list[str] = []
    for position, customer in enumerate(customers[:6]):
        make_order(customer, 1_000 + position, number=f"base-{position}", days_ago=200)
    settle()
    features.refresh_everything()
    for batch in range(40):
        for step in range(dice.randint(1, 4)):
            customer = dice.choice(customers)
            what = dice.random()
            if what < 0.5:
                number = f"n-{batch}-{step}"
                make_order(
                    customer,
                    dice.randint(100, 90_000),
                    number=number,
                    days_ago=dice.randint(0, 400),
                    sku=f"S{dice.randint(1, 5)}",
                    category=dice.choice(["", "Tea", "Coffee"]),
                    channel=dice.choice(["", "web", "app"]),
                )
                numbers.append(number)
            elif what < 0.7 and numbers:
                number = numbers.pop(dice.randrange(len(numbers)))
                record_refund(
                    order_number=number,
                    number=f"r-{number}",
                    source="storefront",
                    amount=dice.choice([None, 50]),
                    actor=SYSTEM,
                )
            else:
                record_activity(
                    items=[
                        ActivityInput(
                            f"e-{batch}-{step}",
                            dice.choice(["view", "cart"]),
                            timezone.now() - timedelta(days=dice.randint(0, 60)),
                            customer_number=customer.number,
                        )
                    ],
                    source="storefront",
                    actor=SYSTEM,
                )
        settle()
        refresh()
    incremental = snapshot()
    with transaction.atomic():
        CustomerFeature.objects.all().delete()
        as_of = timezone.now()
        features.compute_features(as_of=as_of, people=EVERYONE, cuts=features.newest_model())
    assert snapshot() == incremental
    assert len(incremental) == 12
