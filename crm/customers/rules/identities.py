"""Normal forms and masks of the values that identify a customer. Two spellings of one phone number are one identity."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

SOFT_KINDS = frozenset({"device"})
MAX_LENGTH = 200
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}\Z")
_SEPARATORS = re.compile(r"[\s\-().]")
_EMAIL = re.compile(r"[^@\s\x00-\x1f,;<>\"]{1,64}@(?:[^@\s\x00-\x1f.,;<>\"]+\.)+[^@\s\x00-\x1f.,;<>\"]{2,}\Z")


def normalise(kind: str, value: str, country: str = "CN") -> str:
    """Return the one form under which a value is stored and looked up.

    Phones become E.164; without a country code they are read in `country`. E-mails are lower-cased; ids are trimmed.
    Raises ValueError with a reason code: empty, too_long, not_a_phone, not_an_email, not_printable.
    """
    value = value.strip()
    if not value:
        raise ValueError("empty")
    if len(value) > MAX_LENGTH:
        raise ValueError("too_long")
    if kind == "phone":
        return _phone(value, country)
    if kind == "email":
        folded = value.lower()
        if not _EMAIL.match(folded):
            raise ValueError("not_an_email")
        return folded
    if not value.isprintable():
        raise ValueError("not_printable")
    return value


@lru_cache(maxsize=65536)
def _phone(value: str, country: str) -> str:
    plain = _SEPARATORS.sub("", value)
    # Nearly all numbers of a Chinese shop match; the general parser takes sixty times as long.
    if country == "CN" and _CHINESE_MOBILE.match(plain):
        return f"+86{plain}"
    try:
        parsed = phonenumbers.parse(value, country)
    except phonenumbers.NumberParseException:
        raise ValueError("not_a_phone") from None
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("not_a_phone")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def phone_tail(normalised: str) -> str:
    """Return the last four digits, by which agents look up a caller."""
    return normalised[-4:]


def mask(kind: str, value: str) -> str:
    """Mask a value for staff who may not see it in full: enough to confirm with the customer, not enough to use."""
    if kind == "phone":
        return f"{value[:-8]}****{value[-4:]}" if len(value) > 8 else f"****{value[-2:]}"
    if kind == "email":
        local, _at, domain = value.partition("@")
        return f"{local[:1]}***@{domain}"
    return value if len(value) <= 4 else f"{value[:2]}***{value[-2:]}"
