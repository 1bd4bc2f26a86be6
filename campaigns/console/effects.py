"""What one group of customers did, and what it changed beside another: the cells of result tables."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from campaigns.models import ExperimentMetric
from campaigns.rules.experiments import Effect, Outcome
from campaigns.selectors.experiments import LEFT
from core.formatting import money, number, percent


@dataclass(frozen=True)
class Cell:
    """A figure of one group, with what it changed beside the other."""

    label: str
    value: str
    change: str = ""
    between: str = ""
    tone: str = ""


def metric_label(metric: str) -> str:
    return _t("Withdrew consent") if metric == LEFT else str(ExperimentMetric(metric).label)


def cell_of(currency: str, metric: str, outcome: Outcome, effect: Effect | None, *, hidden: bool = False) -> Cell:
    value = amount_of(currency, metric, outcome.mean) if outcome.count else "–"
    label = metric_label(metric)
    if effect is None or hidden:
        return Cell(label, value)
    low = amount_of(currency, metric, effect.low, signed=True, unit=False)
    high = amount_of(currency, metric, effect.high, signed=True)
    better = (effect.difference < 0) == (metric == LEFT)
    return Cell(
        label,
        value,
        amount_of(currency, metric, effect.difference, signed=True),
        _t("%(low)s to %(high)s") % {"low": low, "high": high},
        ("good" if better else "bad") if effect.sure else "",
    )


def amount_of(currency: str, metric: str, value: float, *, signed: bool = False, unit: bool = True) -> str:
    """A mean of the metric for people: a share, orders per customer, money per customer."""
    sign = "+" if signed and value > 0 else ""
    if metric in {ExperimentMetric.ORDERED, LEFT}:
        if signed:
            points = sign + number(round(value * 100, 2))
            return pgettext("percentage points", "%(value)s pp") % {"value": points} if unit else points
        return percent(value, 2)
    if metric == ExperimentMetric.REVENUE:
        return sign + money(round(value), currency)
    return sign + number(round(value, 3))
