"""Convert discount percentages between English and Chinese usage.

In English a coupon of 15% takes 15% off. In Chinese 8.5 折 is the share left to pay: 85%.
"""

from __future__ import annotations

from decimal import Decimal

# Above this value a percentage may be the share to pay, entered as the share taken off.
LARGE_PERCENT = 50


def paid_percent(percent_off: int) -> int:
    """Return the percentage of the price that customers pay."""
    return 100 - percent_off


def zhe_of(percent_off: int) -> Decimal:
    """Return the 折 of a percentage off: 15% off is 8.5 折, 10% off is 9 折."""
    return (Decimal(100 - percent_off) / 10).normalize()


def percent_off(zhe: Decimal) -> int:
    """Return the percentage off of a 折: 8.5 折 is 15% off.

    Raises ValueError outside 0 to 9.9 or beyond one decimal.
    """
    paid = zhe * 10
    if not 0 <= paid <= 99 or paid != paid.to_integral_value():
        raise ValueError("0 to 9.9 with one decimal")
    return 100 - int(paid)


def is_large(*, percent: bool, value: int, minimum_spend: int) -> bool:
    """Return whether the discount takes over half the price of any order, or of the smallest that it is valid for."""
    return value > LARGE_PERCENT if percent else 0 < minimum_spend < 2 * value
