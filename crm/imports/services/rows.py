"""Base class of kinds whose rows are imported one by one by a service: for thousands of rows, not millions."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import translation

from core.base.errors import DomainError
from core.events.bus import limited
from crm.imports.rules.mapping import IDENTITIES, ImportField
from crm.imports.services import people
from crm.imports.services.context import Context
from crm.imports.services.effects import reach_of
from crm.imports.services.people import refuse_misread, refuse_nobody, select_people


class RowImport:
    """Handler that imports each row in its own savepoint: a row that the service refuses does not affect the others.

    A dry run imports the rows too and rolls back, so that it reports what the import will report. `named`: every row
    must name a customer; `may_name`: a row may name one.
    """

    named = True
    may_name = True
    order = "row_number"

    def take(self, context: Context, row: dict[str, Any]) -> bool:
        """Import one row from its fields and `customer`.

        Returns whether anything changed; raises DomainError to refuse it.
        """
        raise NotImplementedError

    def prepare(self, context: Context) -> None:
        """Refuse rows by SQL when no service is needed."""

    def finish(self, context: Context) -> None:
        """Emit events for the imported rows."""

    def check(self, context: Context) -> None:
        """Refuse rows with errors and find the rows that change something."""
        refuse_misread(context)
        if self.named:
            refuse_nobody(context)
        owner, join = "NULL::bigint", ""
        if self.may_name:
            kinds = people.kinds_in([*context.mapping])
            someone = " OR ".join(["customer_number IS NOT NULL", *(f"{kind} <> 0" for kind in IDENTITIES)])
            people.resolve(f"{select_people(kinds)} AND ({someone})", kinds, create=False)
            context.refuse("SELECT row_number, 'customer_number', problem, '' FROM lk_owner WHERE problem IS NOT NULL")
            owner, join = "w.customer", "LEFT JOIN lk_owner w USING (row_number)"
        self.prepare(context)
        names = [name for name, field in context.fields.items() if _is_plain(field)]
        columns = ", ".join(f'r."{name}"' for name in names)
        context.execute(
            f"""CREATE TEMP TABLE lk_taken ON COMMIT DROP AS
                SELECT row_number, {owner} AS customer, {columns} FROM lk_rows r {join}
                LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters
        )
        self.touched: set[int] = set()
        for number, customer, *values in people.streamed(f"SELECT * FROM lk_taken ORDER BY {self.order}"):  # noqa: S608 - fragments and column names of the code; values are parameters
            row = dict(zip(names, values, strict=True)) | {"customer": customer}
            try:
                # A file is history: the effects of its rows stay within the run's mode (I3).
                with transaction.atomic(), limited(reach_of(context.mode)):
                    changed = self.take(context, row)
            except DomainError as error:
                with translation.override("en"):
                    context.refuse_row(number, (error.field or "").rpartition(".")[2], error.code, str(error.message))
                continue
            if not changed:
                context.keep_row(number)
            elif customer:
                self.touched.add(customer)

    def apply(self, context: Context) -> None:
        """Write the accepted rows one after another, then finish."""
        context.result["rows_taken"] = context.value(
            """SELECT count(*) FROM lk_taken
               LEFT JOIN lk_refused x USING (row_number) LEFT JOIN lk_unchanged u USING (row_number)
               WHERE x.row_number IS NULL AND u.row_number IS NULL"""
        )
        with limited(reach_of(context.mode)):
            self.finish(context)

    def announce(self, context: Context, event_type: Any) -> None:
        """Emit an event of this type for the touched customers."""
        people.announce(
            event_type,
            "SELECT unnest(%s::bigint[])",
            [sorted(self.touched)],
            run_id=context.run_id,
            actor=context.actor,
        )


def _is_plain(field: ImportField) -> bool:
    return field.shape not in {"identity", "birthday"}
