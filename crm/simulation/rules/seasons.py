"""Seasons of the simulated shop: weaker months, and festivals with orders of their own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

# Share of the orders that are kept, by month: coffee and tea sell less in summer.
MONTHS = {1: 0.95, 2: 0.85, 3: 0.9, 4: 0.9, 5: 0.88, 6: 0.85, 7: 0.78, 8: 0.78, 9: 0.9, 10: 0.95, 11: 1.0, 12: 1.0}


@dataclass(frozen=True)
class SaleFestival:
    """A festival with its sale. `rate`: the share of earlier buyers that order once more because of it."""

    name: str
    first: date
    days: int
    rate: float
    discount_percent: int

    @property
    def last(self) -> date:
        """Return the last day of the sale."""
        return self.first + timedelta(days=self.days - 1)
