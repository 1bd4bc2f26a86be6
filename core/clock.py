"""The database's clock decides (F10): an application server whose clock is off expires and sends nothing early."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """The database's time at this call, not at the start of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
