"""Columns for key rotation: each app registers its columns with encrypted values and their blind indexes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.base.registry import Registry
from core.security import crypto


@dataclass(frozen=True)
class EncryptedColumn:
    """A column with encrypted values.

    `key` is the primary key. `indexes`: column -> function that computes it from the decrypted value and the row's
    other columns. `base64`: the column is text with the bytes in base64. `json_key`: the column is JSON, and this key
    holds "sealed:" and the bytes in base64. Text without that mark was stored before encryption existed; rotation
    encrypts it.
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
        """The SQL of the stored value, as text or bytes."""
        return f"({self.column}->>'{self.json_key}')" if self.json_key else self.column

    @property
    def sealed_sql(self) -> str:
        """The SQL of the encrypted bytes; NULL if the text was stored before encryption existed."""
        if self.json_key:
            # CASE, because decode fails on text that was never encrypted.
            return f"""CASE WHEN starts_with({self.value_sql}, '{crypto.SEALED}')
                            THEN decode(substr({self.value_sql}, {len(crypto.SEALED) + 1}), 'base64') END"""
        return f"decode({self.column}, 'base64')" if self.base64 else self.column


@dataclass(frozen=True)
class IndexCopy:
    """A column with a copy of another table's blind index, without the value. It changes together with its original.

    `of` names the encrypted column whose `index` it is.
    """

    table: str
    column: str
    of: str
    index: str


ENCRYPTED: Registry[EncryptedColumn] = Registry("encrypted column")
COPIES: Registry[IndexCopy] = Registry("copy of a blind index")
