"""Countries by their ISO 3166 codes, and the names that files and people use for them."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

from core.text.formatting import locale

LANGUAGES = ("en", "zh_Hans_CN", "zh_Hant_TW")
# CLDR lists these besides the countries: groups, currency areas, test data and parts of other countries.
NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
# Names besides those of CLDR, in lower case. "" means that no country is named. ISO 3166 reserves EU for the European
# Union. The Channel Islands have no code of their own; Jersey is the largest of them.
NAMES = {
    "uk": "GB", "u.k.": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "eire": "IE", "republic of ireland": "IE", "usa": "US", "u.s.a.": "US", "u.s.": "US",
    "united states of america": "US", "america": "US", "rsa": "ZA", "republic of south africa": "ZA",
    "channel islands": "JE", "european community": "EU", "european union": "EU", "holland": "NL",
    "the netherlands": "NL", "czech republic": "CZ", "uae": "AE", "korea": "KR", "republic of korea": "KR",
    "prc": "CN", "p.r. china": "CN", "people's republic of china": "CN", "hong kong": "HK",
    "macau": "MO", "macao": "MO", "turkey": "TR", "burma": "MM", "swaziland": "SZ", "macedonia": "MK",
    "cape verde": "CV", "ivory coast": "CI", "russian federation": "RU", "viet nam": "VN",
    "香港": "HK", "澳门": "MO", "澳門": "MO", "中华人民共和国": "CN",
    "unspecified": "", "unknown": "", "none": "", "n/a": "", "-": "",
}  # fmt: skip


@lru_cache(maxsize=1)
def codes() -> frozenset[str]:
    territories = [str(code) for code in Locale.parse("en").territories]
    return frozenset(code for code in territories if len(code) == 2 and code.isalpha()) - NO_COUNTRIES


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    named = {
        str(name).casefold(): str(code)
        for language in LANGUAGES
        for code, name in Locale.parse(language).territories.items()
        if code in codes()
    }
    return named | NAMES


def code_of(text: str) -> str | None:
    """Return the code of a country from its code or its English or Chinese name; "" for none, None when unknown."""
    plain = " ".join(text.split())
    if not plain:
        return ""
    if plain.upper() in codes():
        return plain.upper()
    return _by_name().get(plain.casefold())


def choices() -> list[tuple[str, str]]:
    """Return (code, name in the viewer's language), sorted by name."""
    names = locale().territories
    return sorted(((code, str(names.get(code, code))) for code in codes()), key=lambda pair: pair[1])
