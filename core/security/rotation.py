"""Re-encrypt personal data under the primary key, in small transactions, while the shop runs (P3)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from core.db.statements import compose
from core.security import crypto
from core.security.encrypted_columns import COPIES, ENCRYPTED, EncryptedColumn, IndexCopy

CHUNK = 1000


def rotate_keys(say: Callable[[str], None] = lambda text: None) -> int:
    """Re-encrypt every value and blind index under the first key of PII_KEYS. Return their number.

    It can be stopped and started again. A copy whose original was deleted stays under its old key, because its value no
    longer exists: that key must then be kept.
    """
    total = 0
    for name, column in ENCRYPTED.items():
        copies = [copy for copy in COPIES if copy.of == name]
        count = 0
        while changed := _rotate_chunk(column, copies):
            count += changed
        say(f"{name}: {count}")
        total += count
    for name, copy in COPIES.items():
        if left := _left(copy):
            say(f"{name}: {left} left under an old key, because the original values were deleted")
    return total


def _rotate_chunk(spec: EncryptedColumn, copies: Sequence[IndexCopy]) -> int:
    if spec.json_key:
        return _rotate_json_chunk(spec)
    sealed = spec.sealed_sql
    stale = " OR ".join(_is_stale(column) for column in (sealed, *spec.indexes))
    read = "".join(f", {name}" for name in (*spec.columns, *spec.indexes))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {spec.key}, {sealed}{read} FROM {spec.table} WHERE {stale}
                ORDER BY {spec.key} LIMIT {CHUNK} FOR UPDATE SKIP LOCKED"""  # noqa: S608 - table and column names of registered columns
        )
        rows = cursor.fetchall()
        for pk, stored, *extra in rows:
            value = crypto.decrypt(bytes(stored), spec.context)
            row = dict(zip((*spec.columns, *spec.indexes), extra, strict=True))
            encrypted = crypto.encrypt(value, spec.context)
            columns: dict[str, Any] = {
                spec.column: base64.b64encode(encrypted).decode() if spec.base64 else encrypted,
                **{name: make(value, row) for name, make in spec.indexes.items()},
            }
            cursor.execute(
                compose(
                    "UPDATE {table} SET {changes} WHERE {key} = %s",
                    table=Identifier(spec.table),
                    changes=SQL(", ").join(SQL("{} = %s").format(Identifier(name)) for name in columns),
                    key=Identifier(spec.key),
                ),
                [*columns.values(), pk],
            )
            for copy in copies:
                cursor.execute(
                    compose(
                        "UPDATE {table} SET {column} = %s WHERE {column} = %s",
                        table=Identifier(copy.table),
                        column=Identifier(copy.column),
                    ),
                    [columns[copy.index], row[copy.index]],
                )
    return len(rows)


def _rotate_json_chunk(spec: EncryptedColumn) -> int:
    value = spec.value_sql
    stale = f"{value} IS NOT NULL AND ({_is_stale(spec.sealed_sql)}) IS NOT FALSE"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {spec.key}, {value} FROM {spec.table} WHERE {stale}
                ORDER BY {spec.key} LIMIT %s FOR UPDATE SKIP LOCKED""",  # noqa: S608 - table and column names of registered columns
            [CHUNK],
        )
        rows = cursor.fetchall()
        for pk, stored in rows:
            text = crypto.seal_text(crypto.open_text(stored, spec.context), spec.context)
            cursor.execute(
                f"""UPDATE {spec.table} SET {spec.column} = jsonb_set({spec.column}, %s, to_jsonb(%s::text))
                    WHERE {spec.key} = %s""",  # noqa: S608 - table and column names of registered columns
                [[spec.json_key], text, pk],
            )
    return len(rows)


def _is_stale(column: str) -> str:
    return f"(octet_length({column}) > 0 AND get_byte(({column}), 0) <> {crypto.primary_key_id()})"


def _left(copy: IndexCopy) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {copy.table} WHERE {_is_stale(copy.column)}")  # noqa: S608 - table and column names of registered columns
        return cursor.fetchone()[0]
