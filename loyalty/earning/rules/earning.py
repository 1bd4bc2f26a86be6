"""Arithmetic of what an order earns, in whole numbers only: no amount passes through a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class OrderAmounts:
    """Amounts in minor units; `refunded` is the refunded part of `total`."""

    subtotal: int
    discount: int
    points_amount: int
    shipping: int
    tax: int
    fees: int
    total: int
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A product line, in minor units after its own discount; `refunded` is the refunded part of `amount`."""

    id: int
    amount: int
    sku: str = ""
    category: str = ""
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """Terms: `points` for every `per_amount` minor units of the base. Without `per_amount`, `points` each time."""

    points: int
    per_amount: int | None
    include_tax: bool = False
    include_shipping: bool = False
    tier_multiplier: bool = True


@dataclass(frozen=True, slots=True)
class Base:
    """Minor units that count; `remainder` is the part of a minor unit that sharing by lines left over."""

    amount: int
    remainder: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Award:
    """Points of an award. `remainder` is exact points less the points given, so that rounding is stated (L3)."""

    points: int
    remainder: Decimal


def earning_base(order: OrderAmounts, terms: RuleTerms) -> int:
    """Return the part of an order that earns (L6): net of discounts and of the part paid with points."""
    base = order.subtotal - order.discount - order.points_amount
    if terms.include_tax:
        base += order.tax
    if terms.include_shipping:
        base += order.shipping
    return max(base, 0)


def base_of_lines(base: int, lines: Sequence[OrderLine], counting: Sequence[OrderLine]) -> Base:
    """Return the share of an order's base that some of its lines have, in proportion to their amounts.

    The order's discount and the part paid with points are then shared the same way. The share is in whole minor units,
    rounded down, with the remainder stated.
    """
    whole = sum(line.amount for line in lines)
    part = sum(line.amount for line in counting)
    if whole <= 0 or part <= 0:
        return Base(0)
    exact = min(Fraction(base * part, whole), Fraction(base))
    amount = exact.numerator // exact.denominator
    return Base(amount, _decimal(exact - amount))


def points_for(base: int, terms: RuleTerms, multiplier: Decimal, rounding: str) -> Award:
    """Return rounding(base / per_amount * points * multiplier)."""
    exact = Fraction(base * terms.points, terms.per_amount) if terms.per_amount else Fraction(terms.points)
    return _award(exact * _factor(terms, multiplier), rounding)


def multiplied(points: int, factor: Decimal, rounding: str) -> Award:
    """Return the points that a multiplying rule adds to the points of the others."""
    return _award(points * (Fraction(factor) - 1), rounding)


def points_after_refund(
    base: int,
    order: OrderAmounts,
    terms: RuleTerms,
    multiplier: Decimal,
    rounding: str,
    lines: Sequence[OrderLine] | None = None,
    counting: Sequence[OrderLine] = (),
) -> int:
    """Return what the order would have earned without the refunded part (L5), rounded the same way.

    A rate is taken pro rata to the total. For a rule that counts only the `counting` lines, see `kept_share`. Points
    given each time stay until the order is refunded in full.
    """
    if order.total <= 0 or order.refunded >= order.total:
        return 0
    if terms.per_amount is None:
        return points_for(base, terms, multiplier, rounding).points
    base_left = base * kept_share(order, lines, counting)
    return _round(base_left * terms.points / terms.per_amount * _factor(terms, multiplier), rounding)


def kept_share(
    order: OrderAmounts, lines: Sequence[OrderLine] | None = None, counting: Sequence[OrderLine] = ()
) -> Fraction:
    """Return the share of the counted amount that is left after refunds.

    A refund of a line reduces that line. The rest of the refunds belongs to no line and reduces all that is left, pro
    rata. Without `lines`, the whole is pro rata to the total.
    """
    if order.total <= 0 or order.refunded >= order.total:
        return Fraction(0)
    if lines is None:
        return Fraction(order.total - order.refunded, order.total)
    by_line = min(sum(line.refunded for line in lines), order.refunded)
    rest = Fraction(order.total - order.refunded, order.total - by_line)
    part = sum(line.amount for line in counting)
    if part <= 0:
        return Fraction(0)
    return Fraction(part - min(sum(line.refunded for line in counting), part), part) * rest


def redeemed_to_return(captured: int, order_total: int, refunded: int) -> int:
    """Return how many of the points spent on an order its refunds give back: pro rata, rounded down until full."""
    if order_total <= 0 or refunded >= order_total:
        return captured
    return captured * refunded // order_total


def _factor(terms: RuleTerms, multiplier: Decimal) -> Fraction:
    return Fraction(multiplier) if terms.tier_multiplier else Fraction(1)


def _award(exact: Fraction, rounding: str) -> Award:
    points = _round(exact, rounding)
    return Award(points, _decimal(exact - points))


def _decimal(exact: Fraction) -> Decimal:
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"))


def _round(exact: Fraction, rounding: str) -> int:
    floor = exact.numerator // exact.denominator
    if rounding == "floor" or exact == floor:
        return floor
    if rounding == "ceiling":
        return floor + 1
    return floor + (1 if exact - floor >= Fraction(1, 2) else 0)
