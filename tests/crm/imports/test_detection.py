"""Detection of a file's format from its bytes, and of a cell's value from its text."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime

import pytest

from core.text.spreadsheets import neutralised
from crm.imports.rules import values
from crm.imports.rules.detection import (
    decimal_sign,
    detect_date_order,
    detect_decimal,
    detect_delimiter,
    detect_encoding,
    unclear_decimals,
)
from crm.imports.rules.mapping import WrongMapping, check_mapping, fields_of, suggest_mapping
from crm.imports.rules.values import BadValue

CHINESE = "订单号,姓名,金额\nA1,王小明,12.50\nA2,李雷,8.00\n"
FRENCH = "numéro;nom;ville\n1;Élodie Lefèvre;Besançon\n2;André Müller;Zürich\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CHINESE.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + CHINESE.encode(), "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        ("姓名,备注\n张三,好😀\n".encode("gb18030"), "gb18030"),
        (FRENCH.encode("latin-1"), "latin-1"),
        ("Größe;Preis\nÜbergröße;3,50\n".encode("latin-1"), "latin-1"),
        ("name;price\nTea “Earl”;3 €\n".encode("cp1252"), "cp1252"),
        ("a\tb\n1\t2\n".encode("utf-16"), "utf-16"),
        (b"a,b\n1,2\n", "utf-8"),
        # The sample ends inside a character.
        (("名" * 100).encode()[:-1], "utf-8"),
        (("名字" * 100).encode("gb18030")[:-1], "gb18030"),
    ],
)
def test_encoding(content, encoding):
    assert detect_encoding(content) == encoding


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b;c\n1,5;2,5;3,5\n", ";"),
        ("a\tb\n1,2\t3\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('name,note\n"x;y;z",1\n"p;q;r",2\n', ","),
        ("one\n1\n2\n", ","),
    ],
)
def test_delimiter(text, delimiter):
    assert detect_delimiter(text) == delimiter


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["12,50", "3,99", "1.234,00"], ","),
        (["12.50", "3.99", "1,234.00"], "."),
        (["1,234", "5,678"], "."),
        (["€ 12,50", "7"], ","),
        (["12", "7"], "."),
        ([], "."),
    ],
)
def test_decimal_mark(cells, mark):
    assert detect_decimal(cells) == mark


@pytest.mark.parametrize(
    ("cells", "order"),
    [(["31/12/2024"], "dmy"), (["12/31/2024"], "mdy"), (["01/02/2024"], "dmy"), (["2024-12-31"], "dmy")],
)
def test_order_of_day_and_month(cells, order):
    assert detect_date_order(cells) == order


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("12.5", ".", "12.5"),
        ("1,234.50", ".", "1234.50"),
        ("¥1,234,567", ".", "1234567"),
        ("12.50元", ".", "12.50"),
        ("GBP 3.20", ".", "3.20"),
        ("-4", ".", "-4"),
        ("(4.00)", ".", "-4.00"),
        (".5", ".", "0.5"),
        ("+7", ".", "7"),
        ("1.234,50", ",", "1234.50"),
        ("1 234,5", ",", "1234.5"),
        ("12,", ",", "12"),
        ("3", ",", "3"),
    ],
)
def test_numbers(text, decimal, number):
    assert values.parse_number(text, decimal) == number


@pytest.mark.parametrize(
    ("text", "decimal", "code"),
    [
        # One and a half must never become one hundred and fifty.
        ("1,50", ".", "not_a_number"),
        ("1.50", ",", "not_a_number"),
        ("abc", ".", "not_a_number"),
        ("1e5", ".", "not_a_number"),
        ("=1+1", ".", "not_a_number"),
        ("nan", ".", "not_a_number"),
        ("-", ".", "not_a_number"),
        ("12345678901234567", ".", "number_too_large"),
    ],
)
def test_what_is_not_a_number(text, decimal, code):
    with pytest.raises(BadValue) as refused:
        values.parse_number(text, decimal)
    assert refused.value.code == code


SHANGHAI = zoneinfo.ZoneInfo("Asia/Shanghai")
LATEST = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "order", "moment"),
    [
        ("2024-03-01 08:30:00", "dmy", "2024-03-01T00:30:00+00:00"),
        ("2024-03-01 08:30", "dmy", "2024-03-01T00:30:00+00:00"),
        ("2024-03-01", "dmy", "2024-02-29T16:00:00+00:00"),
        ("2024-03-01T08:30:00Z", "dmy", "2024-03-01T08:30:00+00:00"),
        ("2024-03-01T08:30:00+02:00", "dmy", "2024-03-01T06:30:00+00:00"),
        ("2024-03-01T08:30:00.250+0200", "dmy", "2024-03-01T06:30:00.250000+00:00"),
        ("2024/3/1 8:30", "dmy", "2024-03-01T00:30:00+00:00"),
        ("1/3/2024 8:30", "dmy", "2024-03-01T00:30:00+00:00"),
        ("3/1/2024 8:30", "mdy", "2024-03-01T00:30:00+00:00"),
        ("3/1/2024 8:30 PM", "mdy", "2024-03-01T12:30:00+00:00"),
        ("01.03.24", "dmy", "2024-02-29T16:00:00+00:00"),
        ("2024年3月1日 8:30", "dmy", "2024-03-01T00:30:00+00:00"),
        ("1709281800", "dmy", "2024-03-01T08:30:00+00:00"),
        ("19970101", "dmy", "1996-12-31T16:00:00+00:00"),
        ("20240301083000", "dmy", "2024-03-01T00:30:00+00:00"),
        ("2 Nov 2026", "dmy", "2026-11-01T16:00:00+00:00"),
        ("Nov 2, 2026", "dmy", "2026-11-01T16:00:00+00:00"),
        ("November 2nd, 2026 8:30 PM", "dmy", "2026-11-02T12:30:00+00:00"),
        ("2. Oktober 2026", "mdy", "2026-10-01T16:00:00+00:00"),
        ("Mon, 02 Nov 2026 10:00:00 +0100", "dmy", "2026-11-02T09:00:00+00:00"),
        ("45234", "dmy", "2023-11-03T16:00:00+00:00"),
        ("45234.5", "dmy", "2023-11-04T04:00:00+00:00"),
        ("2024-03-01 08:30:00 +0200", "dmy", "2024-03-01T06:30:00+00:00"),
        ("1709281800250", "dmy", "2024-03-01T08:30:00.250000+00:00"),
    ],
)
def test_times(text, order, moment):
    assert values.parse_time(text, SHANGHAI, order, LATEST) == moment


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("yesterday", "not_a_time"),
        ("2024-02-30", "not_a_time"),
        ("2024-13-01", "not_a_time"),
        ("31/31/2024", "not_a_time"),
        ("now", "not_a_time"),
        ("20241301", "not_a_time"),
        ("2 Smarch 2026", "not_a_time"),
        ("2031-01-01", "in_the_future"),
        ("1989-12-31", "too_old"),
        ("2024-01-01T00:00:00+99:00", "not_a_time"),
    ],
)
def test_what_is_not_a_time(text, code):
    with pytest.raises(BadValue) as refused:
        values.parse_time(text, SHANGHAI, "dmy", LATEST)
    assert refused.value.code == code


def test_birthdays():
    assert values.parse_birthday("1990-12-31", "dmy") == date(1990, 12, 31)
    assert values.parse_birthday("31/12/1990", "dmy") == date(1990, 12, 31)
    assert values.parse_birthday("19901231", "dmy") == date(1990, 12, 31)
    for wrong in ("1899-01-01", "1990-02-30", "soon"):
        with pytest.raises(BadValue):
            values.parse_birthday(wrong, "dmy")


@pytest.mark.parametrize(
    ("text", "decimal", "quantity"),
    [
        ("1.0000004", ".", "1"),
        ("2.9999999999", ".", "3"),
        ("1.8e-15", ".", "0"),
        ("-1,8E-15", ",", "0"),
        ("0.5", ".", "0.5"),
        ("1.00001", ".", "1.00001"),
        ("-2", ".", "-2"),
    ],
)
def test_quantities_within_a_millionth_are_whole(text, decimal, quantity):
    assert values.parse_quantity(text, decimal).lstrip("-") == quantity.lstrip("-")
    assert values.parse_quantity(text, decimal).startswith("-") == quantity.startswith("-")


def test_long_decimals_of_programs_are_rounded():
    assert values.parse_number("12.340000000000002", ".") == "12.34"


@pytest.mark.parametrize(
    ("cells", "unclear"),
    [
        (["1,234"], True),
        (["1.234"], True),
        (["1,234", "12.50"], False),
        (["1,234,567", "1,234"], False),
        (["0.500", "1.250"], False),
        (["1.234,50", "1,234.50"], True),
        (["12,50", "3.99"], True),
        (["12", "7"], False),
        (["€ 1.234,50"], False),
    ],
)
def test_numbers_that_can_be_read_two_ways(cells, unclear):
    assert unclear_decimals({"price": {decimal_sign(cell) for cell in cells}}) == ("price" if unclear else "")


def test_another_column_decides_the_decimal_mark():
    assert unclear_decimals({"price": {"?"}, "total": {"."}}) == ""


def test_formulas_are_neutralised_on_the_way_out():
    assert neutralised("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert neutralised("@x") == "'@x"
    assert neutralised("+cmd|x") == "'+cmd|x"
    assert neutralised("-5.20") == "-5.20"
    assert neutralised("+8613800138000") == "+8613800138000"
    assert neutralised("plain = text") == "plain = text"


def test_columns_are_suggested_by_their_names():
    fields = fields_of("orders")
    assert suggest_mapping(fields, ["订单号", "下单时间", "手机号", "商品编码", "数量", "单价", "other"]) == {
        "number": "订单号",
        "placed_at": "下单时间",
        "phone": "手机号",
        "sku": "商品编码",
        "quantity": "数量",
        "unit_price": "单价",
    }
    assert suggest_mapping(fields, ["Order No.", "Created_At", "E-mail", "SKU", "Qty", "Price"]) == {
        "number": "Order No.",
        "placed_at": "Created_At",
        "email": "E-mail",
        "sku": "SKU",
        "quantity": "Qty",
        "unit_price": "Price",
    }


@pytest.mark.parametrize(
    ("kind", "mapping", "code"),
    [
        ("orders", {"number": "a", "placed_at": "b", "nonsense": "c"}, "unknown_field"),
        ("orders", {"number": "a", "placed_at": "z"}, "unknown_column"),
        ("orders", {"number": "a"}, "required"),
        ("orders", {"number": "a", "placed_at": "b"}, "no_price"),
        ("customers", {"name": "a"}, "nobody"),
        ("consents", {"channel": "a", "purpose": "b", "decision": "c", "given_at": "a", "source": "b"}, "nobody"),
    ],
)
def test_a_mapping_that_can_import_nothing_is_refused(kind, mapping, code):
    with pytest.raises(WrongMapping) as refused:
        check_mapping(kind, fields_of(kind), ["a", "b", "c"], mapping)
    assert refused.value.code == code
    assert refused.value.problems[0][0] == code
