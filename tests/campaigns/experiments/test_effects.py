"""Test the format of result figures: no trailing zeros, a real minus sign, and no sign without a change."""

from __future__ import annotations

import pytest

from campaigns.experiments.console.effects import EffectCell, amount_of, cell_of, difference_of
from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import GroupOutcome, effect_of
from campaigns.experiments.selectors.results import LEFT

ORDERED, REVENUE, ORDERS = ExperimentMetric.ORDERED, ExperimentMetric.REVENUE, ExperimentMetric.ORDERS


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        (ORDERED, 0.25, "25%"),
        (ORDERED, 0.0762, "7.62%"),
        (LEFT, 0.0, "0%"),
        (ORDERS, 0.0857, "0.086"),
        (REVENUE, 1189.4, "¥11.89"),
    ],
)
def test_a_mean_is_formatted_without_trailing_zeros(metric, value, written):
    assert amount_of("CNY", metric, value) == written


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        (ORDERED, 0.2, "+20 pp"),
        (ORDERED, -0.0655, "−6.55 pp"),
        (ORDERED, -0.00001, "0 pp"),
        (REVENUE, -373.0, "−¥3.73"),
        (REVENUE, 789.0, "+¥7.89"),
        (ORDERS, -0.046, "−0.046"),
    ],
)
def test_a_difference_has_its_sign(metric, value, written):
    assert difference_of("CNY", metric, value) == written


def test_a_planned_effect_has_no_sign_and_may_go_without_unit():
    assert difference_of("CNY", ORDERED, 0.05, signed=False) == "5 pp"
    assert difference_of("CNY", ORDERED, -0.05, unit=False) == "−5"


def test_no_events_are_not_called_no_difference():
    none = GroupOutcome(21_000, 0, 0, 0)
    cell = cell_of("CNY", ORDERED, none, effect_of(none, none, error=0.05, share=True))
    assert (cell.value, cell.change, cell.tone) == ("0%", "too few to conclude", "")
    assert (cell.between, cell.chance) == ("95%: −0.02 to +0.02 pp", "p = 1")
    assert cell.note == (
        "0 of 21,000: the true share is below 0.014% (95% sure). A difference of up to 0.02 pp can't be excluded."
    )
    assert cell_of("CNY", ORDERED, none, None).note == "0 of 21,000: the true share is below 0.014% (95% sure)."
    money = cell_of("CNY", REVENUE, none, effect_of(none, none, error=0.05))
    assert (money.change, money.between, money.chance) == ("too few to conclude", "", "")
    assert money.note == "At least 10 customers of each group are needed to estimate the difference."


def test_an_effect_has_its_level_its_lift_and_its_chance():
    arm, control = GroupOutcome(11_034, 189, 189), GroupOutcome(11_037, 104, 104)
    cell = cell_of("CNY", ORDERED, arm, effect_of(arm, control, error=0.05, share=True))
    assert (cell.value, cell.change, cell.between) == ("1.71%", "+0.77 pp", "95%: +0.47 to +1.07 pp")
    assert (cell.lift, cell.chance, cell.tone) == ("relative: +81.8% (+43.3% to +130.6%)", "p < 0.001", "good")
    assert cell.note == ""
    three = effect_of(arm, control, error=0.05, comparisons=2, share=True)
    assert cell_of("CNY", ORDERED, arm, three).between.startswith("97.5%: ")
    assert cell_of("CNY", ORDERED, arm, three, hidden=True) == EffectCell("Share of customers who order", "1.71%")


def test_the_same_share_in_both_groups_has_an_interval():
    same = GroupOutcome(1000, 100, 100)
    cell = cell_of("CNY", ORDERED, same, effect_of(same, same, error=0.05, share=True))
    assert (cell.change, cell.chance, cell.note) == ("0 pp", "p = 1", "")
    assert cell.between == "95%: −2.63 to +2.63 pp"
