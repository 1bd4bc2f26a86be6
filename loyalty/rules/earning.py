"""What an order earns. Whole numbers throughout: no amount passes through a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class OrderAmounts:
    """Minor units; `refunded` is of `total`."""

    subtotal: int
    discount: int
    points_amount: int
    shipping: int
    tax: int
    fees: int
    total: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """`points` for every `per_amount` minor units of the base."""

    points: int
    per_amount: int
    include_tax: bool = False
    include_shipping: bool = False
    tier_multiplier: bool = True


@dataclass(frozen=True, slots=True)
class Award:
    """`remainder` is exact points less the points given, so that what rounding leaves over is stated (L3)."""

    points: int
    remainder: Decimal


def earning_base(order: OrderAmounts, terms: RuleTerms) -> int:
    """The part of an order that earns (L6): net of discounts and of the part paid with points."""
    base = order.subtotal - order.discount - order.points_amount
    if terms.include_tax:
        base += order.tax
    if terms.include_shipping:
        base += order.shipping
    return max(base, 0)


def points_for(base: int, terms: RuleTerms, multiplier: Decimal, rounding: str) -> Award:
    """rounding(base / per_amount * points * multiplier)."""
    factor = multiplier if terms.tier_multiplier else Decimal(1)
    exact = Fraction(base * terms.points, terms.per_amount) * Fraction(factor)
    points = _round(exact, rounding)
    left = exact - points
    return Award(points, (Decimal(left.numerator) / Decimal(left.denominator)).quantize(Decimal("0.000001")))


def points_after_refund(base: int, order: OrderAmounts, terms: RuleTerms, multiplier: Decimal, rounding: str) -> int:
    """What the order would have earned without what was refunded (L5): pro rata to the total, rounded the same way."""
    if order.total <= 0 or order.refunded >= order.total:
        return 0
    kept = Fraction(base * (order.total - order.refunded), order.total)
    factor = multiplier if terms.tier_multiplier else Decimal(1)
    return _round(kept * terms.points / terms.per_amount * Fraction(factor), rounding)


def redeemed_to_return(captured: int, order_total: int, refunded: int) -> int:
    """How many of the points spent on an order a refund gives back in all: pro rata, rounded down until it is whole."""
    if order_total <= 0 or refunded >= order_total:
        return captured
    return captured * refunded // order_total


def _round(exact: Fraction, rounding: str) -> int:
    floor = exact.numerator // exact.denominator
    if rounding == "floor" or exact == floor:
        return floor
    if rounding == "ceiling":
        return floor + 1
    return floor + (1 if exact - floor >= Fraction(1, 2) else 0)
