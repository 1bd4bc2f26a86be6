"""The shape of an earning rule's terms, as services take them and as a version stores its conditions and limits.

{"points": 2, "per_amount": 100, "stacking": "sum", "tier_multiplier": True,
"conditions": [{"kind": "category", "categories": ["Coffee"]}],
"caps": [{"period": "day", "scope": "member", "points": 1000}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict, cast

from loyalty.program.rules.periods import Period

Scope = Literal["member", "rule"]


class CapTerms(TypedDict):
    """At most `points` in a period of the program's zone: for each `member`, or for all members of the `rule`."""

    period: Period
    scope: Scope
    points: int


class ConditionTerms(TypedDict):
    """One condition by its registered kind. The values of its settings stand beside `kind`, as `ConditionValues`."""

    kind: str


# The settings of a condition, by name. Each kind knows its own.
ConditionValues = Mapping[str, Any]


class EarningTerms(TypedDict, total=False):
    """The terms of one version. A value that is left out has the default of `EarningRuleVersion`.

    `points` for every `per_amount` minor units of the program's currency, or each time if it is None or left out.
    `factor` (above 1, at most 100, two decimals) only with stacking `multiply`. `streak_days`: 0, or the points are
    given once for so many days in a row (2 to 31).
    """

    points: int
    per_amount: int | None
    include_tax: bool
    include_shipping: bool
    tier_multiplier: bool
    conditions: list[ConditionTerms]
    stacking: Literal["sum", "best", "multiply"]
    factor: str | Decimal
    caps: list[CapTerms]
    streak_days: int


def condition_of(kind: str, values: ConditionValues) -> ConditionTerms:
    """Return a condition with the values of its settings."""
    return cast(ConditionTerms, {"kind": kind, **values})
