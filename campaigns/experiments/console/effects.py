"""Format the cells of result tables: the figures of one group, and their difference from another."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import FEWEST_EVENTS, AdjustedEffect, ExperimentEffect, GroupOutcome, none_seen_bound
from campaigns.experiments.selectors.results import GOAL, LEFT, SHARES
from core.text.formatting import in_chinese, money, number, percent

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class EffectCell:
    """Hold a figure of one group with its difference from the other: absolute, relative, and certainty.

    `note` says what can be concluded from few events; `url` opens the customers behind the figure.
    `adjusted` is the difference with earlier spend as covariate.
    """

    label: str
    value: str
    change: str = ""
    between: str = ""
    tone: str = ""
    lift: str = ""
    chance: str = ""
    note: str = ""
    url: str = ""
    adjusted: str = ""


@dataclass(frozen=True)
class MetricRow:
    """Hold one metric with a cell for each group, in their order. The label of a cell is the name of its group."""

    label: str
    cells: list[EffectCell]
    main: bool = False


def metric_label(metric: str) -> str:
    if metric == GOAL:
        return _t("Reached the goal")
    return _t("Withdrew consent") if metric == LEFT else str(ExperimentMetric(metric).label)


def cell_of(
    currency: str, metric: str, outcome: GroupOutcome, effect: ExperimentEffect | None, *, hidden: bool = False
) -> EffectCell:
    value = amount_of(currency, metric, outcome.mean) if outcome.count else "–"
    label = metric_label(metric)
    if hidden:
        return EffectCell(label, value)
    if effect is None:
        return EffectCell(label, value, note=_none_seen(outcome) if metric in SHARES else "")
    open_ended = effect.few and not effect.sure
    better = (effect.difference < 0) == (metric == LEFT)
    return EffectCell(
        label,
        value,
        _t("too few to conclude") if open_ended else difference_of(currency, metric, effect.difference),
        _between(currency, metric, effect),
        ("good" if better else "bad") if effect.sure else "",
        "" if open_ended else _lift(effect),
        _chance(effect),
        _of_few(currency, metric, outcome, effect) if open_ended else "",
    )


def _between(currency: str, metric: str, effect: ExperimentEffect) -> str:
    """Return the interval with its level, such as "95%: +0.1 to +0.3 pp"."""
    if effect.low is None or effect.high is None:
        return ""
    return _t("%(level)s: %(low)s to %(high)s") % {
        "level": percent(effect.level, 0 if round(effect.level * 100, 1) % 1 == 0 else 1),
        "low": difference_of(currency, metric, effect.low, unit=False),
        "high": difference_of(currency, metric, effect.high),
    }


def _lift(effect: ExperimentEffect) -> str:
    """Return the change relative to the control's figure, with its interval at the same level."""
    if effect.lift is None:
        return ""
    text = signed_percent(effect.lift)
    if effect.lift_low is None or effect.lift_high is None:
        return _t("relative: %(lift)s") % {"lift": text}
    low, high = signed_percent(effect.lift_low), signed_percent(effect.lift_high)
    return _t("relative: %(lift)s (%(low)s to %(high)s)") % {"lift": text, "low": low, "high": high}


def _chance(effect: ExperimentEffect) -> str:
    if effect.chance is None:
        return ""
    return "p < 0.001" if effect.chance < 0.001 else f"p = {number(round(effect.chance, 3))}"


def _of_few(currency: str, metric: str, outcome: GroupOutcome, effect: ExperimentEffect) -> str:
    """Return the conclusion from few events: few events do not prove that there is no difference."""
    if effect.low is None or effect.high is None:
        return _t("At least %(least)s customers of each group are needed to estimate the difference.") % {
            "least": number(FEWEST_EVENTS)
        }
    largest = max(abs(effect.low), abs(effect.high))
    bound = difference_of(currency, metric, largest, signed=False)
    text = _t("A difference of up to %(bound)s can't be excluded.") % {"bound": bound}
    none = _none_seen(outcome)
    return ("" if in_chinese() else " ").join(filter(None, [none, text]))


def _none_seen(outcome: GroupOutcome) -> str:
    """Return the bound of a share without events: 0 of 21,000 still allows a share above 0."""
    if not outcome.count or outcome.total:
        return ""
    return _t("0 of %(count)s: the true share is below %(bound)s%% (95%% sure).") % {
        "count": number(outcome.count),
        "bound": number(float(f"{none_seen_bound(outcome.count) * 100:.2g}")),
    }


def adjusted_words(currency: str, metric: str, effect: AdjustedEffect | None) -> str:
    """Return the difference adjusted for earlier spend, such as "adjusted: +2 pp (1 to 3 pp), 23% narrower"."""
    if effect is None:
        return ""
    values = {
        "difference": difference_of(currency, metric, effect.difference),
        "low": difference_of(currency, metric, effect.low, unit=False),
        "high": difference_of(currency, metric, effect.high),
        "share": percent(abs(effect.narrower)),
    }
    if round(effect.narrower * 100) > 0:
        return (
            _t("adjusted for earlier spend: %(difference)s (%(low)s to %(high)s); the interval is %(share)s narrower")
            % values
        )
    return _t("adjusted for earlier spend: %(difference)s (%(low)s to %(high)s); the interval is not narrower") % values


def signed_percent(value: float) -> str:
    rounded = round(value * 100, 1)
    return ("+" if rounded > 0 else MINUS if rounded < 0 else "") + f"{number(abs(rounded))}%"


def amount_of(currency: str, metric: str, value: float) -> str:
    """Format a mean of the metric: a share, orders per customer, money per customer."""
    if metric in SHARES:
        return f"{number(round(value * 100, 2))}%"
    if metric == ExperimentMetric.REVENUE:
        return money(round(value), currency)
    return number(round(value, 3))


def difference_of(currency: str, metric: str, value: float, *, unit: bool = True, signed: bool = True) -> str:
    """Format the difference of two means, of shares in percentage points. A value that rounds to 0 has no sign."""
    rounded = (
        round(value * 100, 2) if metric in SHARES else round(value, 0 if metric == ExperimentMetric.REVENUE else 3)
    )
    sign = ("+" if rounded > 0 else MINUS if rounded < 0 else "") if signed else ""
    if metric == ExperimentMetric.REVENUE:
        return sign + money(round(abs(rounded)), currency)
    text = sign + number(abs(rounded))
    return pgettext("percentage points", "%(value)s pp") % {"value": text} if unit and metric in SHARES else text
