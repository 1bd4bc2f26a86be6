"""Tokenizer of a rule's text, and the error for a wrong text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

MAX_LENGTH = 20_000
NEAR = 3
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\]|\\.)*"|“[^”]*”)
    |(?P<unclosed>["“])
    |(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w.-]))
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.-]))
    |(?P<word>\w[\w.-]*)
    |(?P<sign>>=|<=|!=|<>|[=<>%(),（），≥≤≠])""",
    re.VERBOSE | re.DOTALL,
)
# Full-width signs of Chinese input methods, and other spellings of a sign.
_SIGNS = {"（": "(", "）": ")", "，": ",", "≥": ">=", "≤": "<=", "≠": "!=", "<>": "!="}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True)
class Token:
    """A token. kind: string, date, number, word, sign, end. `text` is its meaning, `raw` the source at `offset`."""

    kind: str
    text: str
    raw: str
    offset: int


class WrongQuery(ValueError):
    """An error in the text of a rule. `line` and `column` count from 1; `token` is the token there.

    code: unexpected, unknown_condition, unclosed_string, wrong_character, wrong_value, too_deep, too_many, too_long.
    `expected` holds the possible tokens, `near` similar known words, `reason` the error of a value.
    """

    def __init__(
        self,
        text: str,
        offset: int,
        token: str,
        code: str,
        *,
        expected: Sequence[str] = (),
        near: Sequence[str] = (),
        reason: str = "",
    ) -> None:
        before = text[:offset]
        self.offset = offset
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        self.token = token
        self.code = code
        self.expected = tuple(expected)
        self.near = tuple(near)
        self.reason = reason
        super().__init__(f"{self.line}:{self.column} {code} {token!r}")


def tokens_of(text: str) -> list[Token]:
    """Return the tokens, followed by one of kind `end`. Raises WrongQuery."""
    if len(text) > MAX_LENGTH:
        raise WrongQuery(text, MAX_LENGTH, "", "too_long")
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise WrongQuery(text, place, text[place], "wrong_character")
        kind, raw = str(match.lastgroup), match[0]
        if kind == "unclosed":
            raise WrongQuery(text, place, raw, "unclosed_string")
        if kind != "space":
            tokens.append(Token(kind, _meaning(kind, raw), raw, place))
        place = match.end()
    return [*tokens, Token("end", "", "", len(text))]


def _meaning(kind: str, raw: str) -> str:
    if kind == "sign":
        return _SIGNS.get(raw, raw)
    if kind == "string":
        inner = raw[1:-1]
        return inner if raw[0] == "“" else re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)
    return raw


def quoted(text: str) -> str:
    """Return the text in double quotes, with special characters escaped."""
    return '"' + "".join(_ESCAPED.get(char, char) for char in text) + '"'


def near(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return known words that are similar to this word, in their known spelling."""
    spelled = {name.lower(): name for name in reversed(known)}
    return tuple(spelled[name] for name in get_close_matches(word.lower()[:60], spelled, NEAR, 0.6))
