"""State and interface that the parts of one import share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection

from core.base.actor import Actor
from core.text.currencies import EXPONENTS
from crm.customers.models import Store
from crm.imports.models import ImportMode
from crm.imports.rules.mapping import ImportField

# Only foreign-key triggers may be skipped: a table with triggers of its own keeps all of them.
_MAY_SKIP_TRIGGERS = """SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET') AND NOT EXISTS (
                   SELECT FROM pg_trigger WHERE tgrelid = '%(table)s'::regclass AND NOT tgisinternal)"""


@dataclass
class Context:
    """State of one import. `run_id` 0 is a preview. `lenient`: a refused row does not refuse the rest of its order."""

    run_id: int
    source: str
    store: Store
    actor: Actor
    fields: Mapping[str, ImportField]
    mapping: Mapping[str, str]
    options: Mapping[str, Any]
    mode: str = ImportMode.AUTO
    result: dict[str, Any] = field(default_factory=dict)
    # Extra parameters of statements, besides %(run)s, %(source)s and so on.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        """Return the SQL parameters that every statement of the import can use."""
        return {
            "run": self.run_id,
            "source": self.source,
            "store": self.store.pk,
            "actor": str(self.actor),
            **self.extra,
        }

    def execute(self, sql: str) -> int:
        """Run one statement. Returns how many rows it touched."""
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            return cursor.rowcount

    def value(self, sql: str) -> Any:
        """Return the first column of the first row, or None without rows."""
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            row = cursor.fetchone()
            return row[0] if row else None

    def rows(self, sql: str) -> Sequence[tuple]:
        """Return all rows of a query."""
        with connection.cursor() as cursor:
            cursor.execute(sql, self.params)
            return cursor.fetchall()

    def insert_many(self, insert: str, table: str, references: Mapping[str, str]) -> int:
        """Insert rows whose foreign keys were just looked up. `references`: table -> query of the referenced ids.

        A trigger checks each foreign key of each row with a query of its own, which costs as much as the insert. When
        the database role may, one statement per referenced table locks its rows in the same way, and the triggers are
        skipped. Constraints of the table itself still hold.
        """
        if not self.value(_MAY_SKIP_TRIGGERS % {"table": table}):
            return self.execute(insert)
        for referenced, ids in references.items():
            expected = self.value(f"SELECT count(DISTINCT id) FROM ({ids}) AS named(id)")  # noqa: S608 - fragments and column names of the code; values are parameters
            locked = self.value(
                f"""SELECT count(*) FROM (SELECT FROM {referenced} WHERE id IN (SELECT id FROM ({ids}) AS named(id))
                                          FOR KEY SHARE) AS locked"""  # noqa: S608 - fragments and column names of the code; values are parameters
            )
            if expected != locked:
                raise RuntimeError(f"{expected - locked} rows of {referenced} that {table} refers to are gone.")
        self.execute("SET LOCAL session_replication_role = replica")
        inserted = self.execute(insert)
        self.execute("SET LOCAL session_replication_role = origin")
        return inserted

    def refuse(self, select: str) -> int:
        """Refuse the rows of `select`: (row_number, field, code, detail). The first refusal of a row is kept."""
        return self.execute(f"INSERT INTO lk_refused {select} ON CONFLICT DO NOTHING")

    def refuse_row(self, row: int, field: str, code: str, message: str) -> None:
        """Refuse a row with the error of a service. The message is stored when the code has no reason of its own."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO lk_refused VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", [row, field, code, message]
            )

    def keep_row(self, row: int) -> None:
        """Count a row as unchanged."""
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO lk_unchanged VALUES (%s) ON CONFLICT DO NOTHING", [row])

    def note(self, select: str) -> int:
        """List rows that are accepted with a remark: (row_number, field, code, detail)."""
        return self.execute(f"INSERT INTO lk_noted {select} ON CONFLICT DO NOTHING")


class Handler(Protocol):
    """Handler of one kind of import. `check` decides without writing to the shop's tables, `apply` writes the result.

    Both see lk_rows and lk_refused. After `check` every row is in lk_refused, in lk_unchanged, or will be applied.
    """

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""

    def apply(self, context: Context) -> None:
        """Write the accepted rows."""


def factor(currency: str) -> str:
    """Return SQL for the minor units per major unit, by a column that holds the currency."""
    cases = " ".join(f"WHEN '{code}' THEN {10**digits}" for code, digits in EXPONENTS.items())
    return f"(CASE {currency} {cases} ELSE 100 END)"
