"""Calls of the database's own functions: one round trip, refusals as typed errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from core.base.errors import DomainError
from core.db.postgres.base import DatabaseWrapper

REFUSED = "LK001"
# Classes of SQLSTATE that concern the server, not the statement: connection, resources (disk full, no connections
# left), shutdown and crash, input and output.
INTERRUPTED = ("08", "53", "57P", "58")


def is_interruption(error: BaseException) -> bool:
    """Return whether the database was unavailable or out of resources, so that the same work may succeed later."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    return sqlstate is None or sqlstate.startswith(INTERRUPTED)


def hold_name(name: str) -> bool:
    """Lock a name for this database session until `release_name`, or until the session ends with its process.

    Return False when another session holds the name. The lock shows other sessions that the work still runs
    (`IS_HELD`), at once and without a clock: a kill -9 drops it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])


def release_name(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


# SQL: true if a session or transaction of this database holds the advisory lock of a name. {name} is an SQL expression.
IS_HELD = """EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND classid::bigint = (hashtextextended({name}, 0) >> 32) & 4294967295
                     AND objid::bigint = hashtextextended({name}, 0) & 4294967295)"""


def call(
    function: str, args: Sequence[Any], *, refusals: Mapping[str, Callable[[dict], DomainError]] | None = None
) -> Any:
    """Run `SELECT function(args)`. A refusal (SQLSTATE LK001) raises the error that `refusals` builds from its figures.

    Outside a transaction, the call is its own transaction. Inside one, a savepoint keeps the caller's work on a
    refusal.
    """
    statement = f"SELECT {function}({', '.join(['%s'] * len(args))})"
    try:
        if connection.in_atomic_block:
            with transaction.atomic():
                return _run(statement, args)
        return _run(statement, args)
    except DatabaseError as error:
        diagnostic = getattr(error.__cause__, "diag", None)
        if diagnostic is None or diagnostic.sqlstate != REFUSED or not refusals:
            raise
        code = diagnostic.message_primary
        if code not in refusals:
            raise
        raise refusals[code](json.loads(diagnostic.message_detail or "{}")) from None


def _run(statement: str, args: Sequence[Any]) -> Any:
    # Statements with wrappers or query logs (for example the history of a user's change) take the ordinary way.
    if connection.queries_logged or connection.execute_wrappers:
        with connection.cursor() as cursor:
            cursor.execute(statement, args)
            value = cursor.fetchone()[0]
    else:
        value = cast(DatabaseWrapper, connection).prepared(statement, args)[0]
    return json.loads(value) if isinstance(value, str) and value[:1] == "{" else value
