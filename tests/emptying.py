"""Empty the database after a test with real transactions: truncate only the tables with rows, and what refers to them.

Django truncates every table and makes permissions and groups again, which takes longer than most of these tests.
"""

from __future__ import annotations

from django.db import connections
from django.test import TransactionTestCase

_flush = TransactionTestCase._fixture_teardown
# By database, the checksums of the tables that have rows after a flush (permissions, groups).
_left: dict[str, dict[str, str]] = {}

# Not DELETE: an ANALYZE of dead rows would tell the planner that a table which is about to be filled is empty.
_EMPTY = """
DO $$
DECLARE
    one text;
    some_rows boolean;
    with_rows text[] := '{{}}';
BEGIN
    -- Wait until the sessions that still write have ended, as a TRUNCATE of all tables would.
    LOCK TABLE {tables} IN EXCLUSIVE MODE;
    FOREACH one IN ARRAY ARRAY[{names}] LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO some_rows;
        IF some_rows THEN
            with_rows := with_rows || one;
        END IF;
    END LOOP;
    IF cardinality(with_rows) > 0 THEN
        EXECUTE 'TRUNCATE ' || array_to_string(with_rows, ', ') || ' CASCADE';
    END IF;
END $$
"""


def install() -> None:
    TransactionTestCase._fixture_teardown = _empty


def _empty(case: TransactionTestCase) -> None:
    names = case._databases_names(include_mirrors=False)
    if case.available_apps is not None or case.serialized_rollback or not all(_quickly(name) for name in names):
        _flush(case)
        for name in names:
            _left[name] = _checksums(name, _tables(name))


def _quickly(name: str) -> bool:
    """Empty all tables but those that the flush fills; False if there was no flush yet, or one of those has changed."""
    left = _left.get(name)
    if left is None:
        return False
    if _checksums(name, list(left)) != left:
        return False
    tables = [table for table in _tables(name) if table not in left]
    with connections[name].cursor() as cursor:
        names = ", ".join(f"'{table}'" for table in tables)
        cursor.execute(_EMPTY.format(tables=", ".join(tables), names=names))
    return True


def _tables(name: str) -> list[str]:
    return sorted(connections[name].introspection.django_table_names(only_existing=True, include_views=False))


def _checksums(name: str, tables: list[str]) -> dict[str, str]:
    """Return a checksum of each of these tables that has rows."""
    with connections[name].cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t" for table in tables
            )
        )
        return {table: checksum for table, checksum in cursor.fetchall() if checksum}
