"""Parser and printer of a segment rule as text, lossless in both directions.

    tier >= "Gold" and did review at least 2 times in 90 days where stars >= 4 and not (bought ("Coffee") in 30 days)

    rule      = either
    either    = both ("or" both)*
    both      = one ("and" one)*
    one       = "not" one | "(" either ")" | EVERY | NONE | ("all" | "any") "(" either ")" | condition

EVERY and NONE are the last two of KEYWORDS and mean the empty groups. A chain is one group; a group inside it is
written in parentheses. `all(x)` and `any(x)` are groups of one child. At the top level a lone condition means `all` of
it, as in the builder.

The caller gives the forms of each condition: words, signs and {values}. The parser knows no condition, so that a new
condition needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Literal

from analytics.conditions.rules.query_tokens import Token, WrongQuery, near, tokens_of
from analytics.conditions.rules.trees import MAX_DEPTH, MAX_LEAVES, Leaf, Node, leaf_of

Chain = Literal["and", "or"]
KEYWORDS = ("and", "or", "not", "all", "any", "everyone", "nobody")
EMPTY_GROUPS: tuple[tuple[str, Chain], ...] = (("everyone", "and"), ("nobody", "or"))
ONE_CHILD_GROUPS: tuple[tuple[str, Chain], ...] = (("all", "and"), ("any", "or"))
SIGNS = (">=", "<=", "!=", "=", ">", "<")
VALUE_KINDS = frozenset({"string", "number", "date", "word"})
TAKES = {"number": frozenset({"number"}), "date": frozenset({"date"})}
LINE = 90


@dataclass(frozen=True)
class Word:
    """A literal word with its spellings: any spelling is accepted, the first one is printed."""

    spellings: tuple[str, ...]


@dataclass(frozen=True)
class ValueSlot:
    """A value. takes: number, date, text, texts (one or a list), filters (property, sign, value; by commas)."""

    name: str
    takes: str


Element = Word | ValueSlot
Filter = tuple[Token, Token, Token]


@dataclass(frozen=True)
class Form:
    """One way to write one comparison of one condition."""

    condition: str
    operator: str
    elements: tuple[Element, ...]


@dataclass(frozen=True)
class Match:
    """A parsed condition; `filters` and `values` hold the tokens of each slot."""

    form: Form
    start: Token
    values: Mapping[str, list[Token]]
    filters: Mapping[str, list[Filter]]


@dataclass(frozen=True)
class Hint:
    """A possible continuation: a word, a value of a form, or a part of a filter (property, sign)."""

    kind: str
    text: str
    form: Form | None = None


def elements_of(pattern: str, takes: Mapping[str, str]) -> list[tuple[Element, ...]]:
    """Return the alternatives of a pattern such as `did {kind} [in {days} days|day]`, the longest first.

    Parts in brackets are optional. Slots that `takes` does not know raise KeyError.
    """
    parts: list[list[tuple[Element, ...]]] = []
    optional = False
    group: list[Element] = []
    for piece in pattern.replace("[", " [ ").replace("]", " ] ").split():
        if piece == "[":
            parts.append([tuple(group)])
            group, optional = [], True
        elif piece == "]" and optional:
            parts.append([tuple(group), ()])
            group, optional = [], False
        elif piece.startswith("{"):
            name = piece.strip("{}")
            group.append(ValueSlot(name, takes[name]))
        else:
            group.append(Word(tuple(piece.split("|"))))
    parts.append([tuple(group)])
    return [tuple(element for part in chosen for element in part) for chosen in product(*parts)]


class Grammar:
    """The forms of all conditions, by their first word."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self.forms = list(forms)
        self.starts: dict[str, list[Form]] = {}
        self.reserved = set(KEYWORDS)
        for form in self.forms:
            first = form.elements[0]
            if not isinstance(first, Word):
                raise ValueError(f"{form.condition}.{form.operator}: a form begins with a word")
            for word in first.spellings:
                self.starts.setdefault(word.lower(), []).append(form)
            for element in form.elements:
                if isinstance(element, Word):
                    self.reserved.update(word.lower() for word in element.spellings)
        taken = set(self.starts) & set(KEYWORDS)
        if taken:
            raise ValueError(f"conditions can't begin with {sorted(taken)}")

    @property
    def first_words(self) -> list[str]:
        """Return the first words of all patterns."""
        return list(self.starts)


class _NoMatch(Exception):
    pass


class _Parser:
    """Recursive descent parser. Each attempt is noted at its place: the furthest place is where a text is wrong."""

    def __init__(self, text: str, tokens: Sequence[Token], grammar: Grammar, build: Callable[[Match], Leaf]) -> None:
        self.text = text
        self.tokens = tokens
        self.grammar = grammar
        self.build = build
        self.place = 0
        self.leaves = 0
        self.hints: dict[int, dict[Hint, None]] = {}

    def whole(self) -> Node:
        node = self.either(1)
        if self.tokens[self.place].kind != "end":
            raise self.unexpected()
        return node

    def either(self, depth: int) -> Node:
        return self.chain("or", depth, lambda: self.chain("and", depth, lambda: self.one(depth)))

    def chain(self, word: Chain, depth: int, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self.accept(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else {"op": word, "children": parts}

    def one(self, depth: int) -> Node:
        # Check the depth here, before the interpreter runs out of stack.
        if depth > 2 * MAX_DEPTH:
            raise self.wrong("too_deep")
        if self.accept("not"):
            return {"op": "not", "children": [self.one(depth + 1)]}
        if self.accept("("):
            return self.closed(depth)
        for word, op in EMPTY_GROUPS:
            if self.accept(word):
                return {"op": op, "children": []}
        for word, op in ONE_CHILD_GROUPS:
            if self.accept(word):
                if not self.accept("("):
                    raise self.unexpected()
                return {"op": op, "children": [self.closed(depth)]}
        return self.condition()

    def closed(self, depth: int) -> Node:
        node = self.either(depth + 1)
        if not self.accept(")"):
            raise self.unexpected()
        return node

    def condition(self) -> Leaf:
        start = self.tokens[self.place]
        for word in self.grammar.first_words:
            self.note(self.place, Hint("condition", word))
        forms = self.grammar.starts.get(start.text.lower(), []) if start.kind == "word" else []
        best: tuple[int, Match] | None = None
        for form in forms:
            try:
                end, match = self.try_form(form, self.place)
            except _NoMatch:
                continue
            if best is None or end > best[0]:
                best = end, match
        if best is None:
            raise self.unexpected()
        self.leaves += 1
        if self.leaves > MAX_LEAVES:
            raise self.wrong("too_many")
        self.place = best[0]
        return self.build(best[1])

    def try_form(self, form: Form, place: int) -> tuple[int, Match]:
        start = self.tokens[place]
        values: dict[str, list[Token]] = {}
        filters: dict[str, list[Filter]] = {}
        for element in form.elements:
            if isinstance(element, Word):
                place = self.word(element.spellings, place)
            elif element.takes == "filters":
                place, filters[element.name] = self.filters(place, form, element)
            elif element.takes == "texts":
                place, values[element.name] = self.values(place, form, element)
            else:
                values[element.name] = [self.value(place, form, element)]
                place += 1
        return place, Match(form, start, values, filters)

    def word(self, spellings: Sequence[str], place: int) -> int:
        self.note(place, Hint("word", spellings[0]))
        token = self.tokens[place]
        if token.kind not in {"word", "sign"} or token.text.lower() not in spellings:
            raise _NoMatch
        return place + 1

    def value(self, place: int, form: Form, slot: ValueSlot) -> Token:
        self.note(place, Hint("value", slot.name, form))
        token = self.tokens[place]
        if token.kind not in TAKES.get(slot.takes, VALUE_KINDS):
            raise _NoMatch
        return token

    def values(self, place: int, form: Form, slot: ValueSlot) -> tuple[int, list[Token]]:
        if not self.is_sign(place, "("):
            return place + 1, [self.value(place, form, slot)]
        tokens = []
        while True:
            tokens.append(self.value(place + 1, form, slot))
            place += 2
            if not self.is_sign(place, ","):
                return self.word((")",), place), tokens

    def filters(self, place: int, form: Form, slot: ValueSlot) -> tuple[int, list[Filter]]:
        filters = []
        while True:
            self.note(place, Hint("property", slot.name, form))
            name = self.tokens[place]
            if name.kind not in {"word", "string"}:
                raise _NoMatch
            sign = self.tokens[place + 1]
            if sign.kind != "sign" or sign.text not in SIGNS:
                self.note(place + 1, Hint("sign", slot.name, form))
                raise _NoMatch
            self.note(place + 2, Hint("value", slot.name, form))
            value = self.tokens[place + 2]
            if value.kind not in VALUE_KINDS:
                raise _NoMatch
            filters.append((name, sign, value))
            place += 3
            if not self.is_sign(place, ","):
                return place, filters
            place += 1

    def is_sign(self, place: int, sign: str) -> bool:
        self.note(place, Hint("word", sign))
        token = self.tokens[place]
        return token.kind == "sign" and token.text == sign

    def accept(self, word: str) -> bool:
        self.note(self.place, Hint("word", word))
        token = self.tokens[self.place]
        if token.kind not in {"word", "sign"} or token.text.lower() != word:
            return False
        self.place += 1
        return True

    def note(self, place: int, hint: Hint) -> None:
        self.hints.setdefault(place, {})[hint] = None

    def unexpected(self) -> WrongQuery:
        place = max(self.hints, default=self.place)
        token = self.tokens[place]
        hints = list(self.hints.get(place, {}))
        words = [hint.text for hint in hints if hint.kind in {"word", "condition"}]
        conditions = any(hint.kind == "condition" for hint in hints)
        similar = near(token.text, words) if token.kind == "word" else ()
        code = "unknown_condition" if conditions and token.kind == "word" else "unexpected"
        return WrongQuery(self.text, token.offset, token.raw, code, expected=expected_words(hints), near=similar)

    def wrong(self, code: str) -> WrongQuery:
        token = self.tokens[self.place]
        return WrongQuery(self.text, token.offset, token.raw, code)


def expected_words(hints: Iterable[Hint]) -> tuple[str, ...]:
    """Return hints as short words: all conditions as one word, a value by its kind, such as <number>."""
    short_words: dict[str, None] = {}
    for hint in hints:
        if hint.kind == "value" and hint.form is not None:
            takes = next(e.takes for e in hint.form.elements if isinstance(e, ValueSlot) and e.name == hint.text)
            short_words[f"<{'text' if takes in {'texts', 'filters'} else takes}>"] = None
        elif hint.kind == "word":
            short_words[hint.text] = None
        else:
            short_words[f"<{hint.kind}>"] = None
    return tuple(short_words)


def parse(text: str, grammar: Grammar, build: Callable[[Match], Leaf]) -> Node:
    """Parse a text to a rule; `build` makes a leaf of each condition. Raises only WrongQuery."""
    node = _Parser(text, tokens_of(text), grammar, build).whole()
    return rooted(node)


def rooted(node: Node) -> Node:
    """Wrap a lone condition in a group, because a rule starts with a group."""
    return {"op": "and", "children": [node]} if "condition" in node else node


def hints_at_end(text: str, grammar: Grammar) -> list[Hint]:
    """Return the hints after a text, or nothing when the text has an error before its end."""
    try:
        tokens = tokens_of(text)
    except WrongQuery:
        return []
    parser = _Parser(text, tokens, grammar, lambda match: leaf_of(match.form.condition, match.form.operator, {}))
    with suppress(WrongQuery):
        parser.whole()
    return list(parser.hints.get(len(tokens) - 1, {}))


def write(rule: Node, leaf: Callable[[Leaf], str]) -> str:
    """Print a rule; `leaf` prints one condition. A long rule gets one line for each part of its outermost group."""
    if "condition" not in rule and rule["op"] == "and" and len(rule["children"]) == 1:
        only = rule["children"][0]
        if "condition" in only:
            return leaf(only)
    text = _print_node(rule, leaf, " ")
    return text if len(text) <= LINE else _print_node(rule, leaf, "\n")


def _print_node(node: Node, leaf: Callable[[Leaf], str], gap: str) -> str:
    if "condition" in node:
        return leaf(node)
    op, children = node["op"], node["children"]
    if op == "not":
        return f"not {_part(children[0], leaf)}"
    if not children:
        return "everyone" if op == "and" else "nobody"
    if len(children) == 1:
        return f"{'all' if op == 'and' else 'any'}({_print_node(children[0], leaf, ' ')})"
    return f"{gap}{op} ".join(_part(child, leaf) for child in children)


def _part(node: Node, leaf: Callable[[Leaf], str]) -> str:
    text = _print_node(node, leaf, " ")
    is_chain = "condition" not in node and node["op"] != "not" and len(node["children"]) > 1
    return f"({text})" if is_chain else text


def write_form(form: Form, values: Mapping[str, str]) -> str:
    """Print one condition in one of its forms; `values` holds the text of each slot."""
    return " ".join(
        element.spellings[0] if isinstance(element, Word) else values[element.name] for element in form.elements
    )
