"""Detection of a file's encoding, separator, decimal mark and date order. Plain functions on a sample."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

DELIMITERS = ",;\t|"
ENCODINGS = ("utf-8", "gb18030", "latin-1", "cp1252", "utf-16")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_COMMA_DECIMAL = re.compile(r"[^\d]{0,4}(?:\d{1,3}(?:[.\s']\d{3})+|\d+),(?:\d{1,2}|\d{4,})[^\d]{0,4}\Z", re.ASCII)
_DOT_DECIMAL = re.compile(r"[^\d]{0,4}(?:\d{1,3}(?:[,\s']\d{3})+|\d+)\.(?:\d{1,2}|\d{4,})[^\d]{0,4}\Z", re.ASCII)
_GROUPED = re.compile(
    r"[^\d.,]{0,4}(?P<first>\d{1,3})(?P<mark>[.,])\d{3}(?P<more>(?:(?P=mark)\d{3})*)[^\d.,]{0,4}\Z", re.ASCII
)
_SLASHED = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](?:\d{4}|\d{2})(?!\d)", re.ASCII)


def detect_encoding(sample: bytes) -> str:
    """Return one of ENCODINGS for the first bytes of a file; the sample may end inside a character."""
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if _decodes(sample, "utf-8"):
        return "utf-8"
    if _decodes(sample, "gb18030") and _looks_chinese(sample):
        return "gb18030"
    # 0x80 to 0x9f are control characters in Latin-1, but the euro sign and curly quotes on Windows.
    return "cp1252" if re.search(rb"[\x80-\x9f]", sample) and _decodes(sample, "cp1252") else "latin-1"


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError as error:
        # The sample ends inside its last character.
        return error.start >= len(sample) - 4 and error.end == len(sample) and error.start > 0
    return True


def _looks_chinese(sample: bytes) -> bool:
    """Whether the bytes are Chinese text: pairs of bytes, most of them common characters and punctuation.

    An accented letter of a western language mostly stands alone; two adjacent ones rarely form such a pair.
    """
    common = sum(len(run) for run in re.findall(rb"(?:[\xa1-\xa3\xb0-\xd7][\xa1-\xfe])+", sample))
    return common * 2 > len(re.findall(rb"[\x80-\xff]", sample))


def detect_delimiter(text: str) -> str:
    """Return the separator that splits the first rows into the most columns of equal count; a comma when none does."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row][:50]
        except csv.Error:
            continue
        if not rows or len(rows[0]) < 2:
            continue
        agreeing = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        score = agreeing * min(len(rows[0]), 12)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def detect_decimal(cells: Iterable[str]) -> str:
    """Return `,` when more amounts look like 1.234,50 than like 1,234.50, else `.`. A lone 1,234 counts for neither."""
    comma = dot = 0
    for cell in cells:
        value = cell.strip()
        if "," in value:
            comma += bool(_COMMA_DECIMAL.match(value))
        if "." in value:
            dot += bool(_DOT_DECIMAL.match(value))
    return "," if comma > dot else "."


def decimal_sign(cell: str) -> str:
    """Return the decimal mark that a cell shows: `,` or `.`, `?` for a lone 1,234 or 1.234, or nothing."""
    value = cell.strip()
    if "," not in value and "." not in value:
        return ""
    if _COMMA_DECIMAL.match(value):
        return ","
    if _DOT_DECIMAL.match(value):
        return "."
    match = _GROUPED.match(value)
    if match is None:
        return ""
    mark, other = match["mark"], "." if match["mark"] == "," else ","
    if match["more"]:
        return other
    return mark if match["first"].startswith("0") else "?"


def unclear_decimals(signs: Mapping[str, Collection[str]]) -> str:
    """Return the first column whose numbers can be read in two ways, else nothing.

    `signs` holds the decimal signs of the cells by column.
    """
    for column, seen in signs.items():
        if {",", "."} <= set(seen):
            return column
    if any({",", "."} & set(seen) for seen in signs.values()):
        return ""
    return next((column for column, seen in signs.items() if "?" in seen), "")


def detect_date_order(cells: Iterable[str]) -> str:
    """Return `mdy` or `dmy` for dates like 31/12/2024, by a part above 12; `dmy` when no date decides."""
    first = second = 0
    for cell in cells:
        match = _SLASHED.match(cell.strip())
        if match:
            first += int(match[1]) > 12
            second += int(match[2]) > 12
    return "mdy" if second > first else "dmy"


def unambiguous_dates(cells: Sequence[str]) -> bool:
    """Whether no date of the sample can be read both ways."""
    slashed = [match for cell in cells if (match := _SLASHED.match(cell.strip()))]
    return not slashed or any(int(match[1]) > 12 or int(match[2]) > 12 for match in slashed)


def short_text(content: bytes) -> str:
    """Decode a short file: UTF-8, or GB18030 as Chinese spreadsheets write it.

    Raises ValueError when the file is not text.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise ValueError("not a text")
