"""The shape of a segment rule: groups of conditions, nested.

    {"op": "and", "children": [
        {"condition": "net_spend", "operator": "gte", "value": 50000},
        {"op": "not", "children": [{"condition": "tags", "operator": "has", "values": ["3"]}]}]}

`and` and `or` hold any number of children, `not` holds exactly one. An empty `and` matches every customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

MAX_DEPTH = 8
MAX_LEAVES = 100
OPERATIONS = ("and", "or", "not")
T = TypeVar("T")


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


def leaves(node: dict, where: str = "rule") -> Iterator[tuple[str, dict]]:
    """Yield (path, leaf) in reading order."""
    if "condition" in node:
        yield where, node
        return
    for index, child in enumerate(node["children"]):
        yield from leaves(child, f"{where}.children.{index}")


def fold(node: dict, leaf: Callable[[dict], T], combine: Callable[[str, list[T]], T]) -> T:
    """Fold the tree bottom-up: `leaf` for each condition, `combine(op, parts)` for each group."""
    if "condition" in node:
        return leaf(node)
    return combine(node["op"], [fold(child, leaf, combine) for child in node["children"]])


def evaluate(node: dict, holds: Callable[[dict], bool]) -> bool:
    """Evaluate a rule on plain values; tests compare its SQL with this function."""

    def combine(op: str, parts: list[bool]) -> bool:
        if op == "not":
            return not parts[0]
        return all(parts) if op == "and" else any(parts)

    return fold(node, holds, combine)
