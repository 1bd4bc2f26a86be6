"""Make and check coupon codes (C4): 14 random characters of an alphabet of 23 (63 bits) and one check character.

The alphabet has no two characters that look alike: no 0 O Q, 1 I L, U V W Y, and only one of 2 Z, 5 S, 8 B. The check
is a weighted sum modulo 23, a prime, so it detects every single mistyped character and every exchange of two
neighbours.
"""

from __future__ import annotations

import re
import secrets
from operator import mul

ALPHABET = "23456789ACDEFGHJKMNPRTX"
RANDOM = 14
LENGTH = RANDOM + 1
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_PRIME = len(ALPHABET)
_LAST_WEIGHT_INVERSE = pow(LENGTH, -1, _PRIME)
_WEIGHTS = tuple(range(1, LENGTH))
_LARGEST_MULTIPLE = 256 // _PRIME * _PRIME
_UNEVEN = bytes(range(_LARGEST_MULTIPLE, 256))
_VALUE_OF_BYTE = bytes(byte % _PRIME for byte in range(256))
_CHARACTERS = ALPHABET.encode().ljust(256, b"?")
_SEPARATORS = re.compile(r"[\s\-_.‐-―−]+")
CHOSEN = re.compile(r"[0-9A-Z]{4,20}\Z")


def new_codes(count: int) -> list[str]:
    """Return random codes, each with a check character at the end."""
    values = _random_values(count * RANDOM)
    bodies = (values[start : start + RANDOM] for start in range(0, count * RANDOM, RANDOM))
    return [body.translate(_CHARACTERS).decode() + ALPHABET[_check(body)] for body in bodies]


def _random_values(count: int) -> bytes:
    """Return that many numbers from 0 to 22 with equal probability; bytes that would favour some are dropped."""
    values = b""
    while len(values) < count:
        values += secrets.token_bytes(count - len(values) + 64).translate(_VALUE_OF_BYTE, _UNEVEN)
    return values[:count]


def _check(body: bytes) -> int:
    return -sum(map(mul, _WEIGHTS, body)) * _LAST_WEIGHT_INVERSE % _PRIME


def normalise(text: str) -> str:
    """Return the stored form of an entered code: capitals, no spaces, no dashes."""
    return _SEPARATORS.sub("", text).upper()[:40]


def shown(code: str) -> str:
    """Return the readable form: generated codes in groups of five."""
    return "-".join(code[i : i + 5] for i in range(0, len(code), 5)) if len(code) == LENGTH else code


def is_mistyped(code: str) -> bool:
    """Return whether a code has the form of a generated one but a wrong check character."""
    if len(code) != LENGTH or any(character not in _VALUES for character in code):
        return False
    return sum(weight * _VALUES[character] for weight, character in enumerate(code, 1)) % _PRIME != 0


def is_choosable(code: str) -> bool:
    """Return whether the code may be a public code: 4 to 20 letters and digits, and no mistyped generated code."""
    return bool(CHOSEN.match(code)) and not is_mistyped(code)
