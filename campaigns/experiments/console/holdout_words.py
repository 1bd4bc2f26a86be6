"""Describe the results of a holdout: a row for each group, and sentences that explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from campaigns.experiments.console.effects import EffectCell, cell_of
from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import FEWEST, ExperimentEffect
from campaigns.experiments.selectors.holdouts import Comparison, HoldoutGroup
from campaigns.experiments.selectors.results import LEFT
from core.text.formatting import money, number


@dataclass(frozen=True)
class HoldoutRow:
    label: str
    counted: int
    cells: list[EffectCell]


def shown(compared: Comparison) -> dict[str, Any]:
    """Return the context of `campaigns/experiments/holdout.html`."""
    return {
        "rows": [
            _row(_t("Intended recipients"), compared, compared.assigned, compared.effects),
            _row(_t("Held out"), compared, compared.held_out, {}),
        ],
        "sentences": sentences(compared),
    }


def _row(
    label: str, compared: Comparison, group: HoldoutGroup, effects: dict[str, ExperimentEffect | None]
) -> HoldoutRow:
    cells = [
        cell_of(compared.currency, metric, outcome, effects.get(metric)) for metric, outcome in group.outcomes.items()
    ]
    return HoldoutRow(label, group.counted, cells)


def sentences(compared: Comparison) -> list[str]:
    """Return sentences on the results, orders first; uncertain results for money and consents are left out."""
    ordered = compared.effects[ExperimentMetric.ORDERED]
    if ordered is None:
        return [too_few(min(compared.assigned.counted, compared.held_out.counted))]
    return [_ordered(ordered), *further_sentences(compared.effects, compared.currency)]


def too_few(fewest: int) -> str:
    """Return why there is no result yet; `fewest` is the size of the smaller group."""
    text = ngettext(
        "Not enough data: the smaller group has %(count)s customer whose measurement window is over, "
        "and it needs %(least)s.",
        "Not enough data: the smaller group has %(count)s customers whose measurement window is over,"
        " and it needs %(least)s.",
        fewest,
    )
    return text % {"count": number(fewest), "least": FEWEST}


def further_sentences(effects: Mapping[str, ExperimentEffect | None], currency: str) -> list[str]:
    """Return what is certain about money and consents."""
    texts = []
    revenue = effects[ExperimentMetric.REVENUE]
    if revenue is not None and revenue.sure and revenue.low is not None and revenue.high is not None:
        low, high = sorted((abs(revenue.low), abs(revenue.high)))
        values = {"low": money(round(low), currency), "high": money(round(high), currency)}
        texts.append(
            _t("Each of them spent %(low)s to %(high)s more.") % values
            if revenue.difference > 0
            else _t("Each of them spent %(low)s to %(high)s less.") % values
        )
    withdrawals = effects[LEFT]
    if withdrawals is not None and withdrawals.sure and withdrawals.low is not None:
        values = of_hundred(withdrawals)
        texts.append(
            _t("Per 100 customers, %(low)s to %(high)s more withdrew their consent.") % values
            if withdrawals.difference > 0
            else _t("Per 100 customers, %(low)s to %(high)s fewer withdrew their consent.") % values
        )
    return texts


def _ordered(effect: ExperimentEffect) -> str:
    values = of_hundred(effect)
    if not effect.sure:
        return (
            _t(
                "Not enough data: per 100 intended recipients, the effect is between %(low)s fewer and "
                "%(high)s more who ordered."
            )
            % values
        )
    if effect.difference > 0:
        return _t("Per 100 intended recipients, %(low)s to %(high)s more ordered than without it.") % values
    return _t("Per 100 intended recipients, %(low)s to %(high)s fewer ordered than without it.") % values


def of_hundred(effect: ExperimentEffect) -> dict[str, str]:
    """Return the ends of the interval per 100 people, the smaller first when both are on one side."""
    low, high = abs(effect.low or 0) * 100, abs(effect.high or 0) * 100
    if effect.sure:
        low, high = sorted((low, high))
    return {"low": number(round(low, 1)), "high": number(round(high, 1))}
