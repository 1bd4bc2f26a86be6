"""The typed schema of a shop's own customer attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class AttributeSpec:
    """The definition of an attribute: its code, type and choices."""

    code: str
    type: str
    choices: Sequence[str] = ()


class WrongAttribute(ValueError):
    """A wrong attribute value. `code` is unknown_attribute or wrong_type; `attribute` names the attribute."""

    def __init__(self, attribute: str, code: str) -> None:
        self.attribute = attribute
        self.code = code
        super().__init__(f"{attribute}: {code}")


def check_attributes(values: Mapping[str, Any], specs: Mapping[str, AttributeSpec]) -> dict[str, Any]:
    """Return the values in stored form; None removes an attribute. Raises WrongAttribute for the first wrong value."""
    checked: dict[str, Any] = {}
    for code, value in values.items():
        spec = specs.get(code)
        if spec is None:
            raise WrongAttribute(code, "unknown_attribute")
        checked[code] = None if value is None or value == "" else _coerce(spec, value)
    return checked


def _coerce(spec: AttributeSpec, value: Any) -> Any:
    wrong = WrongAttribute(spec.code, "wrong_type")
    if spec.type == "boolean":
        if isinstance(value, bool):
            return value
        folded = str(value).strip().lower()
        if folded in {"true", "1", "yes", "y", "是"}:
            return True
        if folded in {"false", "0", "no", "n", "否"}:
            return False
        raise wrong
    if spec.type == "number":
        if isinstance(value, bool):
            raise wrong
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise wrong from None
        if not math.isfinite(number):
            raise wrong
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    if spec.type == "date":
        try:
            return date.fromisoformat(str(value)).isoformat()
        except ValueError:
            raise wrong from None
    if not isinstance(value, str) or len(value) > 500 or "\x00" in value:
        raise wrong
    if spec.type == "choice" and value not in spec.choices:
        raise wrong
    return value
