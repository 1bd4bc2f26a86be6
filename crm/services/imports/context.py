"""What the parts of one import share while it is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection

from core.actor import Actor
from crm.models import ImportMode, Store
from crm.rules.importing import Field
from crm.rules.money import EXPONENTS

# Only foreign-key triggers may rest: a table with others of its own keeps them all.
_MAY_REST = """SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET') AND NOT EXISTS (
                   SELECT FROM pg_trigger WHERE tgrelid = '%(table)s'::regclass AND NOT tgisinternal)"""


@dataclass
class Context:
    """`run_id` 0 is a preview. `lenient`: a refused row leaves the other rows of its order alone."""

    run_id: int
    source: str
    store: Store
    actor: Actor
    fields: Mapping[str, Field]
    mapping: Mapping[str, str]
    options: Mapping[str, Any]
    mode: str = ImportMode.AUTO
    result: dict[str, Any] = field(default_factory=dict)
    # One figure or many: statements with %(run)s and %(source)s get them from here.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        return {
            "run": self.run_id,
            "source": self.source,
            "store": self.store.pk,
            "actor": str(self.actor),
            **self.extra,
        }

    def execute(self, sql: str) -> int:
        """Run one statement; returns how many rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            return cursor.rowcount

    def value(self, sql: str) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            row = cursor.fetchone()
            return row[0] if row else None

    def rows(self, sql: str) -> Sequence[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            return cursor.fetchall()

    def insert_many(self, insert: str, table: str, references: Mapping[str, str]) -> int:
        """Insert rows whose foreign keys were just looked up. `references`: table -> the ids it is asked for.

        A trigger checks every foreign key of every row by a query of its own, which costs as much as the insert.
        Where the database role may, the referenced rows are locked in one statement each instead, in the way the
        triggers lock them, and the triggers rest. Constraints of the table itself hold as ever.
        """
        if not self.value(_MAY_REST % {"table": table}):
            return self.execute(insert)
        for referenced, ids in references.items():
            wanted = self.value(f"SELECT count(DISTINCT id) FROM ({ids}) AS named(id)")
            found = self.value(
                f"""SELECT count(*) FROM (SELECT FROM {referenced} WHERE id IN (SELECT id FROM ({ids}) AS named(id))
                                          FOR KEY SHARE) AS locked"""
            )
            if wanted != found:
                raise RuntimeError(f"{wanted - found} rows of {referenced} that {table} refers to are gone.")
        self.execute("SET LOCAL session_replication_role = replica")
        inserted = self.execute(insert)
        self.execute("SET LOCAL session_replication_role = origin")
        return inserted

    def refuse(self, select: str) -> int:
        """`select` yields (row_number, field, code, detail); the first refusal of a row stands."""
        return self.execute(f"INSERT INTO lk_refused {select} ON CONFLICT DO NOTHING")

    def refuse_row(self, row: int, field: str, code: str, message: str) -> None:
        """Refuse a row for what a service says; a code without a reason of its own brings the message along."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO lk_refused VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", [row, field, code, message]
            )

    def keep_row(self, row: int) -> None:
        """Count a row as known already."""
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO lk_unchanged VALUES (%s) ON CONFLICT DO NOTHING", [row])

    def note(self, select: str) -> int:
        """List rows that are taken with a remark: (row_number, field, code, detail)."""
        return self.execute(f"INSERT INTO lk_noted {select} ON CONFLICT DO NOTHING")


class Handler(Protocol):
    """How one kind is taken. `check` decides without touching the shop's tables, `apply` writes what is decided.

    Both see lk_rows and lk_refused. After `check` every row is in lk_refused, in lk_unchanged, or will be applied.
    """

    def check(self, context: Context) -> None: ...

    def apply(self, context: Context) -> None: ...


def factor(currency: str) -> str:
    """SQL for minor units per major unit, by a column that holds the currency."""
    cases = " ".join(f"WHEN '{code}' THEN {10**digits}" for code, digits in EXPONENTS.items())
    return f"(CASE {currency} {cases} ELSE 100 END)"
