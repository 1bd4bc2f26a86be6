"""CSV for people: the one writer of all exports, and the inverse for imports.

A spreadsheet runs a cell that begins with =, +, -, @, a tab or a line break. Such a cell is written with an apostrophe
before it, which marks text in spreadsheets. To make the inverse exact, a cell that begins with apostrophes and then
such a sign gets one more. `restored` removes exactly one. So an import reads the shop's original text, and a file that
is exported and imported repeatedly stays the same.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

BYTE_ORDER_MARK = "\ufeff"  # Excel reads UTF-8 only with this mark.
_RISKY = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")


def neutralised(cell: str) -> str:
    """Return a cell that a spreadsheet shows and does not run; plain signed numbers stay unchanged."""
    return f"'{cell}" if _RISKY.match(cell) and not _PLAIN_NUMBER.fullmatch(cell) else cell


def restored(cell: str) -> str:
    """Return the original of a neutralised cell; any other cell stays unchanged."""
    if cell[:1] == "'" and neutralised(cell[1:]) == cell:
        return cell[1:]
    return cell


def csv_line(cells: Iterable[Any]) -> str:
    """Return one line of an export, with its line end. Texts are neutralised, other values written unchanged."""
    buffer = io.StringIO()
    csv.writer(buffer).writerow([neutralised(str(cell)) if isinstance(cell, str) else cell for cell in cells])
    return buffer.getvalue()


def plain_line(cells: Iterable[str]) -> str:
    """Return unchanged cells as one line for storage; `read_line` returns the same cells."""
    buffer = io.StringIO()
    # A writer with an empty line end would leave line breaks inside cells unquoted.
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow(cells)
    return buffer.getvalue()


def read_line(line: str) -> list[str]:
    """Return the cells of one line that may hold line breaks of any kind inside its cells."""
    return next(csv.reader(io.StringIO(line, newline="")), [])
