"""Django's PostgreSQL backend with a health check that costs no round trip, and prepared statements for hot commands."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the connection can take a statement.

        Django asks with `SELECT 1` once in every request. A server that went away has closed its end, which makes the
        socket readable while nothing was asked of it, so only then is it asked (F14).
        """
        if self.connection is None or self.connection.closed:
            return False
        try:
            readable, _, _ = select.select([self.connection.fileno()], [], [], 0)
        except (OSError, ValueError, psycopg.Error):
            return False
        return super().is_usable() if readable else True

    def prepared(self, statement: str, args: Sequence[Any]) -> tuple:
        """The first row of a statement that the server has parsed and planned before: for commands sent all day long.

        A pooler that gives each transaction another connection has to know of prepared statements (PgBouncer from 1.21).
        """
        self.validate_no_broken_transaction()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors, psycopg.Cursor(self.connection) as cursor:
            row = cursor.execute(statement, args, prepare=True).fetchone()
        return row or ()
