"""Streaming reader of files: open, decode and split piece by piece. A file of any length needs little memory."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.text.csv_rows import CsvRows, Unreadable
from core.text.spreadsheets import restored
from crm.imports.rules.detection import ENCODINGS, detect_delimiter, detect_encoding

SAMPLE = 256 * 1024
MAX_CELL = 1_000_000
MAX_COLUMNS = 1000
RATIO_FROM = 64 * 1024 * 1024
MOST_RATIO = 250
UNPACKS_TOO_LARGE = "unpacks_too_large"
# Zip (also .xlsx), 7z and old Excel files.
ARCHIVES = frozenset([b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf", b"\xd0\xcf\x11\xe0"])
GZIP = b"\x1f\x8b"
SAMPLE_ROWS = 500
# A sample of plain ASCII does not show the encoding, so the detection reads on.
LOOK_AHEAD = 512 * SAMPLE


@dataclass(frozen=True)
class FileFormat:
    """The encoding and the delimiter of a file."""

    encoding: str
    delimiter: str


def damaged(error: Exception) -> Invalid:
    """Return the error of a file that is damaged or truncated."""
    return Invalid(
        _("The file can't be read completely: it is damaged or truncated."), code="file_damaged", field="file"
    )


class _Unpacking(gzip.GzipFile):
    """A gzip file that refuses to unpack to an implausible size: a few KB may hold gigabytes of zeros."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed)
        self._packed = packed

    def read(self, size: int | None = -1) -> bytes:
        return self._counted(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        return self._counted(super().read1(size))

    def _counted(self, piece: bytes) -> bytes:
        unpacked = self.tell()
        if unpacked > settings.IMPORT_UNPACKED_LIMIT or (
            unpacked > RATIO_FROM and unpacked > MOST_RATIO * self._packed.tell()
        ):
            raise Invalid(
                _(
                    "The file unpacks to more than %(limit)s MB, or to more than %(ratio)s times its size. "
                    "Unpack it and upload it in parts."
                )
                % {"limit": settings.IMPORT_UNPACKED_LIMIT // (1024 * 1024), "ratio": MOST_RATIO},
                code=UNPACKS_TOO_LARGE,
                field="file",
            )
        return piece


class _Source:
    """The raw file with its read position, and its bytes, unpacked when it is gzip."""

    def __init__(self, path: str) -> None:
        try:
            self.raw: IO[bytes] = open(path, "rb")  # noqa: SIM115
            self.size = max(Path(path).stat().st_size, 1)
        except OSError as error:
            raise Invalid(
                _("The file can't be opened: %(why)s.") % {"why": error.strerror or type(error).__name__},
                code="no_file",
                field="file",
            ) from None
        start = self.raw.read(4)
        self.raw.seek(0)
        packed = start.startswith(GZIP)
        self.data: Any = _Unpacking(self.raw) if packed else self.raw
        try:
            inside = self.data.peek(4)[:4] if packed else start
        except (OSError, EOFError, zlib.error) as error:
            self.close()
            raise damaged(error) from None
        if inside in ARCHIVES or inside.startswith(GZIP):
            self.close()
            raise Invalid(
                _("This is an archive or a spreadsheet file. Save it as CSV, or compress the CSV as .gz."),
                code="not_csv",
                field="file",
            )

    def read_share(self) -> float:
        """Return the share of the file that was read, from 0 to 1."""
        return min(self.raw.tell() / self.size, 1.0)

    def close(self) -> None:
        self.data.close()
        self.raw.close()


def sniff(path: str, *, encoding: str = "", delimiter: str = "") -> FileFormat:
    """Detect the format of a file; the given parts are kept.

    Raises Invalid: no_file, empty_file, file_damaged, unknown_encoding.
    """
    source = _Source(path)
    try:
        sample = first = source.data.read(SAMPLE)
        seen = len(sample)
        while sample and sample.isascii() and seen < LOOK_AHEAD:
            further = source.data.read(SAMPLE)
            seen += len(further)
            if not further:
                break
            # The end of the previous piece may hold the first half of a character.
            sample = sample[-4:] + further
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(error) from None
    finally:
        source.close()
    if not first.strip(b"\r\n\t \xef\xbb\xbf"):
        raise Invalid(_("The file is empty."), code="empty_file", field="file")
    if encoding and encoding not in ENCODINGS:
        raise Invalid(_("Use one of these encodings: %(names)s.") % {"names": ", ".join(ENCODINGS)},
                      code="unknown_encoding", field="encoding")  # fmt: skip
    if not encoding:
        encoding = detect_encoding(first)
        if encoding == "utf-8" and first.isascii():
            encoding = detect_encoding(sample)
    if not delimiter:
        delimiter = detect_delimiter(
            first.decode(_codec(encoding), "replace").rpartition("\n")[0] or first.decode(_codec(encoding), "replace")
        )
    return FileFormat(encoding, delimiter)


def _codec(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


class FileRows(CsvRows):
    """The rows of an open file. Iterating yields (row number, cells), or an Unreadable for a row that can't be split.

    Row numbers are those of a spreadsheet: the header is row 1; empty lines count but are not yielded.
    Bytes that are invalid in the encoding become lone surrogates, which are refused in mapped columns.
    """

    def __init__(self, source: _Source, form: FileFormat) -> None:
        self._source = source
        text = io.TextIOWrapper(source.data, encoding=_codec(form.encoding), errors="surrogateescape", newline="")
        super().__init__(text, form.delimiter)
        self.header: list[str] = []
        for _number, cells in self:
            self.header = _named(cells.cells if isinstance(cells, Unreadable) else cells)
            # A row of several lines must have the same width.
            self.width = len(self.header)
            break

    def read_share(self) -> float:
        """Return the share of the file that was read, from 0 to 1."""
        return self._source.read_share()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        try:
            yield from super().__iter__()
        except (OSError, EOFError, zlib.error) as error:
            raise damaged(error) from None


@lru_cache(maxsize=1)
def _refusal_headers() -> frozenset[tuple[str, ...]]:
    headers = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            headers.append((_t("row"), _t("field"), _t("code"), _t("reason")))
    return frozenset(headers)


def _named(cells: list[str]) -> list[str]:
    """Return the names of the columns: trimmed, and numbered when missing or repeated."""
    names: list[str] = []
    if tuple(restored(cell).strip() for cell in cells[:4]) in _refusal_headers():
        # In a corrected file the reasons of the refusals are not data, although their names equal fields of ours.
        cells = [*(f"{cell} (refused)" for cell in cells[:4]), *cells[4:]]
    for position, cell in enumerate(cells[:MAX_COLUMNS], 1):
        name = (
            restored(cell).strip().replace("\0", "").encode("utf-8", "replace").decode()[:200] or f"column {position}"
        )
        while name in names:
            name = f"{name} ({position})"
        names.append(name)
    return names


@contextmanager
def open_rows(path: str, form: FileFormat) -> Iterator[FileRows]:
    """Open a file and yield its rows (context manager). Raises Invalid `file_damaged` while reading."""
    source = _Source(path)
    csv.field_size_limit(MAX_CELL)
    try:
        yield FileRows(source, form)
    finally:
        source.close()


def sample_rows(path: str, form: FileFormat, count: int = SAMPLE_ROWS) -> tuple[list[str], list[list[str]]]:
    """Return (header, the first rows). Detecting the format has already refused a file without lines."""
    with open_rows(path, form) as rows:
        sample: list[list[str]] = []
        for _number, cells in rows:
            if not isinstance(cells, Unreadable):
                sample.append(cells)
            if len(sample) >= count:
                break
        return rows.header, sample
