"""A customers file with every fault seen in real files (F12), and the expected result of each row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ENDS = (b"\n", b"\r\n", b"\r")
PERIOD = 1000
LONG_CELL = 1_048_576


def write_hostile(path: Path, rows: int, encoding: str = "utf-8") -> tuple[int, dict[int, str]]:
    """Write `rows` rows. Return (number of rows to read, {row number: code} of the rows that must be refused).

    With utf-8 the file has a byte order mark, and invalid bytes in some cells.
    """
    expected: dict[int, str] = {}
    with path.open("wb") as handle:
        if encoding == "utf-8":
            handle.write(b"\xef\xbb\xbf")
        handle.write("手机号,姓名,note\r\n".encode(encoding))
        number = 1
        for index, (cells, code, blank) in enumerate(_rows(rows, encoding)):
            if blank:
                handle.write(b"\r\n")
                number += 1
            number += 1
            handle.write(cells + ENDS[index % 3])
            if code:
                expected[number] = code
    return rows, expected


def _rows(rows: int, encoding: str) -> Iterator[tuple[bytes, str, bool]]:
    """Yield (the line, the code of its refusal, whether an empty line comes before it)."""
    for index in range(rows):
        phone = f"138{index:08d}"
        name, note, code, blank = f"顾客{index}", "", "", False
        kind = index % PERIOD
        raw = b""
        if kind == 1:
            note, code = "x,one too many", "ragged_row"
        elif kind == 2:
            yield f"{phone},{name}".encode(encoding), "ragged_row", False
            continue
        elif kind == 3:
            name, code = "王\0", "nul_character"
        elif kind == 4:
            name = "=1+HYPERLINK(9)"
        elif kind == 5:
            name = "好😀👩‍👩‍👧"
        elif kind == 7:
            # The phone number of row 6, repeated.
            phone, code = f"138{index - 1:08d}", "repeated_in_file"
        elif kind == 8:
            phone, code = "not a number", "not_a_phone"
        elif kind == 9:
            name = '"two\r\nlines, ""quoted"""'
        elif kind == 10:
            blank = True
        elif kind == 11 and encoding == "utf-8":
            raw, code = b"\xff\xfe", "undecodable"
        elif kind == 12:
            phone, code = "", "nobody"
        elif index == 500:
            note, code = "x" * LONG_CELL, "cell_too_large"
        elif index == 501:
            name, code = "y" * 500_000, "too_long"
        yield f"{phone},{name}".encode(encoding) + raw + b"," + note.encode(encoding), code, blank
