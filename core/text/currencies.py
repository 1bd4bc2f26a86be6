"""The number of decimals of each currency (ISO 4217), amounts in major and minor units, and the shop's own currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.core import Locale, get_global
from babel.numbers import get_currency_name

# Currencies whose decimals are not two. CLDR's own table drops decimals that some countries no longer use in cash, so
# it can't tell the value of a stored minor unit.
EXPONENTS = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0,
    "XPF": 0,
}  # fmt: skip


def exponent(currency: str) -> int:
    return EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """Round half up, away from zero: 0.125 -> 13, -0.125 -> -13 in a currency of two decimals."""
    return int((amount * 10 ** exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


# The currency of amounts until the shop's own is known.
DEFAULT = "CNY"
_own = DEFAULT


def own_currency() -> str:
    """Return the currency of the shop, as this process knows it."""
    return _own


def use_own_currency(currency: str) -> None:
    """Set the shop's currency for this process. Amounts in it get the short symbol."""
    global _own
    _own = currency or DEFAULT


@lru_cache(maxsize=1)
def known_currencies() -> frozenset[str]:
    """Return the codes of currencies that are legal tender somewhere today, by CLDR."""
    rows = get_global("territory_currencies").values()
    return frozenset(code for row in rows for code, _start, end, tender in row if tender and end is None)


def is_currency(code: str) -> bool:
    return code in known_currencies()


def currency_choices(language: Locale) -> list[tuple[str, str]]:
    """Return (code, code and name in that language), by code."""
    names = {code: get_currency_name(code, locale=language) for code in known_currencies()}
    return [(code, f"{code} · {names[code]}") for code in sorted(names)]
