"""How many of the points that members hold will never be spent: a chain-ladder over monthly cohorts.

Of the points of every cohort that were still there k months after they became available, the share spent in that month
is h(k). A lot of age a that ends in u months is spent with the probability 1 - (1 - h(a)) (1 - h(a+1)) ... up to its end.
Ages that no cohort has reached yet count as never spent from then on. (Mack, "Distribution-free calculation of the
standard error of chain ladder reserve estimates", ASTIN Bulletin 23, 1993, for the method in claims reserving.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Cohort:
    """Points of one month: `spent[k]` and `lost[k]` (run out, taken back, given away) in the k-th month after."""

    issued: int
    spent: Sequence[int]
    lost: Sequence[int]


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Points that are there now, of one age, all ending in `left` whole months; None: they never end."""

    points: int
    age: int
    left: int | None


def spending_rates(cohorts: Sequence[Cohort]) -> list[float]:
    """h(k) for each age that at least one cohort with points has passed through."""
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
    """Points of `outstanding` that will not be spent, or None while nothing was ever spent or six months have not been seen."""
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
