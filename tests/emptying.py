"""Empty the database after a test with real transactions: delete rows only where there are some.

Django truncates every table and makes permissions and groups again, which takes longer than most of these tests.
"""

from __future__ import annotations

from django.db import connections
from django.test import TransactionTestCase

# A larger table is truncated: dead rows would slow down the tests that follow.
LARGE = 256 * 1024
_flush = TransactionTestCase._fixture_teardown
# By database, the checksums of the tables that have rows after a flush (permissions, groups).
_left: dict[str, dict[str, str]] = {}

_EMPTY = """
DO $$
DECLARE
    one text;
    large text[] := '{{}}';
    filled boolean;
BEGIN
    -- As TRUNCATE would, wait until the sessions that still write have ended.
    LOCK TABLE {tables} IN EXCLUSIVE MODE;
    SET LOCAL session_replication_role = replica;
    FOREACH one IN ARRAY ARRAY[{names}] LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO filled;
        IF filled AND pg_table_size(one::regclass) > {large} THEN
            large := large || one;
        ELSIF filled THEN
            EXECUTE 'DELETE FROM ' || one;
        END IF;
    END LOOP;
    IF cardinality(large) > 0 THEN
        EXECUTE 'TRUNCATE ' || array_to_string(large, ', ') || ' CASCADE';
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
    """Empty all tables but those that the flush fills; False when there was no flush yet, or one of those has changed."""
    left = _left.get(name)
    if left is None:
        return False
    with connections[name].cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        if cursor.fetchone() != ("on",) or _checksums(name, list(left)) != left:
            return False
        tables = [table for table in _tables(name) if table not in left]
        cursor.execute(
            _EMPTY.format(tables=", ".join(tables), names=", ".join(f"'{table}'" for table in tables), large=LARGE)
        )
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
