"""The folded form of names, for search: letter case, accents and spaces are ignored, and Chinese is found by pinyin.

The form has parts, separated by spaces. The first is the name without its spaces. The others are the pinyin of each
run of Chinese characters, in full and as initials, from each syllable on: 张艳 becomes "张艳 zhangyan zy yan y".
Words are matched anywhere in the first part, and at the beginning of a pinyin. The SQL function `crm_search_terms`
returns the terms of a stored form; `required_terms` returns those that a word needs.
"""

from __future__ import annotations

import os
import unicodedata
from functools import lru_cache
from importlib import import_module
from itertools import chain, groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Letters with a stroke or a ligature have no decomposition in Unicode.
LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "ng"}
)
# Readings of characters as a family name, where the usual reading differs.
FAMILY_NAMES = {
    "单": "shan", "解": "xie", "仇": "qiu", "区": "ou", "查": "zha", "曾": "zeng", "盖": "ge", "朴": "piao",
    "翟": "zhai", "任": "ren", "尉": "wei", "秘": "bi", "冼": "xian", "乐": "yue", "缪": "miao", "種": "chong",
}  # fmt: skip
# A run of Chinese characters in a company's name may be long; its later syllables are rarely typed.
LONGEST_RUN = 8
# Lengths of the beginnings of a pinyin that the index holds.
PREFIXES = (2, 3, 4, 6)


def fold(text: str) -> str:
    """Return the text in lower case, without accents and spaces."""
    text = "".join(text.split())
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS))
    plain = "".join(letter for letter in decomposed if unicodedata.category(letter) != "Mn")
    return "".join(unicodedata.normalize("NFC", plain).split())


def search_form(name: str) -> str:
    """Return the folded form of a name, under which it is stored."""
    folded = fold(name)
    return folded if folded.isascii() else " ".join(dict.fromkeys(chain([folded], _pinyin(folded))))


def _pinyin(folded: str) -> Iterator[str]:
    """Yield the full pinyin and the initials of each run of Chinese characters, from each of its syllables on."""
    for chinese, run in groupby(folded, key=is_chinese):
        if chinese:
            syllables = _syllables("".join(run)[:LONGEST_RUN])
            for place in range(len(syllables)):
                rest = syllables[place:]
                yield "".join(rest)
                if any("v" in syllable for syllable in rest):
                    # ü is typed as v or as u.
                    yield "".join(rest).replace("v", "u")
                yield "".join(syllable[0] for syllable in rest)


def _syllables(run: str) -> list[str]:
    syllables = []
    for place, character in enumerate(run):
        reading = FAMILY_NAMES.get(character) if place == 0 and len(run) > 1 else None
        reading = reading or _reading(character)
        if reading:
            syllables.append(reading)
    return syllables


@lru_cache(maxsize=16384)
def _reading(character: str) -> str:
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


def name_terms(word: str) -> list[str]:
    """Return the terms that every name has whose first part contains this folded word: pairs of neighbours.

    A character outside of ASCII is a term on its own, because it may be a whole name.
    """
    pairs = [word[place : place + 2] for place in range(len(word) - 1)]
    return sorted({*pairs, *(letter for letter in word if not letter.isascii())})


def pinyin_term(word: str) -> str:
    """Return the term that every name has whose pinyin begins with this folded word; "" for a word without one."""
    if not (word.isascii() and word.isalpha()) or len(word) < PREFIXES[0]:
        return ""
    return "~" + word[: max(length for length in PREFIXES if length <= len(word))]
