"""A reader for CSV files from outside. One broken row affects only itself.

A quote that is never closed would swallow the rest of the file. So a row of several lines must have well-formed quotes
and, if the width is known, as many cells as the header. Otherwise only its first line is Unreadable, and reading
continues at the next line. Lines are bounded, so that a file without line breaks can't fill the memory.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid

MAX_LINE = 4_000_000
# A row may have this many lines, with line breaks inside quoted cells.
ROW_LINES = 1000
# A file with more broken rows is not CSV, and each broken row costs a second read of the lines after it.
BROKEN_ROWS = 10_000


class _Broken(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


class _Lines:
    """The lines of a text for csv.reader. All lines of the current row except the first can be given back."""

    def __init__(self, text: TextIO) -> None:
        self._readline = text.readline
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.length = 0
        self.ended = False

    def start_row(self) -> None:
        self.taken.clear()
        self.length = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        row_lines = self.taken
        if row_lines and (len(row_lines) >= ROW_LINES or self.length > MAX_LINE):
            raise _Broken("unclosed_quote")
        line = self._again.popleft() if self._again else self._readline(MAX_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        row_lines.append(line)
        self.length += len(line)
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            while len(rest := self._readline(MAX_LINE)) == MAX_LINE and not rest.endswith(("\n", "\r")):
                pass
            row_lines[-1] = "\n"
            raise _Broken("unclosed_quote" if len(row_lines) > 1 else "line_too_long")
        return line

    def give_back(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        self.ended = False


class Unreadable(list):
    """A placeholder for a row that can't be split.

    `code` is the reason, `cells` the first line split without quoting.
    """

    def __init__(self, code: str, cells: list[str]) -> None:
        super().__init__()
        self.code = code
        self.cells = cells


class CsvRows:
    """An iterator over (row number from 1, cells). Empty lines are counted but skipped. `width` 0: any width."""

    def __init__(self, text: TextIO, delimiter: str, width: int = 0) -> None:
        self._lines = _Lines(text)
        self._delimiter = delimiter
        self._broken = 0
        self.width = width
        self.number = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._delimiter)
        while True:
            code = ""
            lines.start_row()
            cells: list[str] = []
            try:
                cells = next(reader)
                if lines.ended or (len(lines.taken) > 1 and not self._whole(cells)):
                    code = "unclosed_quote"
            except StopIteration:
                return
            except _Broken as broken:
                code = broken.code
            except csv.Error:
                code = "unclosed_quote" if len(lines.taken) > 1 else "cell_too_large"
            self.number += 1
            if code:
                yield self.number, self._unreadable(code)
                reader = csv.reader(lines, delimiter=self._delimiter)
            elif cells:
                yield self.number, cells

    def _whole(self, cells: list[str]) -> bool:
        if self.width and len(cells) != self.width:
            return False
        try:
            return len(list(csv.reader(self._lines.taken, delimiter=self._delimiter, strict=True))) == 1
        except csv.Error:
            return False

    def _unreadable(self, code: str) -> Unreadable:
        self._broken += 1
        if self._broken > BROKEN_ROWS:
            raise Invalid(
                _("More than 10,000 rows can't be split into cells. Check the separator."),
                code="broken_rows",
                field="file",
            )
        self._lines.give_back()
        try:
            first = csv.reader(self._lines.taken[:1], delimiter=self._delimiter, quoting=csv.QUOTE_NONE)
            return Unreadable(code, next(first, []))
        except csv.Error:
            return Unreadable(code, [])
