"""Minor units and arithmetic on amounts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from core.text.currencies import EXPONENTS, exponent

__all__ = ["EXPONENTS", "exponent", "share", "to_major", "to_minor"]


def to_minor(amount: Decimal, currency: str) -> int:
    """Round half up, away from zero: 0.125 -> 13, -0.125 -> -13 in a currency of two decimals."""
    return int((amount * 10 ** exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    """Return an amount of minor units in major units of the currency."""
    return Decimal(minor).scaleb(-exponent(currency))


def share(whole: int, part: int, of: int) -> int:
    """Return `whole` in the proportion part : of, rounded half up; shares of growing parts never exceed the whole."""
    if of == 0:
        return 0
    return (2 * whole * part + of) // (2 * of)
