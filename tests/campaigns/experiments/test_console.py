"""Test the pages of experiments: planning, starting, reading, ending."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.experiments.models import Experiment, Exposure
from crm.customers.models import Customer
from crm.orders.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]
TYPED = {
    "name": "Subject lines", "scope": "campaigns", "metric": "ordered", "effect": "2", "window_days": "7",
    "any_time": "on", "error_percent": "5", "power_percent": "80", "arm0_name": "As it is", "arm0_weight": "1",
    "arm1_name": "Shorter", "arm1_weight": "3", "arm2_name": "", "arm2_weight": "",
}  # fmt: skip


@pytest.fixture
def planned(marketer, store) -> Experiment:
    assert marketer.post(reverse("experiment_new"), TYPED).status_code == 302
    return Experiment.objects.get()


def counted(experiment: Experiment, code: str, orders: int, of: int, store) -> None:
    """Create that many customers of an arm, drawn eight days ago; the first `orders` of them ordered for 50.00."""
    at = timezone.now() - timedelta(days=8)
    arm = experiment.arms.get(code=code)
    people = Customer.objects.bulk_create([Customer(name=code, number=f"{code}{n}") for n in range(of)])
    Exposure.objects.bulk_create(
        Exposure(experiment=experiment, customer=one, arm=arm, origin="care:1", exposed_at=at) for one in people
    )
    Order.objects.bulk_create(
        Order(
            store=store, source="test", number=one.number, customer=one, currency="CNY", state="paid", subtotal=50_00,
            total=50_00, placed_at=at + timedelta(days=1), paid_at=at + timedelta(days=1),
        )
        for one in people[:orders]
    )  # fmt: skip


def test_entered_values_are_stored_in_the_units_of_the_metric(marketer, planned):
    assert (planned.effect, planned.any_time, planned.currency) == (Decimal("0.02"), True, "CNY")
    assert list(planned.arms.values_list("code", "name", "weight")) == [("a", "As it is", 1), ("b", "Shorter", 3)]
    page = marketer.get(reverse("experiment_edit", args=[planned.pk])).content.decode()
    assert 'name="effect" value="2"' in page
    assert "2 pp" in marketer.get(reverse("experiment", args=[planned.pk])).content.decode()
    body = {**TYPED, "metric": "revenue", "effect": "3.50"}
    marketer.post(reverse("experiment_edit", args=[planned.pk]), body)
    planned.refresh_from_db()
    assert planned.effect == 350
    assert "¥3.50" in marketer.get(reverse("experiment", args=[planned.pk])).content.decode()


def test_results_name_the_difference_and_its_interval(marketer, planned, store):
    marketer.post(reverse("experiment_start", args=[planned.pk]))
    page = marketer.get(reverse("experiment", args=[planned.pk])).content.decode()
    assert "No results yet" in page
    counted(planned, "a", 10, 200, store)
    counted(planned, "b", 150, 600, store)
    page = " ".join(marketer.get(reverse("experiment", args=[planned.pk])).content.decode().split())
    assert "25%" in page
    assert ">main metric<" in page
    assert "+20 pp" in page
    assert "+¥10.00" in page
    assert "text-good" in page
    assert "more than chance explains" not in page
    Experiment.objects.update(weighed_at=timezone.now() - timedelta(days=9))
    Exposure.objects.filter(arm__code="a").exclude(customer__number__in=["a1", "a2"]).delete()
    assert "more than chance explains" in marketer.get(reverse("experiment", args=[planned.pk])).content.decode()


def test_one_look_hides_the_result_until_the_sample_is_complete(marketer, planned, store):
    Experiment.objects.update(any_time=False, planned_count=5000)
    Experiment.objects.update(state="running", started_at=timezone.now())
    counted(planned, "a", 10, 200, store)
    counted(planned, "b", 150, 600, store)
    page = " ".join(marketer.get(reverse("experiment", args=[planned.pk])).content.decode().split())
    assert "800 of 5,000 customers are counted." in page
    assert "+20 pp" not in page


def test_ending_names_the_winner(marketer, planned):
    marketer.post(reverse("experiment_start", args=[planned.pk]))
    page = marketer.post(
        reverse("experiment_end", args=[planned.pk]), {"winner": "b", "conclusion": "Shorter sells"}, follow=True
    ).content.decode()
    assert "“Subject lines” has ended." in page
    assert "Shorter sells" in page
    planned.refresh_from_db()
    assert (planned.state, planned.winner.code) == ("ended", "b")
    assert marketer.get(reverse("experiment_edit", args=[planned.pk])).status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arm1_name": ""}, "This field is required."),
        ({"effect": "0"}, "above 0"),
        ({"effect": "150"}, "above 0"),
        ({"scope": "everything", "arm2_name": "Third", "arm2_weight": "1"}, "A global holdout has two arms"),
    ],
)
def test_a_wrong_plan_is_explained_beside_the_form_and_leaves_nothing(marketer, store, changes, words):
    answer = marketer.post(reverse("experiment_new"), {**TYPED, **changes})
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Experiment.objects.count() == 0


def test_the_list_costs_the_same_for_any_length(marketer, planned, django_assert_max_num_queries):
    with django_assert_max_num_queries(13):
        assert "Subject lines" in marketer.get(reverse("experiments")).content.decode()
