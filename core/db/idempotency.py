"""Idempotency keys: the same key and request return the first answer; another request with the key gets 409 (L7).

    with transaction.atomic():
        claim = idempotency.claim("coupons", key, request)
        if claim.answer is not None:
            return claim.answer
        ...
        return claim.store(answer)

The claim and the work share one transaction, so a crash leaves the key free and a second caller waits for the first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from core.base.actor import Actor
from core.base.errors import IdempotencyConflict, IdempotencyKeyInvalid, IdempotencyKeyMissing
from core.db.locks import require_transaction

KEY_LENGTH = 200
INTERNAL = "internal"
_FORM = re.compile(r"[\x20-\x7e]{1,200}")


def scope_of(area: str, actor: Actor) -> str:
    """Return the scope of a caller's keys, such as `coupons:key:3`, so that keys of two callers never collide."""
    return f"{area}:{actor}"


def internal_scope(area: str) -> str:
    """Return the scope of keys that the product makes for itself. No actor has this name, so no caller can reach it."""
    return f"{area}:{INTERNAL}"


def digest(request: Any) -> bytes:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).digest()


def check_key(key: str | None) -> str:
    if not key or len(key) > KEY_LENGTH:
        raise IdempotencyKeyMissing(field="Idempotency-Key")
    return key


def check_header(key: str | None) -> None:
    """Raise IdempotencyKeyInvalid when a key was sent and has an invalid form. A missing key is accepted here."""
    if key and not _FORM.fullmatch(key):
        raise IdempotencyKeyInvalid(field="Idempotency-Key")


@dataclass
class Claim:
    record_id: int | None
    answer: Any = None

    def store(self, answer: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE core_idempotencyrecord SET answer = %s WHERE id = %s", [json.dumps(answer), self.record_id]
            )
        return answer


def claim(scope: str, key: str, request: Any, *, older_scope: str = "") -> Claim:
    """Claim the key or find its answer. Waits while another transaction holds the same key.

    `older_scope` is a previous scope of the caller's keys; an answer that is stored there is returned again.
    """
    require_transaction()
    request_digest = digest(request)
    with connection.cursor() as cursor:
        if older_scope and (stored := _stored(cursor, older_scope, key, request_digest)):
            return stored
        cursor.execute(
            """INSERT INTO core_idempotencyrecord (scope, key, digest) VALUES (%s, %s, %s)
               ON CONFLICT (scope, key) DO NOTHING RETURNING id""",
            [scope, check_key(key), request_digest],
        )
        row = cursor.fetchone()
        if row:
            return Claim(row[0])
        stored = _stored(cursor, scope, key, request_digest)
        assert stored is not None
        return stored


def _stored(cursor: Any, scope: str, key: str, request_digest: bytes) -> Claim | None:
    """Return the stored claim of a key, or None. Raises IdempotencyConflict when another request used the key."""
    cursor.execute(
        "SELECT id, digest, answer FROM core_idempotencyrecord WHERE scope = %s AND key = %s", [scope, check_key(key)]
    )
    row = cursor.fetchone()
    if row is None:
        return None
    record_id, stored, answer = row
    if bytes(stored) != request_digest:
        raise IdempotencyConflict(field="Idempotency-Key")
    return Claim(record_id, json.loads(answer) if isinstance(answer, str) else answer)


def run_once(scope: str, key: str | None, request: Any, command: Callable[[], Any], *, older_scope: str = "") -> Any:
    """Run a command without a natural key: once per key, or every time when `key` is None.

    `command` returns its answer as plain JSON values; a repeat returns the stored answer.
    """
    with transaction.atomic():
        if key is None:
            return command()
        own = claim(scope, key, request, older_scope=older_scope)
        return own.answer if own.answer is not None else own.store(command())
