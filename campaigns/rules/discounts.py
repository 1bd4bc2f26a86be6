"""Percentages of a discount, as English and as Chinese shops count them.

In English a coupon of 15% takes 15% off. In Chinese 8.5 折 says what is left to pay: 85%.
"""

from __future__ import annotations

from decimal import Decimal

# Above this a percentage may be the share to pay, typed as the share taken off.
LARGE_PERCENT = 50


def paid_percent(percent_off: int) -> int:
    """What customers pay of the price."""
    return 100 - percent_off


def zhe_of(percent_off: int) -> Decimal:
    """15% off is 8.5 折, 10% off is 9 折."""
    return (Decimal(100 - percent_off) / 10).normalize()


def percent_off(zhe: Decimal) -> int:
    """8.5 折 is 15% off. Raises ValueError outside of 0 to 9.9 and beyond one decimal."""
    paid = zhe * 10
    if not 0 <= paid <= 99 or paid != paid.to_integral_value():
        raise ValueError("0 to 9.9 with one decimal")
    return 100 - int(paid)


def is_large(*, percent: bool, value: int, minimum_spend: int) -> bool:
    """Whether it takes more than half of a price: by its percentage, or of the smallest order that it is good for."""
    return value > LARGE_PERCENT if percent else 0 < minimum_spend < 2 * value
