"""What key rotation has to visit: each app registers the columns that hold encrypted values and their blind indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core import crypto
from core.registry import Registry


@dataclass(frozen=True)
class EncryptedColumn:
    """`key` is the primary key. `indexes`: column -> the function that makes it of the decrypted value and the row's other columns.

    `base64`: the column is text, with the bytes in that form. `json_key`: the column is JSON, and under this key stands
    "sealed:" and the bytes in base64; text without that mark was stored before it was encrypted, and is encrypted too.
    """

    table: str
    column: str
    context: str
    columns: tuple[str, ...] = ()
    indexes: dict[str, Callable[[str, dict[str, Any]], bytes | None]] = field(default_factory=dict)
    key: str = "id"
    base64: bool = False
    json_key: str = ""

    @property
    def value_sql(self) -> str:
        """The SQL of what is stored, as text or bytes."""
        return f"({self.column}->>'{self.json_key}')" if self.json_key else self.column

    @property
    def sealed_sql(self) -> str:
        """The SQL of the encrypted bytes; NULL where text was stored before it was encrypted."""
        if self.json_key:
            # CASE, because decode fails on text that was never sealed.
            return f"""CASE WHEN starts_with({self.value_sql}, '{crypto.SEALED}')
                            THEN decode(substr({self.value_sql}, {len(crypto.SEALED) + 1}), 'base64') END"""
        return f"decode({self.column}, 'base64')" if self.base64 else self.column


@dataclass(frozen=True)
class IndexCopy:
    """A column that holds another table's blind index without the value: it changes together with its original.

    `of` names the encrypted column whose `index` it is.
    """

    table: str
    column: str
    of: str
    index: str


ENCRYPTED: Registry[EncryptedColumn] = Registry("encrypted column")
COPIES: Registry[IndexCopy] = Registry("copy of a blind index")
