"""Rows that were not imported: stored with a reason, shown and exported in the reader's language.

A raw row may hold any personal data, so it is stored encrypted; reasons never quote it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_noop

from core.security import crypto
from core.text.csv_rows import Unreadable
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line, plain_line, read_line, restored
from crm.imports.models import ImportRefusal, ImportRun
from crm.imports.services.people import batches
from crm.imports.services.reading import FileFormat, open_rows

RAW = "crm.importrefusal.raw"
MAX_RAW_CELL = 2000
BATCH = 5000
REASONS = {
    # The row as a whole
    "ragged_row": gettext_noop("The number of cells in the row differs from the header"),
    "cell_too_large": gettext_noop("A cell has more than one million characters"),
    "unclosed_quote": gettext_noop("A quote in this row is never closed"),
    "line_too_long": gettext_noop("The line has more than four million characters"),
    "nul_character": gettext_noop("The cell holds a NUL character"),
    "undecodable": gettext_noop("The cell holds bytes that are not in the file's encoding"),
    # A cell
    "required": gettext_noop("A value is needed here"),
    "too_long": gettext_noop("The text is too long. Maximum number of characters"),
    "not_a_number": gettext_noop("This is not a number in the chosen decimal notation"),
    "number_too_large": gettext_noop("The number is too large"),
    "too_precise": gettext_noop("At most three decimals"),
    "negative": gettext_noop("This can't be below zero"),
    "not_a_link": gettext_noop("This isn't a web address that begins with http:// or https://"),
    "wrong_tags": gettext_noop("There are more than 20 tags, or a tag has more than 40 characters"),
    "not_positive": gettext_noop("This must be above zero"),
    "not_a_time": gettext_noop("This time can't be read"),
    "not_a_date": gettext_noop("This date can't be read"),
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
    "unknown_country": gettext_noop("The row was imported without its country, because the country name is unknown"),
    # Orders
    "no_price": gettext_noop("The order has neither lines with prices nor a total"),
    "amount_mismatch": gettext_noop("Quantity × unit price − discount is not the amount"),
    "discount_exceeds_line": gettext_noop("The discount exceeds the amount of the line"),
    "discount_exceeds_order": gettext_noop("Discounts and points exceed the amount of the order"),
    "total_mismatch": gettext_noop("The parts of the order do not add up to its total"),
    "order_columns_differ": gettext_noop("The rows of this order differ in a value that belongs to the whole order"),
    "order_differs": gettext_noop("An order with this number exists with different content"),
    "order_has_refused_rows": gettext_noop(
        "Another row of this order was refused, and a partial order would give wrong amounts"
    ),
    "order_state": gettext_noop("The state of the order does not allow this"),
    "refund_exceeds_order": gettext_noop("The refunds exceed the amount paid for the order"),
    "refund_exceeds_line": gettext_noop("The order has less of this product left to return"),
    "not_a_rating": gettext_noop("A rating is a whole number from 1 to 5"),
    "zero_quantity": gettext_noop("The quantity is zero, so nothing was sold"),
    "refund_amount_unknown": gettext_noop("Refunded in part, but no column gives the amount: imported as paid"),
    # Online Retail
    "duplicate_line": gettext_noop("An earlier row has the same values in every column"),
    "stock_adjustment": gettext_noop("Negative quantity without a cancellation: a stock correction, not a sale"),
    "no_sale_price": gettext_noop("The price is zero: a gift, a sample or a note, not a sale"),
    "not_a_sale": gettext_noop("A bookkeeping entry, not a sale"),
    "refund_unmatched": gettext_noop(
        "No earlier purchase of this customer, so it is kept as a spend adjustment. Remainder"
    ),
    "refund_partly_matched": gettext_noop(
        "Refunded as far as earlier purchases allow, and the rest is kept as a spend adjustment. Remainder"
    ),
}


def reason(code: str, detail: str = "") -> str:
    """Return the reason in its stored, English form."""
    # The message of a service needs no reason in front of it.
    known = REASONS.get(code, "" if detail else code)
    return ": ".join(text for text in (known, detail) if text)[:300]


def translated(refusal: ImportRefusal) -> str:
    """Return the reason of a refusal in the user's language."""
    english = REASONS.get(refusal.code)
    if english is None or not refusal.reason.startswith(english):
        return refusal.reason
    return _t(english) + refusal.reason[len(english) :]


def seal_row(cells: list[str]) -> str:
    """Return the cells of a refused row as encrypted text."""
    if isinstance(cells, Unreadable):
        cells = cells.cells
    if not cells:
        return ""
    # Store the cells as the shop reads them: writing adds a mark again, and reading removes it
    # (core.text.spreadsheets).
    text = plain_line([restored(cell)[:MAX_RAW_CELL].replace("\0", "\ufffd") for cell in cells])
    return base64.b64encode(crypto.encrypt(text.encode("utf-8", "replace").decode(), RAW)).decode()


def open_row(refusal: ImportRefusal) -> list[str]:
    """Return the refused row's cells as in the file; none when the row can't be split or its key is gone."""
    if not refusal.raw:
        return []
    try:
        text = crypto.decrypt(base64.b64decode(refusal.raw), RAW)
    except crypto.Undecryptable:
        return []
    return read_line(text)


def store_refusals(run_id: int, path: str, form: FileFormat) -> int:
    """Write lk_refused to ImportRefusal with the raw rows, which needs a second pass over the file."""
    stored = 0
    with connection.cursor() as cursor:
        for batch in batches(_rows_to_list(path, form), BATCH):
            with cursor.copy(
                "COPY crm_importrefusal (run_id, row_number, field, code, reason, raw) FROM STDIN"
            ) as copy:
                for row_number, field, code, detail, cells in batch:
                    copy.write_row([run_id, row_number, field, code, reason(code, detail), seal_row(cells)])
            stored += len(batch)
    return stored


def _rows_to_list(path: str, form: FileFormat) -> Iterator[tuple[int, str, str, str, list[str]]]:
    """Yield (row, field, code, detail, cells) of the listed rows, in the order of the file."""
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
    """Yield the lines of a CSV to correct and import again: the reason, then the row. Cells can't act as formulas."""
    rows = run.refusals.order_by("row_number").iterator(chunk_size=BATCH)
    return refused_lines(run, ((row.row_number, row.field, row.code, translated(row), open_row(row)) for row in rows))


def refused_lines(run: ImportRun, rows: Iterable[tuple[int, str, str, str, list[str]]]) -> Iterator[str]:
    """Yield the lines of the CSV of refused rows, first the header."""
    yield BYTE_ORDER_MARK + csv_line([_t("row"), _t("field"), _t("code"), _t("reason"), *run.options.get("header", [])])
    for row_number, field, code, why, cells in rows:
        yield csv_line([row_number, field, code, why, *cells])


def listed_rows(run: ImportRun) -> Iterator[tuple[int, str, str, str, list[str]]]:
    """Yield the rows that a dry run lists, with the reason in the reader's language and the cells as they are read."""
    form = FileFormat(run.options["encoding"], run.options["delimiter"])
    for row_number, field, code, detail, cells in _rows_to_list(run.path, form):
        raw_cells = cells.cells if isinstance(cells, Unreadable) else cells
        yield row_number, field, code, str(reason_text(code, detail)), [restored(cell) for cell in raw_cells]


def reason_text(code: str, detail: str = "") -> str | Promise:
    """Return the reason in the reader's language."""
    text = _t(REASONS[code]) if code in REASONS else "" if detail else code
    return ": ".join(part for part in (text, detail) if part)
