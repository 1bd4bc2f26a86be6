"""Re-encrypt personal data under the primary key, in small transactions, while the shop runs (P3)."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection, transaction

from core import crypto
from core.rotation import ENCRYPTED, EncryptedColumn

CHUNK = 1000


def rotate_keys(say: Callable[[str], None] = lambda text: None) -> int:
    """Bring every value and blind index under the first key of PII_KEYS. Can be stopped and started. Returns how many."""
    total = 0
    for name, column in ENCRYPTED.items():
        count = 0
        while changed := _rotate_chunk(column):
            count += changed
        say(f"{name}: {count}")
        total += count
    return total


def _rotate_chunk(spec: EncryptedColumn) -> int:
    primary = crypto.primary_key_id()
    stale = " OR ".join(
        f"(octet_length({name}) > 0 AND get_byte({name}, 0) <> {primary})" for name in (spec.column, *spec.indexes)
    )
    others = "".join(f", {name}" for name in spec.columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {spec.key}, {spec.column}{others} FROM {spec.table} WHERE {stale}
                ORDER BY {spec.key} LIMIT {CHUNK} FOR UPDATE SKIP LOCKED"""
        )
        rows = cursor.fetchall()
        for pk, stored, *extra in rows:
            value = crypto.decrypt(bytes(stored), spec.context)
            row = dict(zip(spec.columns, extra, strict=True))
            columns = {spec.column: crypto.encrypt(value, spec.context)}
            columns |= {name: make(value, row) for name, make in spec.indexes.items()}
            cursor.execute(
                f"UPDATE {spec.table} SET {', '.join(f'{name} = %s' for name in columns)} WHERE {spec.key} = %s",
                [*columns.values(), pk],
            )
    return len(rows)
