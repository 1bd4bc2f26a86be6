"""Effects with spend before exposure as covariate (Deng, Xu, Kohavi & Walker 2013), beside numpy and by simulation."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone, translation
from scipy import stats

from campaigns.experiments.console.courses import course_chart
from campaigns.experiments.console.effects import adjusted_words
from campaigns.experiments.models import Experiment, Exposure
from campaigns.experiments.rules import (
    AdjustedEffect,
    Covariate,
    GroupOutcome,
    adjusted_effect_of,
    effect_of,
    mean_interval,
    theta_of,
)
from campaigns.experiments.selectors.results import results_of
from campaigns.experiments.services.experiments import Arm, create_experiment, start_experiment
from campaigns.messages.models import LinkClick, Message
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from crm.customers.models import Customer
from crm.orders.models import Order

RUNS, SIZE = 2_000, 200
ERROR = 0.05


def sums_of(values: np.ndarray, before: np.ndarray) -> GroupOutcome:
    covariate = Covariate(float(before.sum()), float((before**2).sum()), float((before * values).sum()))
    events = int((values != 0).sum())
    return GroupOutcome(len(values), float(values.sum()), float((values**2).sum()), events, covariate)


def test_the_adjusted_difference_is_that_of_the_analysis_of_covariance():
    """Compare three arms with the least squares of numpy: metric on arms and covariate."""
    random = np.random.default_rng(5)
    sizes = (300, 200, 250)
    before = [random.gamma(2, 50, size) for size in sizes]
    values = [20 * place + 0.6 * x + random.normal(0, 30, len(x)) for place, x in enumerate(before)]
    arms = [sums_of(*pair) for pair in zip(values, before, strict=True)]
    theta = theta_of(arms)
    design = np.zeros((sum(sizes), 4))
    design[:, 0], design[:, 3] = 1, np.concatenate(before)
    design[300:500, 1], design[500:, 2] = 1, 1
    fitted, *_rest = np.linalg.lstsq(design, np.concatenate(values), rcond=None)
    assert theta == pytest.approx(fitted[3], rel=1e-9)
    for place in (1, 2):
        effect = adjusted_effect_of(arms[place], arms[0], theta=theta, error=ERROR, comparisons=2)
        assert effect.difference == pytest.approx(fitted[place], rel=1e-9)
        # The interval is Welch's on the adjusted values, at 97.5 % for two comparisons.
        residuals = [values[at] - theta * before[at] for at in (0, place)]
        error = np.sqrt(sum(one.var(ddof=1) / len(one) for one in residuals))
        low, high = stats.norm.interval(1 - ERROR / 2, effect.difference, error)
        assert (effect.low, effect.high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
        plain = effect_of(arms[place], arms[0], error=ERROR, comparisons=2)
        assert effect.narrower == pytest.approx(1 - (high - low) / (plain.high - plain.low), rel=1e-9)


def simulated(correlation: float, seed: int) -> tuple[np.ndarray, list[AdjustedEffect], list]:
    """Return the plain differences, the adjusted and the plain effects of experiments without a true effect."""
    random = np.random.default_rng(seed)
    differences, adjusted, plain = [], [], []
    for _run in range(RUNS):
        before = random.normal(100, 20, 2 * SIZE)
        noise = random.normal(0, 20 * np.sqrt(1 - correlation**2), 2 * SIZE)
        values = 50 + correlation * (before - 100) + noise
        one, two = sums_of(values[:SIZE], before[:SIZE]), sums_of(values[SIZE:], before[SIZE:])
        adjusted.append(adjusted_effect_of(one, two, theta=theta_of([one, two]), error=ERROR))
        plain.append(effect_of(one, two, error=ERROR))
        differences.append(one.mean - two.mean)
    return np.array(differences), adjusted, plain


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_the_variance_falls_by_the_squared_correlation_and_false_alarms_stay_at_5_percent(correlation):
    differences, adjusted, _plain = simulated(correlation, 17)
    # 99.9 % of such counts of false alarms lie between these bounds.
    low, high = stats.binom.interval(0.999, RUNS, ERROR)
    assert low <= sum(effect.sure for effect in adjusted) <= high
    ratio = np.var([effect.difference for effect in adjusted]) / differences.var()
    # The standard error of a ratio of two such variances is below 0.05.
    assert ratio == pytest.approx(1 - correlation**2, abs=0.1)
    narrower = np.mean([effect.narrower for effect in adjusted])
    assert narrower == pytest.approx(1 - np.sqrt(1 - correlation**2), abs=0.01)


def test_false_alarms_stay_at_5_percent_for_skewed_spend_with_many_zeros():
    random = np.random.default_rng(23)
    alarms, gains = 0, []
    for _run in range(RUNS):
        loyalty = random.gamma(0.5, 1, 2 * SIZE)
        before = loyalty * random.gamma(2, 3000, 2 * SIZE)
        values = (random.random(2 * SIZE) < 0.4) * loyalty * random.gamma(2, 3000, 2 * SIZE)
        one, two = sums_of(values[:SIZE], before[:SIZE]), sums_of(values[SIZE:], before[SIZE:])
        effect = adjusted_effect_of(one, two, theta=theta_of([one, two]), error=ERROR)
        alarms += effect.sure
        gains.append(effect.narrower)
    low, high = stats.binom.interval(0.999, RUNS, ERROR)
    assert low <= alarms <= high
    assert 0.02 < np.mean(gains) < 0.5


def test_looks_at_any_time_with_the_covariate_stay_below_the_stated_rate():
    random = np.random.default_rng(29)
    alarms = 0
    for _run in range(1_000):
        before = random.normal(100, 20, (2, 1_000))
        values = 0.7 * before + random.normal(0, 15, (2, 1_000))
        for size in range(100, 1_001, 100):
            one, two = (sums_of(values[at, :size], before[at, :size]) for at in (0, 1))
            if adjusted_effect_of(one, two, theta=theta_of([one, two]), error=ERROR, mixture=2.0).sure:
                alarms += 1
                break
    assert alarms <= stats.binom.ppf(0.999, 1_000, ERROR)


def test_there_is_no_adjusted_effect_where_it_would_not_hold():
    random = np.random.default_rng(3)
    values, before = random.normal(10, 2, 200), random.normal(10, 2, 200)
    whole, few = sums_of(values, before), sums_of(values[:99], before[:99])
    none = GroupOutcome(200, whole.total, whole.squares)
    rare = sums_of((np.arange(200) < 9).astype(float), before)
    constant = sums_of(values, np.full(200, 7.0))
    assert theta_of([constant, constant]) is None
    assert theta_of([none, none]) is None
    for arm, control, theta in ((whole, few, 1), (none, whole, 1), (whole, whole, None), (rare, whole, 0.1)):
        assert adjusted_effect_of(arm, control, theta=theta, error=ERROR) is None


def test_the_interval_of_one_arm_is_that_of_scipy():
    values = np.random.default_rng(9).normal(10, 2, 400)
    low, high = mean_interval(sums_of(values, values), error=ERROR)
    assert (low, high) == pytest.approx(stats.norm.interval(0.95, values.mean(), values.std(ddof=1) / 20), rel=1e-9)
    rare = GroupOutcome(200, 4, 4, 4)
    expected = stats.binomtest(4, 200).proportion_ci(0.95, method="wilson")
    assert mean_interval(rare, error=ERROR, share=True) == pytest.approx(tuple(expected), rel=1e-9)
    assert mean_interval(rare, error=ERROR) is None
    assert mean_interval(GroupOutcome(99, 50, 50), error=ERROR) is None


def test_the_gain_is_stated_in_words():
    with translation.override("en"):
        gained = AdjustedEffect(0.021, 0.004, 0.038, 0.01, True, 0.231)
        assert adjusted_words("CNY", "ordered", gained) == (
            "adjusted for earlier spend: +2.1 pp (+0.4 to +3.8 pp); the interval is 23% narrower"
        )
        wider = AdjustedEffect(120.0, -80.0, 320.0, 0.3, False, -0.001)
        assert adjusted_words("CNY", "revenue", wider) == (
            "adjusted for earlier spend: +¥1.20 (−¥0.80 to +¥3.20); the interval is not narrower"
        )
        assert adjusted_words("CNY", "left", None) == ""


@pytest.fixture
def running(store, db) -> Experiment:
    experiment = create_experiment(
        actor=SYSTEM, arms=[Arm("As it is"), Arm("Shorter")], name="Subject", metric="revenue", effect=Decimal(500),
        window_days=7,
    )  # fmt: skip
    return start_experiment(experiment=experiment, actor=SYSTEM)


def pay(store, customer: Customer, at, amount: int, **fields) -> None:
    Order.objects.create(
        store=store, source="test", number=f"{customer.pk}-{at.timestamp()}", customer=customer, currency="CNY",
        state="paid", subtotal=amount, total=amount, placed_at=at, paid_at=at, **fields,
    )  # fmt: skip


def draw(experiment: Experiment, code: str, customer: Customer, days_ago: float) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    arm = experiment.arms.get(code=code)
    Exposure.objects.create(experiment=experiment, customer=customer, arm=arm, origin="care:1", exposed_at=at)


def test_the_covariate_is_what_was_paid_in_180_days_before_the_exposure(running, store, make_customer):
    ada, ben, now = make_customer(), make_customer(), timezone.now()
    draw(running, "b", ada, 10)
    draw(running, "b", ben, 10)
    pay(store, ada, now - timedelta(days=11), 30_00, refunded=30_00)
    pay(store, ada, now - timedelta(days=189), 20_00)
    pay(store, ada, now - timedelta(days=191), 99_00)
    pay(store, ada, now - timedelta(days=9), 7_00)
    pay(store, ben, now - timedelta(days=2), 5_00)
    outcomes = results_of(running).arms[1].outcomes
    # A later refund stays in the covariate, because the treatment may have caused it.
    assert outcomes["revenue"].covariate == Covariate(50_00, 50_00**2, 50_00 * 7_00)
    assert outcomes["orders"].covariate == Covariate(50_00, 50_00**2, 50_00)
    assert outcomes["left"].covariate is None


def test_opens_and_clicks_count_for_the_campaign_that_drew_the_customer(running, template, make_customer):
    now = timezone.now()
    people = [make_customer() for _number in range(3)]
    for place, (origin, days) in enumerate((("care:1", 9), ("care:2", 9), ("care:1", 2))):
        draw(running, "b", people[place], 10)
        at = now - timedelta(days=days)
        message = Message.objects.create(
            customer=people[place], channel="email", message_class="marketing", origin=origin, occurrence="1",
            template=template, template_version=1, state="sent", sent_at=at, opened_at=at, clicked_at=at,
        )  # fmt: skip
        LinkClick.objects.create(message=message, url="https://x", url_digest=b"0" * 16, clicked_at=at)
    outcomes = results_of(running).arms[1].outcomes
    assert [(outcomes[name].count, outcomes[name].total) for name in ("opened", "clicked")] == [(3, 1), (3, 1)]
    # A global holdout concerns all messages.
    Experiment.objects.filter(pk=running.pk).update(scope="everything")
    outcomes = results_of(Experiment.objects.get(pk=running.pk)).arms[1].outcomes
    assert [outcomes[name].total for name in ("opened", "clicked")] == [2, 2]


def test_the_course_ends_with_the_figures_of_the_table(running, store):
    now = timezone.now()
    for code in "ab":
        arm = running.arms.get(code=code)
        rows = Customer.objects.bulk_create(Customer(name="P", number=f"{code}{n}") for n in range(240))
        Exposure.objects.bulk_create(
            Exposure(
                experiment=running, customer=person, arm=arm, origin="care:1",
                exposed_at=now - timedelta(days=10 if place < 120 else 8),
            )
            for place, person in enumerate(rows)
        )  # fmt: skip
        for person in rows[:60]:
            pay(store, person, now - timedelta(days=9), 50_00 if code == "a" else 80_00)
    Experiment.objects.filter(pk=running.pk).update(any_time=False, planned_count=100)
    experiment = Experiment.objects.get(pk=running.pk)
    results = results_of(experiment)
    assert [point.day for point in results.course] == [
        shop_day(now - timedelta(days=3)),
        shop_day(now - timedelta(days=1)),
    ]
    assert [one.count for one in results.course[0].outcomes] == [120, 120]
    assert [one.total for one in results.course[0].outcomes] == [3000_00, 4800_00]
    assert results.course[-1].outcomes == [arm.outcomes["revenue"] for arm in results.arms]
    chart = course_chart(experiment, results)
    assert [str(one.label) for one in chart.series[:3]] == ["As it is", "As it is, from", "As it is, to"]
    assert [one.faint for one in chart.series] == [False, True, True] * 2
    # 60 of 120, then 60 of 240 spent 50.00.
    assert list(chart.series[0].values) == [25.0, 12.5]
    half = 1.959964 * 50 * (60 * 180 / 240 / 239 / 240) ** 0.5
    assert list(chart.series[1].values)[1] == pytest.approx(12.5 - half, abs=0.011)
