"""Parameters for statements with many rows, one JSON array per column.

The driver quotes each element of an array separately, which is slow for millions of rows. JSON is written and read as a
whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID


def columns(count: int, named: str = "%s") -> str:
    """Return the FROM item: the first column is a uuid, the others are text. The placeholders take `column_values`."""
    places = [named.format(place) for place in range(count)]
    others = [f"json_array_elements_text({place}::json)" for place in places[1:]]
    return f"ROWS FROM ({', '.join([f'unnest({places[0]}::uuid[])', *others])})"


def column_values(rows: Sequence[Sequence[Any]], count: int) -> list[str]:
    """Return the parameters of `columns`. Texts lose the character NUL, which PostgreSQL can't store."""
    ids, *others = list(zip(*rows, strict=True)) if rows else [()] * count
    return [uuid_array(ids), *(_json(values) for values in others)]


def uuid_array(ids: Iterable[UUID]) -> str:
    """Return the text of an array for `%s::uuid[]`."""
    return f"{{{','.join(map(str, ids))}}}"


def _json(values: Sequence[str]) -> str:
    text = json.dumps(values, ensure_ascii=False)
    if "\\u0000" in text:
        return json.dumps([value.replace("\x00", "") for value in values], ensure_ascii=False)
    return text
