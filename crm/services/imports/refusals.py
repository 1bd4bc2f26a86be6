"""Rows that were not taken: stored with the reason, shown and given back in the reader's language.

A row as read may hold anything about a person, so it is stored encrypted; reasons never quote it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_noop

from core import crypto
from core.csv_rows import Unreadable
from core.spreadsheets import BYTE_ORDER_MARK, csv_line, plain_line, read_line, restored
from crm.models import ImportRefusal, ImportRun
from crm.services.imports.people import batches
from crm.services.imports.reading import FileFormat, open_rows

RAW = "crm.importrefusal.raw"
MAX_RAW_CELL = 2000
BATCH = 5000
REASONS = {
    # The row as a whole
    "ragged_row": gettext_noop("The row has another number of cells than the header"),
    "cell_too_large": gettext_noop("A cell is above one million characters"),
    "unclosed_quote": gettext_noop("A quote in this row is never closed"),
    "line_too_long": gettext_noop("The line is above four million characters"),
    "nul_character": gettext_noop("The cell holds a NUL character"),
    "undecodable": gettext_noop("The cell holds bytes that are not in the file's encoding"),
    # A cell
    "required": gettext_noop("A value is needed here"),
    "too_long": gettext_noop("The text is too long; characters at most"),
    "not_a_number": gettext_noop("This is not a number in the chosen decimal notation"),
    "number_too_large": gettext_noop("The number is too large"),
    "too_precise": gettext_noop("At most three decimals"),
    "negative": gettext_noop("This can't be below zero"),
    "not_positive": gettext_noop("This must be above zero"),
    "not_a_time": gettext_noop("This is not a time that can be read"),
    "not_a_date": gettext_noop("This is not a date that can be read"),
    "in_the_future": gettext_noop("This time is in the future"),
    "too_old": gettext_noop("This time is before 1990"),
    "not_a_choice": gettext_noop("This is not one of the known words"),
    "not_json": gettext_noop("This is not a JSON object"),
    "wrong_type": gettext_noop("This does not fit the attribute's type"),
    "unknown_time_zone": gettext_noop("There is no such time zone"),
    "empty": gettext_noop("A value is needed here"),
    "not_a_phone": gettext_noop("This is not a phone number of the store's country"),
    "not_an_email": gettext_noop("This is not an e-mail address"),
    "not_printable": gettext_noop("The text has characters that can't be shown"),
    # What the shop knows
    "unknown_store": gettext_noop("There is no store with this code"),
    "unknown_customer": gettext_noop("There is no such customer"),
    "customer_erased": gettext_noop("This customer was erased"),
    "unknown_sku": gettext_noop("There is no such product"),
    "wrong_currency": gettext_noop("This is not the currency of the store"),
    "repeated_in_file": gettext_noop("An earlier row of the file has the same key"),
    "nobody": gettext_noop("The row names no customer"),
    "not_a_country": gettext_noop("There is no such country: use its ISO 3166 code or its name in English or Chinese"),
    "unknown_country": gettext_noop("The row was taken without its country, which is not known by this name"),
    # Orders
    "no_price": gettext_noop("The order has neither lines with prices nor a total"),
    "amount_mismatch": gettext_noop("Quantity × unit price − discount is not the amount"),
    "discount_exceeds_line": gettext_noop("The discount is more than the line"),
    "discount_exceeds_order": gettext_noop("Discounts and points are more than the order"),
    "total_mismatch": gettext_noop("The parts of the order do not add up to its total"),
    "order_columns_differ": gettext_noop("The rows of this order differ in a value that belongs to the whole order"),
    "order_differs": gettext_noop("The order is already there with other content"),
    "order_has_refused_rows": gettext_noop(
        "Another row of this order was refused, and half an order would be wrong money"
    ),
    "order_state": gettext_noop("The order is in a state that does not go with this"),
    "refund_exceeds_order": gettext_noop("More came back than was paid for the order"),
    "refund_exceeds_line": gettext_noop("The order has less of this product left to come back"),
    "not_a_rating": gettext_noop("A rating is a whole number from 1 to 5"),
    "zero_quantity": gettext_noop("The quantity is zero, so nothing was sold"),
    "refund_amount_unknown": gettext_noop("Refunded in part, but no column says how much: taken as paid"),
    # Online Retail
    "duplicate_line": gettext_noop("An earlier row is the same in every column"),
    "stock_adjustment": gettext_noop("A negative quantity that is no cancellation: a correction of stock, not a sale"),
    "no_sale_price": gettext_noop("The price is zero: a gift, a sample or a note, not a sale"),
    "not_a_sale": gettext_noop("An entry of the books, not a sale"),
    "refund_unmatched": gettext_noop(
        "No earlier purchase of this customer: kept as an adjustment of what they spent; left over"
    ),
    "refund_partly_matched": gettext_noop(
        "Refunded as far as earlier purchases go, the rest kept as an adjustment of what they spent; left over"
    ),
}


def reason(code: str, detail: str = "") -> str:
    """The stored, English form."""
    # What a service refused says so itself.
    known = REASONS.get(code, "" if detail else code)
    return ": ".join(text for text in (known, detail) if text)[:300]


def translated(refusal: ImportRefusal) -> str:
    english = REASONS.get(refusal.code)
    if english is None or not refusal.reason.startswith(english):
        return refusal.reason
    return _t(english) + refusal.reason[len(english) :]


def seal_row(cells: list[str]) -> str:
    if isinstance(cells, Unreadable):
        cells = cells.cells
    if not cells:
        return ""
    # As the shop reads them: writing them out marks them again, and reading takes the mark away (core.spreadsheets).
    text = plain_line([restored(cell)[:MAX_RAW_CELL].replace("\0", "\ufffd") for cell in cells])
    return base64.b64encode(crypto.encrypt(text.encode("utf-8", "replace").decode(), RAW)).decode()


def open_row(refusal: ImportRefusal) -> list[str]:
    """The refused row's cells as they stood in the file; none where it could not be cut or its key is gone."""
    if not refusal.raw:
        return []
    try:
        text = crypto.decrypt(base64.b64decode(refusal.raw), RAW)
    except crypto.Undecryptable:
        return []
    return read_line(text)


def store_refusals(run_id: int, path: str, form: FileFormat) -> int:
    """Write lk_refused to ImportRefusal, with each row as it stands in the file, which is read a second time."""
    stored = 0
    with connection.cursor() as cursor:
        for batch in batches(_walked(path, form), BATCH):
            with cursor.copy(
                "COPY crm_importrefusal (run_id, row_number, field, code, reason, raw) FROM STDIN"
            ) as copy:
                for row_number, field, code, detail, cells in batch:
                    copy.write_row([run_id, row_number, field, code, reason(code, detail), seal_row(cells)])
            stored += len(batch)
    return stored


def _walked(path: str, form: FileFormat) -> Iterator[tuple[int, str, str, str, list[str]]]:
    """(row, field, code, detail, cells) of what is listed, in the order of the file."""
    last = 0
    with connection.cursor() as cursor, open_rows(path, form) as rows:
        walk = iter(rows)
        while True:
            cursor.execute(
                """SELECT DISTINCT ON (row_number) row_number, field, code, detail
                   FROM (SELECT * FROM lk_refused UNION ALL SELECT * FROM lk_skipped
                         UNION ALL SELECT * FROM lk_noted) listed
                   WHERE row_number > %s ORDER BY row_number LIMIT %s""",
                [last, BATCH],
            )
            batch = cursor.fetchall()
            if not batch:
                return
            for row_number, field, code, detail in batch:
                number, cells = 0, list[str]()
                while number < row_number:
                    number, cells = next(walk)
                yield row_number, field, code, detail, cells
            last = batch[-1][0]


def refused_csv(run: ImportRun) -> Iterator[str]:
    """Lines of a CSV to mend and bring in again: the reason first, then the row. A spreadsheet runs none of it."""
    rows = run.refusals.order_by("row_number").iterator(chunk_size=BATCH)
    return refused_lines(run, ((row.row_number, row.field, row.code, translated(row), open_row(row)) for row in rows))


def refused_lines(run: ImportRun, rows: Iterable[tuple[int, str, str, str, list[str]]]) -> Iterator[str]:
    yield BYTE_ORDER_MARK + csv_line([_t("row"), _t("field"), _t("code"), _t("reason"), *run.options.get("header", [])])
    for row_number, field, code, why, cells in rows:
        yield csv_line([row_number, field, code, why, *cells])


def listed_rows(run: ImportRun) -> Iterator[tuple[int, str, str, str, list[str]]]:
    """What a dry run would list, with the reason in the reader's language and the cells as they are read."""
    form = FileFormat(run.options["encoding"], run.options["delimiter"])
    for row_number, field, code, detail, cells in _walked(run.path, form):
        given = cells.cells if isinstance(cells, Unreadable) else cells
        yield row_number, field, code, str(reason_text(code, detail)), [restored(cell) for cell in given]


def reason_text(code: str, detail: str = "") -> str | Promise:
    """In the reader's language."""
    text = _t(REASONS[code]) if code in REASONS else "" if detail else code
    return ": ".join(part for part in (text, detail) if part)
