"""Minor units and the shop's arithmetic on them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# ISO 4217 currencies that do not have two decimals and that a shop may meet.
EXPONENTS = {"BIF": 0, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "PYG": 0, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0,
             "XPF": 0, "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}  # fmt: skip


def exponent(currency: str) -> int:
    return EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Half up, away from zero: 0.125 -> 13, -0.125 -> -13 in a currency of two decimals."""
    return int((amount * 10 ** exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def share(whole: int, part: int, of: int) -> int:
    """`whole` in the proportion part : of, rounded half up; the shares of growing parts never exceed the whole."""
    if of == 0:
        return 0
    return (2 * whole * part + of) // (2 * of)
