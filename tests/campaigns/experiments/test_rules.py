"""Test the arithmetic of experiments (X1, X3), by worked figures and simulation: false alarms stay below the stated
rate.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.experiments.rules import (
    GroupOutcome,
    arm_of,
    effect_of,
    fisher_chance,
    limits_of,
    mismatch,
    newcombe,
    none_seen_bound,
    sample_needed,
    sequential_chance,
    sequential_half,
    share_of,
    variance_of_share,
)

RUNS, LOOKS = 2_000, 20
ERROR = 0.05


def test_the_weights_are_cut_into_ten_thousand_shares():
    assert limits_of([1, 1]) == [5000, 10000]
    assert limits_of([1, 1, 1]) == [3333, 6667, 10000]
    assert limits_of([90, 10]) == [9000, 10000]


@given(st.integers(1, 2**62), st.lists(st.integers(1, 1000), min_size=2, max_size=6))
def test_each_customer_has_one_fixed_arm(customer, weights):
    place = arm_of("salt", customer, weights)
    assert 0 <= place < len(weights)
    assert arm_of("salt", customer, weights) == place


def test_shares_are_even_and_of_different_experiments_independent():
    counts = np.zeros((2, 2))
    for customer in range(20_000):
        counts[share_of("a", customer) < 5000, share_of("b", customer) < 5000] += 1
    # 5,000 each with a standard deviation of 61
    assert abs(counts - 5000).max() < 250


def test_the_sample_of_two_shares_matches_the_books():
    """Compare with Chow, Shao & Wang's formula by hand.

    (1.95996 + 0.84162)^2 * (0.1*0.9 + 0.12*0.88) / 0.02^2 = 3,838.5 in each arm.
    """
    variances = (variance_of_share(0.1), variance_of_share(0.12))
    half = (1.959964 + 0.841621) ** 2 * sum(variances) / 0.02**2
    wanted = {"variances": variances, "effect": 0.02, "error": 0.05, "power": 0.8}
    assert sample_needed(shares=(0.5, 0.5), **wanted) == math.ceil(2 * half) == 7677
    # a tenth in the arm: that arm's variance counts ten times
    assert sample_needed(shares=(0.9, 0.1), **wanted) == math.ceil(
        (1.959964 + 0.841621) ** 2 * (0.09 / 0.9 + 0.1056 / 0.1) / 0.02**2
    )
    assert sample_needed(shares=(0.5, 0.5), comparisons=2, **wanted) > 7677
    assert sample_needed(shares=(0.5, 0.5), **{**wanted, "effect": 10.0}) == 200


def test_the_interval_is_welchs_and_marks_when_zero_is_excluded():
    control = GroupOutcome(1000, 100, 100)
    arm = GroupOutcome(1000, 140, 140)
    effect = effect_of(arm, control, error=0.05)
    spread = math.sqrt(0.1 * 0.9 / 999 + 0.14 * 0.86 / 999)
    assert effect.difference == pytest.approx(0.04)
    assert (effect.low, effect.high) == pytest.approx((0.04 - 1.959964 * spread, 0.04 + 1.959964 * spread))
    assert effect.sure
    assert effect.chance == pytest.approx(2 * (1 - 0.997087), abs=2e-4)
    # the same figures, with looks at any time and two arms: less is sure
    assert not effect_of(arm, control, error=0.05, comparisons=2, mixture=0.02).sure


def test_too_few_customers_give_no_effect():
    assert effect_of(GroupOutcome(99, 50, 50), GroupOutcome(1000, 100, 100), error=0.05) is None
    same = effect_of(GroupOutcome(100, 0, 0), GroupOutcome(100, 0, 0), error=0.05, share=True)
    assert (same.difference, same.chance, same.sure, same.few) == (0, 1, False, True)
    assert (same.low, same.high) == pytest.approx((-0.0370, 0.0370), abs=1e-4), "none of 100 leaves room for some"
    money = effect_of(GroupOutcome(100, 0, 0, 0), GroupOutcome(100, 0, 0, 0), error=0.05)
    assert (money.low, money.high, money.chance, money.sure, money.few) == (None, None, None, False, True)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_the_interval_of_few_is_newcombes(counts, low, high):
    """Compare with Newcombe, Statistics in Medicine 17 (1998), table II, method 10."""
    assert newcombe(*counts, error=0.05) == pytest.approx((low, high), abs=5e-5)


def test_the_exact_chance_is_fishers():
    """Compare with the lady tasting tea: three of four right.

    Fisher, The Design of Experiments (1935): 34/70 two-sided.
    """
    assert fisher_chance(3, 4, 1, 4) == pytest.approx(34 / 70)
    assert fisher_chance(4, 4, 0, 4) == pytest.approx(2 / 70)


def test_no_events_bound_the_share_at_about_three_over_the_count():
    """Compare with Hanley & Lippman-Hand, JAMA 249 (1983).

    0 of n is compatible with up to 3 in n; for 14 the exact bound is 19.3%.
    """
    assert none_seen_bound(14) == pytest.approx(0.1926, abs=1e-4)
    assert none_seen_bound(21_000) == pytest.approx(3 / 21_000, rel=2e-3)


def test_the_relative_lift_has_the_interval_of_a_ratio():
    """Compare with aspirin and heart attacks, Agresti, Categorical Data Analysis (2nd ed., 2002), 3.1.3.

    189 of 11,034 on placebo and 104 of 11,037 on aspirin give the ratio 1.82 with a 95% interval of 1.43 to 2.31.
    """
    effect = effect_of(GroupOutcome(11_034, 189, 189), GroupOutcome(11_037, 104, 104), error=0.05, share=True)
    assert (1 + effect.lift, 1 + effect.lift_low, 1 + effect.lift_high) == pytest.approx((1.82, 1.43, 2.31), abs=5e-3)
    assert (effect.difference, effect.low, effect.high) == pytest.approx((0.0077, 0.0047, 0.0107), abs=5e-5)
    assert (effect.level, effect.sure, effect.few) == (0.95, True, False)
    assert effect_of(GroupOutcome(500, 50, 50), GroupOutcome(500, 0, 0, 0), error=0.05, share=True).lift is None


def test_with_few_conversions_only_a_clear_difference_at_one_look_is_sure():
    few = {"error": 0.05, "share": True}
    unclear = effect_of(GroupOutcome(21_000, 3, 3), GroupOutcome(21_000, 0, 0), **few)
    assert (unclear.few, unclear.sure) == (True, False)
    assert unclear.low < 0 < unclear.high
    clear = effect_of(GroupOutcome(21_000, 9, 9), GroupOutcome(21_000, 0, 0), **few)
    assert (clear.few, clear.sure) == (True, True)
    assert clear.low > 0
    assert clear.chance == pytest.approx(0.0039, abs=1e-4)
    assert not effect_of(GroupOutcome(21_000, 9, 9), GroupOutcome(21_000, 0, 0), mixture=0.01, **few).sure
    assert effect_of(GroupOutcome(21_000, 20, 20), GroupOutcome(21_000, 10, 10), **few).few is False


def test_the_level_follows_the_number_of_arms():
    assert (
        effect_of(GroupOutcome(1000, 140, 140), GroupOutcome(1000, 100, 100), error=0.05, comparisons=2).level == 0.975
    )


@given(st.floats(1e-8, 1), st.floats(1e-4, 1), st.floats(1e-3, 0.2))
def test_the_sequential_interval_and_its_chance_agree(variance, mixture, error):
    half = sequential_half(variance, mixture, error)
    assert sequential_chance(half, variance, mixture) == pytest.approx(min(1, error), rel=1e-6)
    assert half > 1.6 * math.sqrt(variance) or error > 0.1


def test_uneven_arms_are_detected():
    assert mismatch([5000, 5000], [1, 1]) == 1
    assert mismatch([5100, 4900], [1, 1]) > 0.001
    assert mismatch([5300, 4700], [1, 1]) < 0.001
    assert mismatch([900, 100], [9, 1]) == 1
    assert mismatch([10, 5], [1, 0]) == 0
    assert mismatch([0, 0], [1, 1]) == 1


def looked_at(rng, count: int, shares: tuple[float, float], mixture: float | None, *, revenue: bool) -> np.ndarray:
    """Return for each of RUNS experiments whether one of LOOKS looks was sure of an effect."""
    step = count // 2 // LOOKS
    sums = np.zeros((RUNS, 2, 2))
    sure = np.zeros(RUNS, bool)
    for look in range(1, LOOKS + 1):
        for place, share in enumerate(shares):
            bought = rng.binomial(step, share, RUNS)
            if revenue:
                # Revenue per order is skewed: a few orders are large.
                amounts = rng.lognormal(3, 1, bought.sum())
                run = np.repeat(np.arange(RUNS), bought)
                sums[:, place, 0] += np.bincount(run, amounts, RUNS)
                sums[:, place, 1] += np.bincount(run, amounts**2, RUNS)
            else:
                sums[:, place] += bought[:, None]
        for run in np.flatnonzero(~sure):
            control, arm = (GroupOutcome(step * look, *sums[run, place]) for place in (0, 1))
            effect = effect_of(arm, control, error=ERROR, mixture=mixture)
            sure[run] = effect is not None and effect.sure
    return sure


@pytest.mark.parametrize(
    ("revenue", "smallest"), [(False, 0.02), (True, 0.6)], ids=["share who order", "skewed revenue"]
)
def test_false_alarms_of_twenty_looks_at_2000_experiments_stay_below_the_stated_rate(revenue, smallest):
    """A/A (X3): the sequential test holds its 5 %; the test for one look, looked at twenty times, does not."""
    rng = np.random.default_rng(2026)
    shares = (0.1, 0.1)
    assert looked_at(rng, 8_000, shares, smallest, revenue=revenue).mean() <= ERROR
    assert looked_at(rng, 8_000, shares, None, revenue=revenue).mean() > 3 * ERROR


def test_an_effect_of_the_planned_size_is_found_with_the_planned_power():
    """A/B (X3): at the planned sample, twenty looks included; and the fixed test at its one look."""
    rng = np.random.default_rng(2026)
    shares, effect = (0.1, 0.12), 0.02
    wanted = {
        "variances": (variance_of_share(0.1), variance_of_share(0.12)), "shares": (0.5, 0.5), "effect": effect,
        "error": ERROR, "power": 0.8,
    }  # fmt: skip
    found = looked_at(rng, sample_needed(sequential=True, **wanted), shares, effect, revenue=False)
    assert 0.78 < found.mean() < 0.93
    half = sample_needed(**wanted) // 2
    pairs = zip(rng.binomial(half, 0.1, RUNS), rng.binomial(half, 0.12, RUNS), strict=True)
    sure = [effect_of(GroupOutcome(half, b, b), GroupOutcome(half, a, a), error=ERROR).sure for a, b in pairs]
    assert 0.77 < np.mean(sure) < 0.83
