"""The folded form of names, for search: letter case, accents and spaces are ignored, and Chinese is found by pinyin.

The form has parts, separated by spaces. The first is the name without its spaces. The others are the pinyin of each
run of Chinese characters, in full and as initials, from each syllable on: 张艳 becomes "张艳 zhangyan zy yan y".
Words are matched anywhere in the first part, and at the beginning of a pinyin. The SQL function `crm_search_terms`
returns the terms of a stored form; `required_terms` returns those that a word needs.
"""

from __future__ import annotations

import unicodedata
from itertools import chain, groupby
from typing import TYPE_CHECKING

from core.text.pinyin import is_chinese, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        own = FAMILY_NAMES.get(character) if place == 0 and len(run) > 1 else None
        syllable = own or reading(character)
        if syllable:
            syllables.append(syllable)
    return syllables


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
