"""What one group of customers did, and what it changed beside another: the cells of result tables."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from campaigns.models import ExperimentMetric
from campaigns.rules.experiments import Effect, Outcome
from campaigns.selectors.experiments import LEFT
from core.formatting import money, number

SHARES = {ExperimentMetric.ORDERED, LEFT}
MINUS = "\N{MINUS SIGN}"


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
    if effect.difference == effect.low == effect.high == 0:
        return Cell(label, value, _t("no difference"))
    low = difference_of(currency, metric, effect.low, unit=False)
    high = difference_of(currency, metric, effect.high)
    better = (effect.difference < 0) == (metric == LEFT)
    return Cell(
        label,
        value,
        difference_of(currency, metric, effect.difference),
        _t("%(low)s to %(high)s") % {"low": low, "high": high},
        ("good" if better else "bad") if effect.sure else "",
    )


def amount_of(currency: str, metric: str, value: float) -> str:
    """A mean of the metric for people: a share, orders per customer, money per customer."""
    if metric in SHARES:
        return f"{number(round(value * 100, 2))}%"
    if metric == ExperimentMetric.REVENUE:
        return money(round(value), currency)
    return number(round(value, 3))


def difference_of(currency: str, metric: str, value: float, *, unit: bool = True, signed: bool = True) -> str:
    """What lies between two means; the difference of shares is in percentage points. What rounds to nothing has no sign."""
    rounded = (
        round(value * 100, 2) if metric in SHARES else round(value, 0 if metric == ExperimentMetric.REVENUE else 3)
    )
    sign = ("+" if rounded > 0 else MINUS if rounded < 0 else "") if signed else ""
    if metric == ExperimentMetric.REVENUE:
        return sign + money(round(abs(rounded)), currency)
    said = sign + number(abs(rounded))
    return pgettext("percentage points", "%(value)s pp") % {"value": said} if unit and metric in SHARES else said
