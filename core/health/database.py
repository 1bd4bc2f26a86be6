"""Checks of `doctor` on the database server: sequences, clock, connections."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _t
from psycopg import sql

from core.health import checks as health

MOST_CLOCK_SECONDS = 5.0
LEAST_CONNECTIONS = 10


@dataclass(frozen=True)
class LaggingSequence:
    """A sequence whose next number is already used: the next insert would fail."""

    sequence: str
    table: str
    column: str
    most: int


def sequences_behind() -> list[LaggingSequence]:
    """Return the sequences whose next number is not above the highest id of the table that they serve."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT s.oid::regclass::text, t.oid::regclass::text, a.attname
               FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace AND n.nspname = current_schema()
               JOIN (SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number FROM pg_depend d
                     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                       AND d.deptype IN ('a', 'i')
                     UNION
                     SELECT d.refobjid, f.adrelid, f.adnum FROM pg_depend d JOIN pg_attrdef f ON f.oid = d.objid
                     WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) AS use
                   ON use.sequence = s.oid
               JOIN pg_class t ON t.oid = use.relation AND NOT t.relispartition AND t.relkind IN ('r', 'p')
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = use.number AND a.attnum > 0
               WHERE s.relkind = 'S' AND NOT EXISTS (
                   -- The code sets the id of a table with one row.
                   SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND k.conname LIKE '%only\_one')
               ORDER BY 2, 3"""
        )
        uses = cursor.fetchall()
        if not uses:
            return []
        parts = [
            sql.SQL(
                "SELECT {n}::int, (SELECT max({column}) FROM {table}), last_value, is_called FROM {sequence}"
            ).format(
                n=sql.Literal(place),
                column=sql.Identifier(column),
                table=sql.SQL(table),
                sequence=sql.SQL(sequence),
            )
            for place, (sequence, table, column) in enumerate(uses)
        ]
        cursor.execute(sql.SQL(" UNION ALL ").join(parts).as_string(None))
        return [
            LaggingSequence(uses[place][0], uses[place][1], uses[place][2], most)
            for place, most, last, called in cursor.fetchall()
            if most is not None and (most > last or (most == last and not called))
        ]


def sequences() -> tuple[bool, str]:
    behind = [
        _t("%(sequence)s (%(column)s is at %(most)s)")
        % {"sequence": one.sequence, "column": f"{one.table}.{one.column}", "most": one.most}
        for one in sequences_behind()
    ]
    if not behind:
        return True, _t("all ahead of their tables")
    return False, _t("behind their tables: %(names)s") % {"names": ", ".join(behind)}


def fix_sequences() -> str:
    """Set each lagging sequence to the highest id of its table. Safe at any time, because it only moves forward."""
    behind = sequences_behind()
    with connection.cursor() as cursor:
        for one in behind:
            cursor.execute(
                "SELECT setval(%s::regclass, greatest(%s, nextval(%s::regclass)))",
                [one.sequence, one.most, one.sequence],
            )
    return ", ".join(f"{one.sequence} set to {one.most}" for one in behind)


def clock() -> tuple[bool, str]:
    """Check the difference between this machine's clock and the database's clock, which decides."""
    before = time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        theirs = cursor.fetchone()[0]
    difference = theirs - (before + time.time()) / 2
    text = _t("the database's clock is %(seconds)s s from this machine's")
    return abs(difference) < MOST_CLOCK_SECONDS, text % {"seconds": f"{difference:+.1f}"}


def connections_left() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
                      (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"""
        )
        most, used = cursor.fetchone()
    return most - used >= LEAST_CONNECTIONS, _t("%(used)s of %(most)s in use") % {"used": used, "most": most}


health.register("sequences", sequences, fix=fix_sequences)
health.register("clock", clock)
health.register("connections", connections_left)
health.PROOFS.register(
    "sequences", lambda: [f"{one.sequence} is behind {one.table}.{one.column}" for one in sequences_behind()]
)
