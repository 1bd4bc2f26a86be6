"""Staging of a file in a temporary table: cells are parsed to typed columns while the rows stream through COPY.

The shape of a cell (number, time, phone number) is checked here, once per distinct text. Checks that depend on other
rows or on the database are made in SQL afterwards. Personal values never reach lk_rows: rows carry the small number of
an identity, and lk_identity holds its blind index and ciphertext.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg.sql import Identifier

from core.base import clock
from core.db.statements import compose
from core.security import crypto
from core.text.csv_rows import Unreadable
from core.text.spreadsheets import restored
from crm.customers.rules.attributes import AttributeSpec, WrongAttribute, check_attributes
from crm.customers.rules.identities import normalise, phone_tail
from crm.customers.rules.names import search_form
from crm.customers.services.customers import supported_language
from crm.customers.services.identities import index_of, indexes_of
from crm.imports.rules import values
from crm.imports.rules.detection import decimal_sign
from crm.imports.rules.mapping import ATTRIBUTE, IDENTITIES, ImportField
from crm.imports.rules.values import BadValue, lookup
from crm.imports.services.reading import FileFormat, open_rows
from crm.orders.rules import state_words as order_words

SEPARATOR = "\x1f"
BATCH = 2000
# Texts repeat in real files, so they are cached; a full cache is cleared to bound the memory.
REMEMBERED = 20_000
REMEMBERED_IDENTITIES = 200_000
_SPECIAL = re.compile(r"[\\\n\r\x1f]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", SEPARATOR: "\\x1f"})
_CHOICES = {
    "line_kind": lookup(values.LINE_KINDS),
    "gender": lookup(values.GENDERS),
    "ticket_state": lookup(values.TICKET_STATES),
    "author": lookup(values.AUTHORS),
    "discount_kind": lookup(values.DISCOUNT_KINDS),
    "consent_channel": lookup(values.CHANNELS),
    "consent_purpose": lookup(values.PURPOSES),
    "consent_decision": lookup(values.DECISIONS),
    "boolean": lookup(values.BOOLEANS),
}
_TYPES = {
    "number": "numeric",
    "quantity": "numeric",
    "time": "timestamptz",
    "future": "timestamptz",
    "identity": "bigint",
    "boolean": "boolean",
    "json": "jsonb",
}


@dataclass(frozen=True)
class Reading:
    """Options for parsing the values of a file."""

    form: FileFormat
    decimal: str
    zone: str
    date_order: str
    country: str
    specs: Mapping[str, AttributeSpec] = field(default_factory=dict)
    # Field -> function that is applied first to its cells, for formats with peculiarities.
    clean: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    # Order states that have another meaning in the system of this file.
    words: Mapping[str, str] = field(default_factory=dict)
    # A person chose the decimal mark, so the cells need not prove it.
    decimal_sure: bool = False


@lru_cache(maxsize=16384)
def _tail_index(tail: str) -> bytes:
    return crypto.blind_index(tail, "identity:phone_tail")


def escaped(text: str) -> str:
    """Return the text in the escaped form of COPY."""
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _person(name: str) -> str:
    """Return a name and the form in which search finds it."""
    return f"{escaped(name)}{SEPARATOR}{escaped(search_form(name))}"


def _bytea(value: bytes | None) -> str:
    return f"\\\\x{value.hex()}" if value else ""


def column_of(name: str) -> str:
    """Return the name of the staging column of a field."""
    return f"attribute_{name.removeprefix(ATTRIBUTE)}" if name.startswith(ATTRIBUTE) else name


def columns_of(target: ImportField) -> list[tuple[str, str]]:
    """Return [(column, type)] of the staging table for a field."""
    if target.shape == "birthday":
        return [("birthday", "bytea"), ("birthday_index", "bytea"), ("birth_year", "smallint")]
    if target.shape == "person":
        return [(f'"{column_of(target.name)}"', "text"), ("search_name", "text")]
    return [(f'"{column_of(target.name)}"', _TYPES.get(target.shape, "text"))]


class _CellCache(dict):
    """Cache of cell -> its COPY text. A miss is parsed; a full cache is cleared. `empty` None: a value is required."""

    def __init__(self, convert: Callable[[str], str], empty: str | None, limit: int = REMEMBERED) -> None:
        super().__init__()
        self._convert = convert
        self._empty = empty
        self._limit = limit
        self._refused: dict[str, BadValue] = {}

    def __missing__(self, cell: str) -> str:
        if cell in self._refused:
            raise self._refused[cell]
        try:
            result = self._read(restored(cell).strip())
        except BadValue as error:
            if len(self._refused) >= REMEMBERED:
                self._refused.clear()
            self._refused[cell] = error.with_traceback(None)
            raise
        if len(self) >= self._limit:
            self.clear()
        self[cell] = result
        return result

    def _read(self, text: str) -> str:
        if text.startswith('="') and text.endswith('"'):
            # Exports write ="..." so that spreadsheets do not round long numbers.
            text = text[2:-1].strip()
        if not text:
            if self._empty is None:
                raise BadValue("required")
            return self._empty
        if "\0" in text:
            raise BadValue("nul_character")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                raise BadValue("undecodable") from None
        return self._convert(text)


class Stager:
    """Stages the rows of one file. `stage` fills lk_rows (every row read) and lk_identity."""

    def __init__(self, fields: Mapping[str, ImportField], mapping: Mapping[str, str], reading: Reading) -> None:
        self.fields = fields
        self.mapping = {name: mapping[name] for name in fields if name in mapping}
        self.reading = reading
        self.read_count = 0
        self._zone = zoneinfo.ZoneInfo(reading.zone)
        self._latest: datetime = clock.now() + timedelta(minutes=10)
        self._ids: dict[tuple[str, str], str] = {}
        self._identity_count = 0
        self._spool: Any = None
        # Column -> the decimal marks in its cells.
        self.signs: dict[str, set[str]] = {}

    def stage(self, path: str, *, limit: int | None = None, progress: Callable[[float], None] | None = None) -> None:
        """Read a file into the staging table `lk_rows`. Raises Invalid when the file can't be read."""
        columns = ["row_number bigint NOT NULL", "error_field text", "error_code text", "error_detail text"]
        for target in self.fields.values():
            # 0 means no identity: a hash join matches 0 but not NULL.
            default = " NOT NULL DEFAULT 0" if target.shape == "identity" else ""
            columns += [f"{name} {kind}{default}" for name, kind in columns_of(target)]
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMP TABLE lk_rows ({', '.join(columns)}) ON COMMIT DROP")
            cursor.execute(
                """CREATE TEMP TABLE lk_identity (id bigint, kind text, value_index bytea, older bytea[], value bytea,
                       tail_index bytea) ON COMMIT DROP"""
            )
            with tempfile.TemporaryFile() as self._spool:
                self._copy_rows(cursor, path, limit, progress or (lambda share: None))
                self._copy_identities(cursor)
            cursor.execute("ANALYZE lk_rows")

    def _copy_rows(self, cursor: Any, path: str, limit: int | None, progress: Callable[[float], None]) -> None:
        targets = [column for name in self.mapping for column, _type in columns_of(self.fields[name])]
        into = ", ".join(["row_number", "error_field", "error_code", "error_detail", *targets])
        copy_sql = f"COPY lk_rows ({into}) FROM STDIN (DELIMITER E'\\x1f', NULL '', ENCODING 'UTF8')"
        blanks = [self._empty_of(self.fields[name]) for name in self.mapping]
        with open_rows(path, self.reading.form) as rows, cursor.copy(copy_sql) as copy:
            names = list(self.mapping)
            positions = [rows.header.index(self.mapping[name]) for name in names]
            converters = [self._converter(name) for name in names]
            width = len(rows.header)
            # The rows of an order are refused together, so a refused row must keep its order number.
            anchor = names.index("number") if "number" in self.mapping and self.fields["number"].header else None
            lines: list[str] = []
            count = 0
            pick = _picker(positions)
            for number, cells in rows:
                count += 1
                try:
                    if len(cells) != width:
                        raise BadValue(*_uncut(cells, width))
                    out = [convert[cell] for convert, cell in zip(converters, pick(cells), strict=False)]
                    lines.append(f"{number}\x1f\x1f\x1f\x1f{SEPARATOR.join(out)}\n")
                except BadValue as wrong:
                    field_name = (
                        _field_at_fault(names, converters, pick(cells)) if cells and len(cells) == width else ""
                    )
                    out = [*blanks]
                    readable = _readable(cells)
                    if anchor is not None and positions[anchor] < len(readable):
                        with contextlib.suppress(BadValue):
                            out[anchor] = converters[anchor][readable[positions[anchor]]]
                    lines.append(SEPARATOR.join([str(number), field_name, wrong.code, wrong.detail, *out]) + "\n")
                if len(lines) >= BATCH:
                    copy.write("".join(lines).encode())
                    lines.clear()
                    progress(rows.read_share())
                if limit and count >= limit:
                    break
            copy.write("".join(lines).encode())
            self.read_count = count

    def _copy_identities(self, cursor: Any) -> None:
        self._spool.seek(0)
        with cursor.copy("COPY lk_identity FROM STDIN (DELIMITER E'\\x1f', NULL '')") as copy:
            while block := self._spool.read(1 << 20):
                copy.write(block)
        if self._identity_count > REMEMBERED_IDENTITIES:
            # The cache was cleared, so one identity may have several numbers: the smallest replaces the others.
            cursor.execute(
                """CREATE TEMP TABLE lk_again ON COMMIT DROP AS
                   SELECT id, first FROM (SELECT id, min(id) OVER (PARTITION BY kind, value_index) AS first
                                          FROM lk_identity) numbered WHERE id <> first"""
            )
            cursor.execute("SELECT count(*) FROM lk_again")
            if cursor.fetchone()[0]:
                for name in IDENTITIES:
                    if name in self.mapping:
                        cursor.execute(
                            compose(
                                "UPDATE lk_rows r SET {name} = a.first FROM lk_again a WHERE r.{name} = a.id",
                                name=Identifier(name),
                            )
                        )
                cursor.execute("DELETE FROM lk_identity i USING lk_again a WHERE i.id = a.id")
            cursor.execute("DROP TABLE lk_again")
        cursor.execute("ALTER TABLE lk_identity ADD PRIMARY KEY (id)")
        cursor.execute("ANALYZE lk_identity")

    @staticmethod
    def _empty_of(target: ImportField) -> str:
        if target.shape == "identity":
            return "0"
        return SEPARATOR * (len(columns_of(target)) - 1)

    def _converter(self, name: str) -> _CellCache:
        target = self.fields[name]
        convert = self._by_shape(target)
        if target.shape in {"number", "quantity"} and not self.reading.decimal_sure:
            convert = self._signed(self.mapping[name], convert)
        clean = self.reading.clean.get(name)
        empty = self._empty_of(target)
        # A value shared by an order's rows may stand on only one of them, so SQL checks it per order.
        required = target.required and (name == "number" or not target.header)
        return _CellCache(
            convert if clean is None else lambda text: convert(cleaned) if (cleaned := clean(text)) else empty,
            None if required else empty,
            REMEMBERED_IDENTITIES if target.shape == "identity" else REMEMBERED,
        )

    def _signed(self, column: str, convert: Callable[[str], str]) -> Callable[[str], str]:
        signs = self.signs.setdefault(column, set())

        def read(text: str) -> str:
            signs.add(decimal_sign(text))
            return convert(text)

        return read

    def _by_shape(self, target: ImportField) -> Callable[[str], str]:
        reading = self.reading
        if target.shape == "order_state":
            return lambda text: _state(text, reading.words)
        if target.shape in _CHOICES:
            choices = _CHOICES[target.shape]

            def choose(text: str) -> str:
                try:
                    return choices[text.casefold()]
                except KeyError:
                    raise BadValue("not_a_choice") from None

            return choose
        if target.shape == "number":
            return lambda text: values.parse_number(text, reading.decimal)
        if target.shape == "quantity":
            return lambda text: values.parse_quantity(text, reading.decimal)
        if target.shape == "time":
            return lambda text: values.parse_time(text, self._zone, reading.date_order, self._latest)
        if target.shape == "future":
            return lambda text: values.parse_time(text, self._zone, reading.date_order, None)
        if target.shape == "identity":
            return lambda text: self._identity(target.name, text)
        return {
            "currency": _currency,
            "birthday": self._birthday,
            "person": lambda text: _person(_limited(text, target.limit)),
            "zone": values.parse_zone,
            "json": lambda text: escaped(values.parse_json_object(text)),
            "tags": lambda text: escaped(json.dumps(values.parse_tags(text), ensure_ascii=False)),
            "language": lambda text: escaped(_limited(supported_language(text), target.limit)),
            "attribute": lambda text: self._attribute(target.name, text),
        }.get(target.shape, lambda text: escaped(_limited(text, target.limit)))

    def _identity(self, kind: str, text: str) -> str:
        if "*" in text:
            # Marketplaces that hide contacts write stars, so the value identifies no customer.
            return "0"
        try:
            value = normalise(kind, text, self.reading.country)
        except ValueError as error:
            raise BadValue(str(error)) from None
        known = self._ids.get((kind, value))
        if known is None:
            if len(self._ids) >= REMEMBERED_IDENTITIES:
                self._ids.clear()
            self._identity_count += 1
            known = self._ids[kind, value] = str(self._identity_count)
            older = indexes_of(kind, value)[1:] if len(settings.PII_KEYS) > 1 else []
            tail = _tail_index(phone_tail(value)) if kind == "phone" else None
            array = "{" + ",".join(f'"\\\\\\\\x{item.hex()}"' for item in older) + "}" if older else ""
            sealed = crypto.encrypt(value, "crm.identity.value")
            self._spool.write(
                SEPARATOR.join(
                    [known, kind, _bytea(index_of(kind, value)), array, _bytea(sealed), f"{_bytea(tail)}\n"]
                ).encode()
            )
        return known

    def _birthday(self, text: str) -> str:
        day = values.parse_birthday(text, self.reading.date_order)
        sealed = crypto.encrypt(day.isoformat(), "crm.customer.birthday")
        index = crypto.blind_index(f"{day:%m-%d}", "birthday")
        return SEPARATOR.join([_bytea(sealed), _bytea(index), str(day.year)])

    def _attribute(self, name: str, text: str) -> str:
        code = name.removeprefix(ATTRIBUTE)
        spec = self.reading.specs[code]
        raw = text
        if spec.type == "number":
            raw = values.parse_number(text, self.reading.decimal)
        elif spec.type == "date":
            raw = values.parse_birthday(text, self.reading.date_order).isoformat()
        try:
            value = check_attributes({code: raw}, {code: spec})[code]
        except WrongAttribute:
            raise BadValue("wrong_type") from None
        return escaped(json.dumps(value, ensure_ascii=False))


def _picker(positions: list[int]) -> Callable[[list[str]], Any]:
    if len(positions) == 1:
        return lambda cells: (cells[positions[0]],)
    return itemgetter(*positions)


def _uncut(cells: list[str], width: int) -> tuple[str, str]:
    return (cells.code, "") if isinstance(cells, Unreadable) else ("ragged_row", f"{len(cells)} / {width}")


def _readable(cells: list[str]) -> list[str]:
    """Return the reliable cells of a row. For a row that can't be split, these are the cells before the first quote."""
    if not isinstance(cells, Unreadable):
        return cells
    return list(takewhile(lambda cell: '"' not in cell, cells.cells))


def _field_at_fault(names: list[str], converters: list[_CellCache], cells: Any) -> str:
    for name, convert, cell in zip(names, converters, cells, strict=True):
        try:
            convert[cell]
        except BadValue:
            return name
    return ""


def _limited(text: str, limit: int) -> str:
    if limit and len(text) > limit:
        raise BadValue("too_long", str(limit))
    return text


def _state(text: str, words: Mapping[str, str]) -> str:
    word = order_words.folded(text)
    state = words.get(word) or order_words.STATES.get(word)
    if state is None:
        raise BadValue("not_a_choice")
    return state


def _currency(text: str) -> str:
    code = text.upper()
    if len(code) != 3 or not code.isalpha() or not code.isascii():
        raise BadValue("wrong_currency")
    return code
