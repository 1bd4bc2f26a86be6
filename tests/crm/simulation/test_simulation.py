"""The simulated shop: equal seeds give equal shops, and the written truth matches the rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from django.db.models import Count, F

from crm.activity.models import ActivityEvent
from crm.customers.models import Customer
from crm.orders.models import Order, Refund
from crm.simulation.rules.process import DAY, Truth, simulate
from crm.simulation.services.shop import simulate_shop

CUSTOMERS = 400


@pytest.fixture
def shop(store, tmp_path):
    made = simulate_shop(store=store, customers=CUSTOMERS, seed=5, truth_directory=tmp_path)
    return made, json.loads((tmp_path / "truth.json").read_text()), np.load(Path(tmp_path) / "truth.npz")


def test_the_written_truth_matches_the_rows(shop):
    # given a simulated shop
    made, told, truth = shop

    # then its counts equal those of the tables, and the parameters are in the truth file
    assert (made.customers, made.orders) == (CUSTOMERS, Order.objects.count())
    assert (made.refunds, made.activity) == (Refund.objects.count(), ActivityEvent.objects.count())
    assert told["parameters"] == Truth().as_dict()
    assert {name: truth[name].shape for name in truth.files} == dict.fromkeys(
        ["buyer", "acquired", "rate", "dropout", "mean_amount", "alive"], (CUSTOMERS,)
    )

    # and the customers that the process never lets buy have no order, although they have activity
    people = list(Customer.objects.order_by("pk").annotate(bought=Count("orders")))
    assert [person.bought > 0 for person in people] == truth["buyer"].tolist()
    prospects = [person.pk for person in people if not person.bought]
    assert 0 < len(prospects) < CUSTOMERS // 5
    looked = ActivityEvent.objects.filter(customer_id__in=prospects)
    assert looked.exists()
    assert set(looked.values_list("kind", flat=True)) <= {"view", "search", "cart"}


def test_money_adds_up_in_the_simulated_shop(shop):
    assert not Order.objects.filter(refunded__gt=F("total")).exists()
    for order in Order.objects.filter(refunded__gt=0).prefetch_related("lines", "refunds"):
        assert order.refunded == sum(refund.amount for refund in order.refunds.all())


def test_the_same_seed_makes_the_same_histories_and_another_seed_others():
    one, same, other = (simulate(200, 500, Truth(), np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one.order_time, same.order_time)
    assert np.array_equal(one.order_amount, same.order_amount)
    assert not np.array_equal(one.acquired, other.acquired)


def test_purchases_follow_the_stated_process():
    """E[X(t) | rate, dropout] = (1 - p) / p * (1 - exp(-rate * p * t)): MBG/NBD, with parameters for each buyer."""
    history = simulate(60_000, 540, Truth(), np.random.default_rng(11))
    days = 300.0
    seen = history.buyer & (history.acquired < 240 * DAY)
    first = history.acquired[history.order_customer]
    repeats = (history.order_time > first) & (history.order_time <= first + days * DAY) & seen[history.order_customer]
    rate, p = history.rate[seen], history.dropout[seen]
    expected = ((1 - p) / p * (1 - np.exp(-rate * p * days))).sum()
    assert repeats.sum() == pytest.approx(expected, rel=0.02)
