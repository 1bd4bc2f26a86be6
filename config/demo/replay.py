"""The simulated clock of the demo shop: the database answers a chosen time to every statement of this connection.

The product asks the database for the time (`core/base/clock.py`), and its SQL calls `now()` and its relatives without a
schema. A schema `replay` holds functions of the same names. It stands before `pg_catalog` in the search path of this
connection, so these calls, also those inside functions and triggers, take the simulated time. Defaults of columns were
resolved when the tables were made, so they are changed for the time of the replay and restored afterwards.

Outside this connection, and after a replay that was killed, the functions answer the real time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count

from django.db import connection
from psycopg.sql import SQL, Identifier

SCHEMA = "replay"
SETTING = "liuke.now"
Action = Callable[[], object]
# `clock_timestamp` is volatile in PostgreSQL, the others are stable within a statement.
FUNCTIONS = {
    "now": "STABLE",
    "transaction_timestamp": "STABLE",
    "statement_timestamp": "STABLE",
    "clock_timestamp": "VOLATILE",
}
_DEFAULTS = """
SELECT c.oid::regclass::text, a.attname, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attrdef d
JOIN pg_class c ON c.oid = d.adrelid
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE pg_get_expr(d.adbin, d.adrelid) ~ %s
ORDER BY 1, 2"""


class ReplayClock:
    """The simulated time. It stands still until it is moved, and never moves back."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self._store()

    def move(self, moment: datetime) -> None:
        """Move the clock to a later moment; an earlier one leaves it unchanged."""
        if moment > self.now:
            self.now = moment
            self._store()

    def _store(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, self.now.isoformat()])


class Agenda:
    """Actions in order of time. Running them moves the clock to the moment of each."""

    def __init__(self, clock: ReplayClock) -> None:
        self.clock = clock
        self._waiting: list[tuple[datetime, int, Action]] = []
        self._number = count()

    def add(self, at: datetime, action: Action) -> None:
        """Plan an action. One that is planned for a moment that is over is done next."""
        heapq.heappush(self._waiting, (at, next(self._number), action))

    def run(self, until: datetime) -> int:
        """Do everything that is planned until then, also what these actions add. Return how many were done."""
        done = 0
        while self._waiting and self._waiting[0][0] <= until:
            at, _number, action = heapq.heappop(self._waiting)
            self.clock.move(at)
            action()
            done += 1
        return done


@contextmanager
def replayed(start: datetime) -> Iterator[ReplayClock]:
    """Run a block on simulated time. Partitions and tables that it needs must exist already.

    Must not be called inside a transaction: its rollback would also take back the setting of the time.
    """
    # `pg_get_expr` names the schema only of functions outside the search path, so the path is set last.
    _install()
    try:
        _switch_defaults(into=SCHEMA)
        _set("search_path", f"public, {SCHEMA}, pg_catalog")
        # A crash loses the whole replay anyway, so no commit waits for the disk. Its many small statements run shorter
        # than their compilation.
        _set("synchronous_commit", "off")
        _set("jit", "off")
        yield ReplayClock(start)
    finally:
        restore()


def restore() -> None:
    """Give the real time back to this connection and to the columns, and remove the schema. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '', false)", [SETTING])
        for name in ("search_path", "synchronous_commit", "jit"):
            cursor.execute(f"RESET {name}")
    _switch_defaults(into="")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def was_interrupted() -> bool:
    """Return whether an earlier replay was killed before its end, which leaves half a shop."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
        return cursor.fetchone()[0]


def _install() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        for name, volatility in FUNCTIONS.items():
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS "
                f"$$ SELECT coalesce(nullif(current_setting('{SETTING}', true), '')::timestamptz, "
                f"pg_catalog.{name}()) $$"
            )


def _set(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, false)", [name, value])


def _switch_defaults(*, into: str) -> None:
    """Point the defaults of columns that call the clock to the schema, or back to PostgreSQL's own functions."""
    pattern = "^({prefix})({names}|CURRENT_TIMESTAMP)(\\(\\))?$".format(
        prefix="" if into else f"{SCHEMA}\\.", names="|".join(FUNCTIONS)
    )
    with connection.cursor() as cursor:
        cursor.execute(_DEFAULTS, [pattern])
        for table, column, expression in cursor.fetchall():
            name = expression.removeprefix(f"{SCHEMA}.").removesuffix("()")
            # `CURRENT_TIMESTAMP` is a keyword for `now()`, and PostgreSQL shows the second as the first in no case.
            function = "now" if name == "CURRENT_TIMESTAMP" else name
            cursor.execute(
                SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(
                    SQL(table),
                    Identifier(column),
                    SQL(f"{into}.{function}()" if into else f"{function}()"),
                )
            )
