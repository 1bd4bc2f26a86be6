"""Calling the database's own functions: one round trip, refusals as typed errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from django.db import DatabaseError, connection, transaction

from core.errors import DomainError
from core.postgres.base import DatabaseWrapper

REFUSED = "LK001"


def call(
    function: str, args: Sequence[Any], *, refusals: Mapping[str, Callable[[dict], DomainError]] | None = None
) -> Any:
    """`SELECT function(args)`. A refusal (SQLSTATE LK001) is raised as the error that `refusals` makes of its figures.

    Outside a transaction the call is its own; inside one a savepoint keeps the caller's work when it is refused.
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
    # Whoever watches statements, the history of a person's change among them, sees them go the ordinary way.
    if connection.queries_logged or connection.execute_wrappers:
        with connection.cursor() as cursor:
            cursor.execute(statement, args)
            value = cursor.fetchone()[0]
    else:
        value = cast(DatabaseWrapper, connection).prepared(statement, args)[0]
    return json.loads(value) if isinstance(value, str) and value[:1] == "{" else value
