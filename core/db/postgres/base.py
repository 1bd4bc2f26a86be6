"""Django's PostgreSQL backend with a health check without a round trip, and prepared statements for hot commands."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Return whether the connection can take a statement.

        Django sends `SELECT 1` once in every request. A lost server has closed its end, which makes the idle socket
        readable, so the statement is sent only then (F14).
        """
        if self.connection is None or self.connection.closed:
            return False
        try:
            readable, _, _ = select.select([self.connection.fileno()], [], [], 0)
        except (OSError, ValueError, psycopg.Error):
            return False
        return super().is_usable() if readable else True

    def prepared(self, statement: str, args: Sequence[Any]) -> tuple:
        """Run a prepared statement, which the server has already parsed and planned, and return its first row.

        For frequent commands. A pooler that gives each transaction another connection must support prepared statements
        (PgBouncer from 1.21).
        """
        self.validate_no_broken_transaction()
        self.close_if_health_check_failed()
        self.ensure_connection()
        with self.wrap_database_errors, psycopg.Cursor(self.connection) as cursor:
            row = cursor.execute(statement, args, prepare=True).fetchone()
        return row or ()
