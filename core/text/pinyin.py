"""Pinyin of Chinese characters, one by one: the dictionary of phrases takes 45 MB, and names do not need it."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module


def initials(text: str) -> str:
    """Return the initial of each Chinese character, and letters and digits of other scripts in lower case."""
    return "".join(map(_initial, text))


def _initial(char: str) -> str:
    if char.isascii():
        return char.lower() if char.isalnum() else ""
    return reading(char)[:1]


@lru_cache(maxsize=16384)
def reading(character: str) -> str:
    """Return the first reading of a character, without its tone and with v for ü; "" when it has none."""
    marked = _readings().get(ord(character), "").split(",")[0]
    letters = unicodedata.normalize("NFD", marked).replace("u\u0308", "v")
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")


@lru_cache(maxsize=1)
def _readings() -> Mapping[int, str]:
    # The dictionary of phrases takes 45 MB, and names do not need it.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    return import_module("pypinyin.pinyin_dict").pinyin_dict


def is_chinese(letter: str) -> bool:
    """Return whether a letter is a Chinese character."""
    return "\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"
