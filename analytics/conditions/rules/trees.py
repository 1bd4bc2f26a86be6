"""The shape of a segment rule: groups of conditions, nested.

    {"op": "and", "children": [
        {"condition": "net_spend", "operator": "gte", "value": 50000},
        {"op": "not", "children": [{"condition": "tags", "operator": "has", "values": ["3"]}]}]}

`and` and `or` hold any number of children, `not` holds exactly one. An empty `and` matches every customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypedDict, TypeVar, cast, final

MAX_DEPTH = 8
MAX_LEAVES = 100
OPERATIONS = ("and", "or", "not")
LEAF_KEYS = frozenset({"condition", "operator"})
T = TypeVar("T")


@final
class Leaf(TypedDict):
    """One condition, by its registered name, and one of its comparisons.

    The values of the comparison stand beside these keys; `values_of` returns them. Each condition states its own:
    amounts are in minor units of the shop's currency, days are whole numbers, dates are ISO texts.
    """

    condition: str
    operator: str


@final
class Group(TypedDict):
    """Conditions and groups that hold all together (`and`), at least one of them (`or`), or its one child not (`not`).

    In the tree that a form shows, "not" is over any number of children: none of them holds.
    """

    op: Literal["and", "or", "not"]
    children: list[Node]


Node = Leaf | Group
# The values of a leaf, by the names of the condition's inputs.
LeafValues = Mapping[str, Any]


def leaf_of(condition: str, operator: str, values: LeafValues) -> Leaf:
    """Return a leaf with the values of its comparison."""
    return cast(Leaf, {"condition": condition, "operator": operator, **values})


def values_of(leaf: Leaf) -> dict[str, Any]:
    """Return the values of a leaf's comparison."""
    return {name: value for name, value in leaf.items() if name not in LEAF_KEYS}


class WrongTree(ValueError):
    """An error in the tree. `where` is the path of the node, such as children.0.children.2; `code` is the error."""

    def __init__(self, where: str, code: str) -> None:
        self.where = where
        self.code = code
        super().__init__(f"{where}: {code}")


def check_shape(node: Any, where: str = "rule", depth: int = 1) -> int:
    """Count the leaves. Raises WrongTree: not_a_group, unknown_operation, not_takes_one, too_deep, too_many."""
    if not isinstance(node, dict):
        raise WrongTree(where, "not_a_group")
    if depth > MAX_DEPTH:
        raise WrongTree(where, "too_deep")
    if "condition" in node:
        if not isinstance(node["condition"], str) or not isinstance(node.get("operator"), str):
            raise WrongTree(where, "not_a_condition")
        return 1
    if node.get("op") not in OPERATIONS:
        raise WrongTree(where, "unknown_operation")
    children = node.get("children")
    if not isinstance(children, list) or set(node) - {"op", "children"}:
        raise WrongTree(where, "not_a_group")
    if node["op"] == "not" and len(children) != 1:
        raise WrongTree(where, "not_takes_one")
    leaves = sum(check_shape(child, f"{where}.children.{index}", depth + 1) for index, child in enumerate(children))
    if leaves > MAX_LEAVES:
        raise WrongTree(where, "too_many")
    return leaves


def leaves(node: Node, where: str = "rule") -> Iterator[tuple[str, Leaf]]:
    """Yield (path, leaf) in reading order."""
    if "condition" in node:
        yield where, node
        return
    for index, child in enumerate(node["children"]):
        yield from leaves(child, f"{where}.children.{index}")


def fold(node: Node, leaf: Callable[[Leaf], T], combine: Callable[[str, list[T]], T]) -> T:
    """Fold the tree bottom-up: `leaf` for each condition, `combine(op, parts)` for each group."""
    if "condition" in node:
        return leaf(node)
    return combine(node["op"], [fold(child, leaf, combine) for child in node["children"]])


def evaluate(node: Node, holds: Callable[[Leaf], bool]) -> bool:
    """Evaluate a rule on plain values; tests compare its SQL with this function."""

    def combine(op: str, parts: list[bool]) -> bool:
        if op == "not":
            return not parts[0]
        return all(parts) if op == "and" else any(parts)

    return fold(node, holds, combine)
