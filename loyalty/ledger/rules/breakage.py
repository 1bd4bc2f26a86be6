"""Estimate of the points that members will never spend: a chain-ladder over monthly cohorts.

h(k) is a share of all cohorts' points that were unspent k months after they became available: the part spent in that
month. A lot of age a that ends in u months is spent with the probability 1 - (1 - h(a)) (1 - h(a+1)) ... up to its end.
Ages that no cohort has reached yet count as never spent from then on. (Mack, "Distribution-free calculation of the
standard error of chain ladder reserve estimates", ASTIN Bulletin 23, 1993, for the method in claims reserving.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Cohort:
    """Points of one month: `spent[k]` and `lost[k]` (expired, taken back, transferred) in the k-th month after."""

    issued: int
    spent: Sequence[int]
    lost: Sequence[int]


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Present points of one age that end in `left` whole months. None means that they never end."""

    points: int
    age: int
    left: int | None


def spending_rates(cohorts: Sequence[Cohort]) -> list[float]:
    """Return h(k) for each age that at least one cohort with points has passed through."""
    longest = max((len(cohort.spent) for cohort in cohorts), default=0)
    rates = []
    for age in range(longest):
        there = spent = 0
        for cohort in cohorts:
            if age < len(cohort.spent):
                there += cohort.issued - sum(cohort.spent[:age]) - sum(cohort.lost[:age])
                spent += cohort.spent[age]
        if there <= 0:
            break
        rates.append(min(spent / there, 1.0))
    return rates


def expected_breakage(cohorts: Sequence[Cohort], outstanding: Sequence[Outstanding]) -> int | None:
    """Return how many of the `outstanding` points will not be spent.

    Return None while nothing was ever spent or fewer than six months were observed.
    """
    rates = spending_rates(cohorts)
    if len(rates) < LEAST_MONTHS or not any(rates):
        return None
    unspent = 0.0
    for part in outstanding:
        last = len(rates) if part.left is None else min(part.age + part.left + 1, len(rates))
        stays = 1.0
        for age in range(part.age, last):
            stays *= 1 - rates[age]
        unspent += part.points * stays
    return round(unspent)
