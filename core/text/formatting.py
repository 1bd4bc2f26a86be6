"""Format of amounts, numbers and times in the viewer's language and time zone."""

from __future__ import annotations

import copy
import re
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.numbers import NumberPattern
from django.utils import timezone, translation

from core.text import currencies
from core.text.currencies import exponent

COUNTRY_OF_SYMBOL = re.compile(r"^[A-Z]{2,3}(?=[^A-Za-z])")


def in_chinese() -> bool:
    return (translation.get_language() or "").startswith("zh")


def in_language(text: str, text_zh: str) -> str:
    """Return one of the shop's two texts by the viewer's language; without a Chinese text, return the other one."""
    return text_zh if text_zh and in_chinese() else text


def locale() -> Locale:
    return _locale(translation.get_language() or "en")


@lru_cache(maxsize=16)
def _locale(language: str) -> Locale:
    return Locale.parse({"zh-hans": "zh_Hans_CN"}.get(language, language.replace("-", "_")))


def _narrow(symbol: str) -> str:
    """Return a symbol without the letters of its country: CN¥ -> ¥, US$ -> $. A symbol of letters alone stays."""
    return COUNTRY_OF_SYMBOL.sub("", symbol)


def _symbol(currency: str, own: str, language: str) -> str:
    """Return the symbol of a currency: the narrow one for the shop's own, one that can't be mistaken for it for others.

    Babel has no narrow symbols, so they are made from the wide ones, which a language uses for foreign currencies.
    """
    wide = numbers.get_currency_symbol(currency, _locale(language))
    if currency == own:
        return _narrow(wide)
    own_symbol = _narrow(numbers.get_currency_symbol(own, _locale(language)))
    if wide != own_symbol:
        return wide
    abroad = (numbers.get_currency_symbol(currency, _locale(other)) for other in ("en", "zh-hans"))
    return next((symbol for symbol in abroad if symbol != own_symbol), currency)


@lru_cache(maxsize=64)
def _money_pattern(language: str, currency: str, own: str) -> NumberPattern:
    """Return the language's pattern with this currency's symbol and decimals. Cached: the look-ups cost most."""
    digits, language_locale = exponent(currency), _locale(language)
    pattern = copy.copy(language_locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    symbol = _symbol(currency, own, language)
    # A space separates a code of letters from the digits, but not a sign: KWD 1.000, ¥1.00.
    before = f"{symbol}\xa0" if symbol[-1:].isalpha() else symbol
    pattern.prefix = tuple(part.replace("¤", before) for part in pattern.prefix)
    pattern.suffix = tuple(part.replace("¤", symbol) for part in pattern.suffix)
    return pattern


@lru_cache(maxsize=4096)
def _day(value: date, language: str) -> str:
    return dates.format_date(value, format="medium", locale=_locale(language))


def money(minor: int | None, currency: str) -> str:
    """Format minor units as an amount: 123456 CNY -> ¥1,234.56 in a shop that sells in CNY."""
    if minor is None:
        return ""
    value = Decimal(int(minor)).scaleb(-exponent(currency))
    pattern = _money_pattern(translation.get_language() or "en", currency, currencies.own_currency())
    return pattern.apply(value, locale())


def number(value: int | float | Decimal | None) -> str:
    """Format a number with the language's separators and at most three decimals: 1204 -> 1,204; 2.500 -> 2.5."""
    return "" if value is None else numbers.format_decimal(value, locale=locale())


def percent(value: float | Decimal | None, digits: int = 0) -> str:
    """Format a share: 0.125 with one digit -> 12.5%."""
    pattern = "#,##0." + "0" * digits + "%" if digits else "#,##0%"
    return "" if value is None else numbers.format_percent(value, format=pattern, locale=locale())


def day(value: date | datetime | None) -> str:
    """Format a day: Nov 22, 2026 / 2026年11月22日. A value with a time is first moved to the viewer's zone."""
    if value is None:
        return ""
    moment = local(value)
    return _day(moment.date() if isinstance(moment, datetime) else moment, translation.get_language() or "en")


def month(value: date) -> str:
    """Format a month: Nov 2026 / 2026年11月."""
    return dates.format_skeleton("yMMM", value, locale=locale())


def month_day(month: int, day: int) -> str:
    """Format a day of every year: February 28 / 2月28日."""
    # A leap year, because it has every day.
    return dates.format_skeleton("MMMMd", date(2000, month, day), locale=locale())


def when(value: datetime | None) -> str:
    """Format the day and the time of day, to the minute."""
    if value is None:
        return ""
    return f"{day(value)} {local(value):%H:%M}"


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """Format the distance from now: 3 hours ago, in 2 days."""
    if value is None:
        return ""
    delta = value - (now or timezone.now())
    return dates.format_timedelta(delta, granularity="minute", threshold=1, add_direction=True, locale=locale())


def local(value: Any) -> Any:
    return timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value


def country_name(code: str) -> str:
    """Return the name of a country: CN -> China or 中国. Text that is not a code stays as the shop wrote it."""
    return locale().territories.get(code.upper(), code) if len(code) == 2 else code


def language_label(code: str) -> str:
    """Return the name of a language tag in the viewer's language; an unknown tag stays unchanged."""
    try:
        return Locale.parse(code, sep="-").get_display_name(locale()) or code
    except (ValueError, UnknownLocaleError):
        return code
