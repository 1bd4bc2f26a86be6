"""How figures of results are written: no noughts that say nothing, a real minus sign, and nothing where nothing changed."""

from __future__ import annotations

import pytest

from campaigns.console.effects import amount_of, cell_of, difference_of
from campaigns.models import ExperimentMetric
from campaigns.rules.experiments import Effect, Outcome
from campaigns.selectors.experiments import LEFT

ORDERED, REVENUE, ORDERS = ExperimentMetric.ORDERED, ExperimentMetric.REVENUE, ExperimentMetric.ORDERS


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        (ORDERED, 0.25, "25%"),
        (ORDERED, 0.0762, "7.62%"),
        (LEFT, 0.0, "0%"),
        (ORDERS, 0.0857, "0.086"),
        (REVENUE, 1189.4, "CN¥11.89"),
    ],
)
def test_a_mean_is_written_without_noughts_that_say_nothing(metric, value, written):
    assert amount_of("CNY", metric, value) == written


@pytest.mark.parametrize(
    ("metric", "value", "written"),
    [
        (ORDERED, 0.2, "+20 pp"),
        (ORDERED, -0.0655, "−6.55 pp"),
        (ORDERED, -0.00001, "0 pp"),
        (REVENUE, -373.0, "−CN¥3.73"),
        (REVENUE, 789.0, "+CN¥7.89"),
        (ORDERS, -0.046, "−0.046"),
    ],
)
def test_a_difference_has_its_sign(metric, value, written):
    assert difference_of("CNY", metric, value) == written


def test_a_planned_effect_has_no_sign_and_may_go_without_unit():
    assert difference_of("CNY", ORDERED, 0.05, signed=False) == "5 pp"
    assert difference_of("CNY", ORDERED, -0.05, unit=False) == "−5"


def test_no_difference_is_said_in_words():
    outcome = Outcome(count=200, total=0.0, squares=0.0)
    same = Effect(difference=0.0, low=0.0, high=0.0, chance=1.0, sure=False)
    cell = cell_of("CNY", LEFT, outcome, same)
    assert (cell.value, cell.change, cell.between, cell.tone) == ("0%", "no difference", "", "")
