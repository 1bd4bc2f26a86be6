"""Read the values that a template declares, which the shop's own systems send with each message.

They are written one per line, `name: example`; a name with a question mark is optional.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MOST = 30
LONGEST = 1000


class WrongValue(Exception):
    """Raise for a wrong value; `code` names the fault of the value `name`."""

    def __init__(self, code: str, name: str) -> None:
        self.code, self.name = code, name
        super().__init__(f"{name}: {code}")


def read(text: str) -> list[dict[str, Any]]:
    """Return the declarations of a text. Raises WrongValue `invalid_name`, `duplicate` or `too_many`."""
    declarations: list[dict[str, Any]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        name, _colon, example = re.sub("：", ":", line, count=1).partition(":")
        name = name.strip()
        declarations.append(
            {"name": name.removesuffix("?"), "required": not name.endswith("?"), "example": example.strip()[:200]}
        )
    return checked(declarations)


def checked(values: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return declarations in canonical form. Raises WrongValue."""
    declarations: dict[str, dict[str, Any]] = {}
    for one in values:
        name = str(one.get("name", ""))
        if not NAME.fullmatch(name):
            raise WrongValue("invalid_name", name)
        if name in declarations:
            raise WrongValue("duplicate", name)
        example = str(one.get("example", ""))[:200]
        declarations[name] = {"name": name, "required": bool(one.get("required", True)), "example": example}
    if len(declarations) > MOST:
        raise WrongValue("too_many", "")
    return list(declarations.values())


def written(values: Sequence[Mapping[str, Any]]) -> str:
    """Return declarations as the text that `read` reads."""
    lines = (f"{one['name']}{'' if one['required'] else '?'}: {one['example']}".rstrip() for one in values)
    return "\n".join(lines)


def given(declared: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one message. Raises WrongValue `unknown_value`, `required`, `invalid` or `too_long`."""
    names = {one["name"]: one for one in declared}
    for name, value in values.items():
        if name not in names:
            raise WrongValue("unknown_value", str(name)[:60])
        if value is not None and type(value) not in (str, int, float, bool):
            raise WrongValue("invalid", name)
        if isinstance(value, str) and (len(value) > LONGEST or "\x00" in value):
            raise WrongValue("too_long" if len(value) > LONGEST else "invalid", name)
    for name, one in names.items():
        if one["required"] and values.get(name) in (None, ""):
            raise WrongValue("required", name)
    return {name: values[name] if values.get(name) is not None else "" for name in names if name in values}


def examples(declared: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the values that a preview shows."""
    return {one["name"]: one["example"] or one["name"] for one in declared}
