"""Resolution of a file's customers, all at once, by the same rule as for one request (S5).

The rows are resolved in the order of the file; memory holds one number per distinct identity. Staff vouch for the file,
so its identities count as verified. When two identities name different customers, PRECEDENCE decides and the pair is
proposed as duplicates, never joined.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from core.base.actor import Actor
from core.base.errors import Conflict
from core.events.bus import EventType, emit_from_select
from crm.customers import events
from crm.customers.services.identities import PRECEDENCE
from crm.imports.rules.mapping import IDENTITIES
from crm.imports.services.context import Context

T = TypeVar("T")
CHUNK = 5000
_BATCH = 20_000


class Raced(Conflict):
    """Raised when another request creates one of these customers at the same time. A retry finds that customer."""

    code = "raced"


def kinds_in(mapping: Sequence[str]) -> list[str]:
    """Return the identity columns that are mapped, in order of precedence."""
    return [kind for kind in PRECEDENCE if kind in mapping]


def resolve(people: str, kinds: Sequence[str], *, create: bool, once: bool = False) -> None:
    """Resolve the customer of each person. `people` selects (row, customer_number, <kinds>); 0 means no identity.

    Leaves lk_person (the selected rows) and lk_owner (row, customer, number, problem). A customer with a `number` is
    new and has no row yet; `problem` is unknown_customer, customer_erased, repeated_in_file or NULL. lk_attach holds
    new identities of customers, lk_suspect pairs that may be one person. `create`: unknown people become new customers.
    `once`: only one row may name a customer.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE lk_person ON COMMIT DROP AS {people}")
        cursor.execute(
            """CREATE TEMP TABLE lk_owner (row_number bigint, customer bigint, number text, problem text)
               ON COMMIT DROP;
               CREATE TEMP TABLE lk_attach (identity bigint, customer bigint) ON COMMIT DROP;
               CREATE TEMP TABLE lk_suspect (customer bigint, other bigint) ON COMMIT DROP"""
        )
        _find_known(cursor)
        owners = _known_owners(cursor)
        with (
            tempfile.TemporaryFile() as decided,
            tempfile.TemporaryFile() as attached,
            tempfile.TemporaryFile() as suspected,
        ):
            seen: set[int] = set()
            ids = _new_ids()
            for row, number, by_number, erased, *identities in _people(kinds):
                items = [identity for identity in identities if identity]
                named = list(dict.fromkeys(owner for item in items if (owner := owners[item])))
                if number and by_number:
                    named = [by_number, *(owner for owner in named if owner != by_number)]
                problem = ""
                if (number and not by_number) or not (named or (create and items)):
                    problem = "customer_erased" if erased else "unknown_customer"
                elif once and named and named[0] in seen:
                    problem = "repeated_in_file"
                if problem:
                    decided.write(f"{row}\t\\N\t\\N\t{problem}\n".encode())
                    continue
                customer, fresh = (named[0], "\\N") if named else next(ids)
                if once:
                    seen.add(customer)
                decided.write(f"{row}\t{customer}\t{fresh}\t\\N\n".encode())
                for other in named[1:]:
                    suspected.write(f"{customer}\t{other}\n".encode())
                if create:
                    for item in items:
                        if not owners[item]:
                            owners[item] = customer
                            attached.write(f"{item}\t{customer}\n".encode())
            for table, spool in (("lk_owner", decided), ("lk_attach", attached), ("lk_suspect", suspected)):
                spool.seek(0)
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    while block := spool.read(1 << 20):
                        copy.write(block)
        cursor.execute("ANALYZE lk_person; ANALYZE lk_owner; ANALYZE lk_attach")


def _find_known(cursor: Any) -> None:
    older = ""
    if len(settings.PII_KEYS) > 1:
        older = """ UNION ALL SELECT i.id, k.id, k.customer_id, k.verified_at IS NOT NULL
                    FROM lk_identity i CROSS JOIN unnest(i.older) AS form
                    JOIN crm_identity k ON k.kind = i.kind AND k.value_index = form"""
    cursor.execute(
        f"""CREATE TEMP TABLE lk_known ON COMMIT DROP AS
            SELECT found.*, coalesce(c.merged_into_id, c.id) AS owner FROM (
                SELECT i.id, k.id AS identity, k.customer_id AS customer, k.verified_at IS NOT NULL AS verified
                FROM lk_identity i
                JOIN crm_identity k ON k.kind = i.kind AND k.value_index = i.value_index{older}) found
            JOIN crm_customer c ON c.id = found.customer AND c.state <> 'erased'"""  # noqa: S608 - fragments and column names of the code; values are parameters
    )


def _known_owners(cursor: Any) -> array:
    """Return owners[identity] = customer, or 0. Only verified identities identify a customer."""
    cursor.execute("SELECT coalesce(max(id), 0) FROM lk_identity")
    owners = array("q", bytes(8 * (cursor.fetchone()[0] + 1)))
    for identity, owner in streamed("SELECT id, owner FROM lk_known WHERE verified"):
        owners[identity] = owner
    return owners


def _people(kinds: Sequence[str]) -> Iterator[tuple]:
    columns = "".join(f", p.{kind}" for kind in kinds)
    return streamed(
        f"""SELECT p.row_number, p.customer_number,
                   CASE WHEN c.state <> 'erased' THEN coalesce(c.merged_into_id, c.id) END, c.state = 'erased'{columns}
            FROM lk_person p LEFT JOIN crm_customer c ON c.number = p.customer_number ORDER BY p.row_number"""  # noqa: S608 - fragments and column names of the code; values are parameters
    )


def streamed(sql: str, params: Sequence[Any] | dict[str, Any] | None = None) -> Iterator[tuple]:
    """Yield the rows of a query batch by batch, so that memory stays bounded."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        while rows := cursor.fetchmany(_BATCH):
            yield from rows


def batches(items: Iterable[T], size: int = 1000) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _new_ids() -> Iterator[tuple[int, str]]:
    """Yield (id, number) of new customers."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT nextval(pg_get_serial_sequence('crm_customer', 'id')), nextval('crm_customer_number_seq')
                   FROM generate_series(1, %s)""",
                [CHUNK],
            )
            block = cursor.fetchall()
        for customer, number in block:
            yield customer, f"{number}{check_digit(number)}"


def check_digit(number: int) -> str:
    """Return the Luhn digit as crm_luhn_digit does; the database function would cost ten times as much per row."""
    digits = [int(digit) for digit in reversed(str(number))]
    return str(-sum(sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)) % 10)


def attach_identities(actor: Actor) -> None:
    """Attach the new identities to the resolved customers. New customers must have their rows already.

    Raises Raced when another transaction has taken one of the identities.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE TEMP TABLE lk_moved ON COMMIT DROP AS
               SELECT k.identity, k.customer AS previous, a.customer, i.kind
               FROM lk_attach a JOIN lk_known k ON k.id = a.identity JOIN lk_identity i ON i.id = a.identity
               WHERE NOT k.verified"""
        )
        cursor.execute(
            """UPDATE crm_identity k SET customer_id = m.customer, verified_at = now()
               FROM lk_moved m WHERE k.id = m.identity AND k.verified_at IS NULL"""
        )
        cursor.execute("SELECT count(*) FROM lk_attach a WHERE a.identity NOT IN (SELECT id FROM lk_known)")
        expected = cursor.fetchone()[0]
        cursor.execute(
            """INSERT INTO crm_identity (customer_id, kind, value, value_index, tail_index, verified_at)
               SELECT a.customer, i.kind, i.value, i.value_index, i.tail_index, now()
               FROM lk_attach a JOIN lk_identity i ON i.id = a.identity
               WHERE a.identity NOT IN (SELECT id FROM lk_known)
               ORDER BY a.customer ON CONFLICT DO NOTHING"""
        )
        if cursor.rowcount != expected:
            raise Raced()
    emit_from_select(
        events.IDENTITY_MOVED,
        """SELECT m.customer, jsonb_build_object('kind', m.kind, 'from', m.previous), now()
           FROM lk_moved m WHERE m.customer <> m.previous""",
        [],
        actor=actor,
    )
    with connection.cursor() as cursor:
        # A pair is proposed once: an answer of staff holds.
        cursor.execute(
            """CREATE TEMP TABLE lk_pair ON COMMIT DROP AS
               SELECT DISTINCT ON (first, second) customer, other, first, second
               FROM (SELECT customer, other, least(customer, other) AS first, greatest(customer, other) AS second
                     FROM (SELECT customer, other FROM lk_suspect UNION
                           SELECT customer, previous FROM lk_moved WHERE customer <> previous) s) pairs
               WHERE NOT EXISTS (SELECT FROM crm_duplicatecandidate d
                                 WHERE d.first_id = pairs.first AND d.second_id = pairs.second)
               ORDER BY first, second, customer"""
        )
        cursor.execute(
            """INSERT INTO crm_duplicatecandidate (first_id, second_id, state, decided_by)
               SELECT first, second, 'open', '' FROM lk_pair ON CONFLICT DO NOTHING"""
        )
    emit_from_select(
        events.DUPLICATE_SUSPECTED,
        """SELECT p.customer, jsonb_build_object('other', p.other, 'number', c.number), now()
           FROM lk_pair p JOIN crm_customer c ON c.id = p.other""",
        [],
        actor=actor,
    )


def announce(event_type: EventType, customers: str, params: Sequence[Any], *, run_id: int, actor: Actor) -> int:
    """Emit {"run", "customers"} events of at most 5,000 ids; `customers` selects the ids. Returns how many events."""
    return emit_from_select(
        event_type,
        f"""SELECT NULL::bigint, jsonb_build_object('run', %s::bigint, 'customers', jsonb_agg(id ORDER BY id)), now()
            FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / {CHUNK} AS chunk
                  FROM (SELECT DISTINCT id FROM ({customers}) AS named(id) WHERE id IS NOT NULL) AS distinct_ids) AS cut
            GROUP BY chunk""",  # noqa: S608 - fragments and column names of the code; values are parameters
        [run_id, *params],
        actor=actor,
    )


def select_people(kinds: list[str]) -> str:
    """Return SQL that selects one person per row that is not refused."""
    columns = "".join(f", {kind}" for kind in kinds)
    return f"""SELECT r.row_number, coalesce(r.customer_number, '') AS customer_number{columns}
               FROM lk_rows r LEFT JOIN lk_refused x USING (row_number) WHERE x.row_number IS NULL"""  # noqa: S608 - fragments and column names of the code; values are parameters


def refuse_nobody(context: Context) -> None:
    """Refuse rows without any value that could identify a customer."""
    nothing = " AND ".join(["customer_number IS NULL", *(f"{kind} = 0" for kind in IDENTITIES)])
    context.refuse(f"SELECT row_number, 'customer_number', 'nobody', '' FROM lk_rows WHERE {nothing}")  # noqa: S608 - fragments and column names of the code; values are parameters


def refuse_misread(context: Context) -> None:
    """Refuse rows with an unreadable cell."""
    context.refuse(
        """SELECT row_number, coalesce(error_field, ''), error_code, coalesce(error_detail, '')
           FROM lk_rows WHERE error_code IS NOT NULL"""
    )
