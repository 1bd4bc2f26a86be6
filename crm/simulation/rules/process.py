"""Buy-till-you-die model: when each customer buys, how much, and when they stop for good.

Purchases follow MBG/NBD (Batislam, Denizel, Filiztekin 2007). While a customer is alive, intervals are exponential with
a rate drawn from a gamma distribution. After each purchase, including the first, the customer leaves for good with a
probability drawn from a beta distribution. Amounts follow Gamma-Gamma (Fader, Hardie 2013): each order is gamma around
a mean that differs between customers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

DAY = 86400.0


@dataclass(frozen=True)
class Truth:
    """Population parameters. Rates are per day, amounts in major units; `prospects` is the share that never buys."""

    r: float = 0.9
    alpha: float = 38.0
    a: float = 0.75
    b: float = 4.2
    p: float = 5.5
    q: float = 4.0
    gamma: float = 95.0
    prospects: float = 0.08

    def as_dict(self) -> dict[str, float]:
        """Return the parameters by name."""
        return asdict(self)


@dataclass(frozen=True)
class History:
    """One row per customer, and one per order, sorted by customer and time.

    Times are seconds since the shop's first day.

    Customers without `buyer` signed up and bought nothing; the purchase process does not cover them.
    """

    buyer: np.ndarray
    acquired: np.ndarray
    rate: np.ndarray
    dropout: np.ndarray
    mean_amount: np.ndarray
    alive: np.ndarray
    order_customer: np.ndarray
    order_time: np.ndarray
    order_amount: np.ndarray

    def truth_arrays(self) -> dict[str, Any]:
        """Return the true values of all customers, by name, for comparison with estimates."""
        return {
            "buyer": self.buyer,
            "acquired": self.acquired,
            "rate": self.rate,
            "dropout": self.dropout,
            "mean_amount": self.mean_amount,
            "alive": self.alive,
        }


def simulate(customers: int, days: int, truth: Truth, random: np.random.Generator, first: int = 0) -> History:
    """Draw `customers` histories over `days`; the customers are numbered from `first`."""
    end = days * DAY
    acquired = random.uniform(0, end, customers)
    rate = random.gamma(truth.r, 1 / truth.alpha, customers)
    dropout = random.beta(truth.a, truth.b, customers)
    mean_amount = truth.p * truth.gamma / random.gamma(truth.q, 1.0, customers)
    at = acquired.copy()
    alive = np.ones(customers, dtype=bool)
    buyer = random.random(customers) >= truth.prospects
    active = np.flatnonzero(buyer)
    owners, times = [], []
    while active.size:
        owners.append(active)
        times.append(at[active])
        leaves = random.random(active.size) < dropout[active]
        alive[active[leaves]] = False
        active = active[~leaves]
        at[active] += random.exponential(1.0, active.size) / np.maximum(rate[active], 1e-9) * DAY
        active = active[at[active] < end]
    owner = np.concatenate(owners)
    time = np.concatenate(times)
    order = np.lexsort((time, owner))
    owner, time = owner[order], time[order]
    amount = random.gamma(truth.p, mean_amount[owner] / truth.p)
    return History(buyer, acquired, rate, dropout, mean_amount, alive, owner + first, time, np.maximum(amount, 5.0))
