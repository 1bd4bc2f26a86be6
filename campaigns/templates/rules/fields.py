"""Find the fields that a template uses, whether they exist, and which of them it shows.

A field that does not exist renders as nothing, so a typing error would go out as a gap. Every path is followed through
loops and assignments to the field of the context that it refers to.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from liquid.ast import ConditionalBlockNode, Node
from liquid.builtin.expressions.filtered import FilteredExpression
from liquid.builtin.expressions.path import Path
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.case_tag import CaseNode, MultiExpressionBlockNode
from liquid.builtin.tags.for_tag import ForNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode


@dataclass(frozen=True)
class Keyed:
    """A shape in which any name is a field, all of the same shape."""

    of: Any


# The shape of a field: None is one value, a dict has fields, a list holds many of its only member.
Shape = Mapping[str, Any] | Sequence[Any] | Keyed | None
# Values that are not known beforehand: any field of them is accepted.
ANYTHING: Shape = {"*": None}
PRODUCT: dict[str, Any] = dict.fromkeys(("name", "sku", "quantity", "price", "url"))
# A product of the catalogue, with its picture.
CARD: Shape = dict.fromkeys(("name", "sku", "price", "url", "picture"))
SHAPES: dict[str, Shape] = {
    "customer": dict.fromkeys(("name", "first_name", "number", "language", "order_count", "spent", "last_order_at")),
    "member": dict.fromkeys(("is_member", "points", "points_pending", "tier", "next_tier", "to_next", "progress")),
    "rfm": dict.fromkeys(("recency", "frequency", "money", "group")),
    "shop": dict.fromkeys(("name", "url", "currency", "address", "logo", "brand_colour", "accent_colour")),
    "coupon": dict.fromkeys(("name", "code", "value", "minimum_spend", "expires", "terms")),
    "order": {
        **dict.fromkeys(("number", "total", "placed_at")),
        "items": [PRODUCT],
    },
    "event": {"at": None, "items": [{**PRODUCT, "picture": None}]},
    "recommendations": {"title": None, "items": [CARD]},
    "best_sellers": {"items": [CARD]},
    # By SKU: products["MUG"].
    "products": Keyed(CARD),
    "ticket": dict.fromkeys(("number", "subject", "reply")),
    "segment": {"name": None},
    "expiring": dict.fromkeys(("points", "on")),
    "links": dict.fromkeys(("unsubscribe", "preferences", "rating", "member_code")),
    "values": Keyed(None),
    "today": None,
    "forloop": dict.fromkeys(("index", "index0", "rindex", "rindex0", "first", "last", "length", "name", "parentloop")),
}
METHODS = frozenset({"size", "first", "last"})


@dataclass(frozen=True)
class Fault:
    """Describe a missing field: `asked` is the path as written, `nearest` the likely match, or else all that exist.

    `field`: its root exists.
    """

    asked: str
    nearest: str
    index: int
    field: bool


@dataclass
class Fields:
    """Hold the fields of a text: `shown` are shown, `asked` decide what is shown.

    `bare`: the part of `shown` that no condition on the same root guards.
    """

    shown: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    @property
    def named(self) -> set[str]:
        """Return all fields that the text names, in output or in a condition."""
        return self.shown | self.asked

    def names(self, root: str) -> bool:
        """Return whether any field of `root` is used."""
        return any(path.split(".")[0] == root for path in self.named)


@dataclass(frozen=True)
class _Meaning:
    """Hold the meaning of a name: a path of the context and its shape."""

    path: str
    shape: Shape


Scope = dict[str, _Meaning]
_UNKNOWN = _Meaning("", ANYTHING)
_VALUE = _Meaning("", None)


def fields_of(nodes: Iterable[Node]) -> Fields:
    """Walk a parsed template and return its fields."""
    result = Fields()
    scope: Scope = {}
    for node in nodes:
        _walk(node, scope, frozenset(), result)
    return result


def _walk(node: Node, scope: Scope, guards: frozenset[str], result: Fields) -> None:
    if isinstance(node, ForNode):
        items = _element(_meaning_of(node.expression.iterable, scope, result))
        _look([node.expression], scope, guards, result)
        _walk(node.block, {**scope, node.expression.identifier: items}, guards, result)
        if node.default:
            _walk(node.default, scope, guards, result)
    elif isinstance(node, IfNode | UnlessNode):
        _walk(node.consequence, scope, guards | _asked([node.condition], scope, result), result)
        for other in node.alternatives:
            _walk(other, scope, guards, result)
        if node.default:
            _walk(node.default, scope, guards, result)
    elif isinstance(node, ConditionalBlockNode | MultiExpressionBlockNode):
        _walk(node.block, scope, guards | _asked([node.expression], scope, result), result)
    elif isinstance(node, CaseNode):
        inner = guards | _asked([node.expression], scope, result)
        for block in node.blocks:
            _walk(block, scope, inner, result)
    elif isinstance(node, AssignNode):
        _look([node.expression], scope, guards, result)
        meaning = _meaning_of(node.expression, scope, result)
        before = scope.get(str(node.name))
        # A name with two meanings: which of them applies depends on the customer.
        scope[str(node.name)] = meaning if before in (None, meaning) else _UNKNOWN
    elif isinstance(node, CaptureNode):
        _look(node.expressions(), scope, guards, result)
        for child in node.children(None):  # type: ignore[arg-type]
            _walk(child, scope, guards, result)
        scope[str(node.name)] = _VALUE
    else:
        _look(node.expressions(), scope, guards, result)
        for child in getattr(node, "nodes", None) or node.children(None):  # type: ignore[arg-type]
            _walk(child, scope, guards, result)


def _asked(expressions: Iterable[Any], scope: Scope, result: Fields) -> frozenset[str]:
    """Return the roots that a condition refers to."""
    paths = {meaning.path for path in _paths(expressions) if (meaning := _follow(path, scope, result)).path}
    result.asked |= paths
    return frozenset(path.split(".")[0] for path in paths)


def _look(expressions: Iterable[Any], scope: Scope, guards: frozenset[str], result: Fields) -> None:
    for path in _paths(expressions):
        meaning = _follow(path, scope, result)
        if meaning.path:
            result.shown.add(meaning.path)
            if meaning.path.split(".")[0] not in guards:
                result.bare.add(meaning.path)


def _paths(expressions: Iterable[Any]) -> Iterator[Path]:
    for expression in expressions:
        if isinstance(expression, Path):
            yield expression
        yield from _paths(expression.children())


def _meaning_of(expression: Any, scope: Scope, result: Fields) -> _Meaning:
    """Return the meaning of an assigned or looped expression; the result of filters is unknown."""
    if isinstance(expression, FilteredExpression) and not expression.filters:
        expression = expression.left
    return _follow(expression, scope, Fields()) if isinstance(expression, Path) else _UNKNOWN


def _follow(path: Path, scope: Scope, result: Fields) -> _Meaning:
    """Return the field that a path refers to. A missing field is noted once."""
    first, *rest = path.path
    if not isinstance(first, str):
        return _UNKNOWN
    if first not in scope and first not in SHAPES:
        _note(path, first, [*scope, *SHAPES], "", result)
        return _UNKNOWN
    meaning = scope.get(first) or _Meaning(first, SHAPES[first])
    prefix = first
    for part in rest:
        if isinstance(meaning.shape, Keyed) and isinstance(part, str):
            meaning = _Meaning(f"{meaning.path}.{part}", meaning.shape.of)
            continue
        if meaning.shape is ANYTHING or isinstance(part, Path):
            return _Meaning(meaning.path, ANYTHING)
        if isinstance(part, int) or (part in ("first", "last") and _is_list(meaning.shape)):
            meaning = _element(meaning)
        elif isinstance(meaning.shape, Mapping) and part in meaning.shape:
            meaning = _Meaning(f"{meaning.path}.{part}", meaning.shape[part])
            if part == "parentloop":
                meaning = _Meaning(meaning.path, SHAPES["forloop"])
        elif part in METHODS:
            return _Meaning(meaning.path, None)
        else:
            candidates = list(meaning.shape) if isinstance(meaning.shape, Mapping) else []
            _note(path, str(part), candidates, prefix, result)
            return _UNKNOWN
        prefix = f"{prefix}.{part}"
    return meaning


def _is_list(shape: Shape) -> bool:
    return isinstance(shape, Sequence)


def _element(meaning: _Meaning) -> _Meaning:
    if meaning.shape is ANYTHING:
        return meaning
    if isinstance(meaning.shape, Keyed):
        return _Meaning(meaning.path, ANYTHING)
    return _Meaning(meaning.path, meaning.shape[0]) if _is_list(meaning.shape) else _VALUE  # type: ignore[index]


def _note(path: Path, name: str, candidates: Sequence[str], before: str, result: Fields) -> None:
    close = difflib.get_close_matches(name, candidates, 1, 0.6) or (sorted(candidates) if before else [])
    nearest = ", ".join(".".join(filter(None, [before, one])) for one in close)
    fault = Fault(str(path) if before else name, nearest, path.token.start_index, bool(before))
    if fault not in result.faults:
        result.faults.append(fault)
