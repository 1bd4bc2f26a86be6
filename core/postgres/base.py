"""Django's PostgreSQL backend with a health check that costs no round trip."""

from __future__ import annotations

import select

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
