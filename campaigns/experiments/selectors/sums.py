"""Sum metrics per group in SQL, and read the sums as outcomes: the form that all comparisons of groups share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from campaigns.experiments.rules import Covariate, GroupOutcome

# Columns of a metric: its sum, the sum of its squares, the number of customers with a value.
WIDTH = 3


def columns_of(values: Iterable[str], where: str = "") -> str:
    """Return the columns of these SQL values, over the rows of a group that meet the condition `where`."""
    only = f" FILTER (WHERE {where})" if where else ""
    also = f"{where} AND " if where else ""
    return ", ".join(
        f"coalesce(sum({value}){only}, 0)::float8,"
        f" coalesce(sum(({value})::float8 * ({value})){only}, 0)::float8,"
        f" count(*) FILTER (WHERE {also}{value} <> 0)"
        for value in values
    )


def outcomes_of(
    metrics: Iterable[str],
    count: float,
    sums: Sequence[float],
    covariates: Mapping[str, Covariate] | None = None,
) -> dict[str, GroupOutcome]:
    """Return {metric: outcome} of a group of `count` customers from the columns of `columns_of`, in the same order."""
    return {
        metric: GroupOutcome(
            int(count),
            sums[WIDTH * place],
            sums[WIDTH * place + 1],
            int(sums[WIDTH * place + 2]),
            (covariates or {}).get(metric),
        )
        for place, metric in enumerate(metrics)
    }
