"""Exports that a spreadsheet opens and an import reads: no cell runs, and the round trip changes nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.csv_rows import CsvRows, Unreadable
from core.text.spreadsheets import csv_line, neutralised, plain_line, read_line, restored

CELLS = st.text(alphabet=st.sampled_from("'=+-@\t\r\n\",a1.＝\u2028\x0b\x85"), max_size=6)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"), ("@x", "'@x"), ("+1-1|cmd", "'+1-1|cmd"), ("\tx", "'\tx"), ("\n=1", "'\n=1"),
        ("＝1", "'＝1"), ("'=1", "''=1"), ("'plain", "'plain"), ("-5.20", "-5.20"),
        ("+8613800138000", "+8613800138000"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_cell_that_would_run_is_marked_and_restored_exactly(cell, written):
    assert (neutralised(cell), restored(written)) == (written, cell)


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_written_row_is_read_back_unchanged(cells):
    row = next(csv.reader(io.StringIO(csv_line(cells), newline="")))
    assert [restored(cell) for cell in row] == cells
    assert all(neutralised(cell) == cell or cell[:1] == "'" for cell in row)
    assert read_line(plain_line(cells)) == cells


def test_every_export_goes_through_the_one_writer():
    files = {
        str(path.relative_to(ROOT))
        for app in ("core", "crm", "loyalty", "analytics", "campaigns", "config")
        for path in (ROOT / app).rglob("*.py")
        if "csv.writer" in (text := path.read_text()) or "DictWriter" in text
    }
    assert files == {"core/text/spreadsheets.py"}


def cut(text: str, width: int = 0) -> list:
    return [
        (number, cells.code if isinstance(cells, Unreadable) else cells)
        for number, cells in CsvRows(io.StringIO(text, newline=""), ",", width)
    ]


@pytest.mark.parametrize("rest", ["", 'C,"c"\r\n', 'C,"c",x\r\n'])
def test_an_unclosed_quote_affects_only_its_own_line(rest):
    text = 'A,a\r\nB,"b\r\nD,d\r\n' + rest
    read = cut(text, 2)
    assert read[:3] == [(1, ["A", "a"]), (2, "unclosed_quote"), (3, ["D", "d"])]
    assert [number for number, _cells in read] == list(range(1, len(read) + 1))


def test_line_breaks_inside_cells_are_kept():
    assert cut('A,"x\r\ny\n\nz"\r\nB,b\r\n', 2) == [(1, ["A", "x\r\ny\n\nz"]), (2, ["B", "b"])]


def test_a_line_without_end_is_bounded():
    read = cut("A,a\n" + "x" * 9_000_000 + "\nB,b\n")
    assert read == [(1, ["A", "a"]), (2, "line_too_long"), (3, ["B", "b"])]
