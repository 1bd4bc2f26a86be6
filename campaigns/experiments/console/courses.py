"""Draw the course of an experiment: the main metric of each arm with its interval, by the day on which windows end."""

from __future__ import annotations

from django.utils.translation import gettext as _t

from campaigns.experiments.console.effects import metric_label
from campaigns.experiments.models import SHARE_METRICS, Experiment, ExperimentMetric
from campaigns.experiments.rules import mean_interval
from campaigns.experiments.selectors.results import ExperimentResults
from core.console.charts import Chart, Series
from core.text.currencies import to_major
from core.text.formatting import day


def course_chart(experiment: Experiment, results: ExperimentResults) -> Chart | None:
    """Return the chart, from the first day on which every arm has an interval; None before it.

    Each interval is that of the arm's own figure; the comparison with the control is in the table of results.
    """
    mixture = float(experiment.effect) if experiment.any_time else None
    share = experiment.metric in SHARE_METRICS
    points = []
    for point in results.course:
        intervals = [
            mean_interval(outcome, error=experiment.error_percent / 100, mixture=mixture, share=share)
            for outcome in point.outcomes
        ]
        if all(intervals):
            rows = [(one.mean, *interval) for one, interval in zip(point.outcomes, intervals, strict=True) if interval]
            points.append((point.day, rows))
    if not points:
        return None
    series = []
    for place, result in enumerate(results.arms):
        names = {"arm": result.arm.name}
        labels = (result.arm.name, _t("%(arm)s, from") % names, _t("%(arm)s, to") % names)
        series += [
            Series(label, [_shown(experiment, rows[place][part]) for _day, rows in points], faint=part > 0)
            for part, label in enumerate(labels)
        ]
    return Chart(
        f"experiment-{experiment.pk}-course",
        metric_label(experiment.metric),
        _t("Day"),
        [day(point) for point, _rows in points],
        series,
        kind="line" if len(points) > 1 else "bar",
    )


def _shown(experiment: Experiment, value: float) -> float:
    """Return the value in percent, orders or major units of money."""
    if experiment.metric in SHARE_METRICS:
        return round(value * 100, 2)
    if experiment.metric == ExperimentMetric.REVENUE:
        return float(to_major(round(value), experiment.currency))
    return round(value, 3)
