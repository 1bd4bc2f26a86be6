"""Format of amounts, numbers and times in each language."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone, translation

from core.text import currencies, formatting

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "minor", "currency", "shown"),
    [
        ("en", 123456, "CNY", "¥1,234.56"),
        ("zh-hans", 123456, "CNY", "¥1,234.56"),
        ("en", 4800, "JPY", "JP¥4,800"),
        ("zh-hans", 4800, "JPY", "JP¥4,800"),
        ("en", 1234567, "KWD", "KWD\xa01,234.567"),
        ("en", -2000, "EUR", "-€20.00"),
        ("en", 0, "USD", "$0.00"),
    ],
)
def test_money_has_the_decimals_of_its_currency(language, minor, currency, shown):
    with translation.override(language):
        assert formatting.money(minor, currency) == shown


@pytest.mark.parametrize(
    ("own", "language", "currency", "shown"),
    [
        ("USD", "en", "USD", "$1.00"),
        ("USD", "zh-hans", "USD", "$1.00"),
        ("USD", "en", "CNY", "CN¥1.00"),
        ("USD", "zh-hans", "HKD", "HK$1.00"),
        ("CNY", "zh-hans", "USD", "US$1.00"),
        ("HKD", "en", "HKD", "$1.00"),
        ("HKD", "en", "USD", "US$1.00"),
        ("JPY", "en", "CNY", "CN¥1.00"),
        ("JPY", "zh-hans", "CNY", "CN¥1.00"),
        ("BRL", "en", "BRL", "R$1.00"),
    ],
)
def test_the_shops_own_currency_has_the_short_symbol_and_no_other_one_looks_like_it(own, language, currency, shown):
    currencies.use_own_currency(own)
    with translation.override(language):
        assert formatting.money(100, currency) == shown


def test_unknown_money_is_empty():
    assert formatting.money(None, "CNY") == ""


def test_numbers_drop_trailing_zeros():
    with translation.override("en"):
        assert formatting.number(Decimal("2.000")) == "2"
        assert formatting.number(Decimal("2.500")) == "2.5"
        assert formatting.number(1204) == "1,204"
        assert formatting.percent(0.1254, 1) == "12.5%"
        assert formatting.percent(0.5) == "50%"


def test_days_and_times_follow_the_viewers_language_and_zone():
    late = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    with timezone.override(ZoneInfo("Asia/Shanghai")):
        with translation.override("en"):
            assert formatting.day(late) == "Nov 23, 2026"
            assert formatting.when(late) == "Nov 23, 2026 02:30"
        with translation.override("zh-hans"):
            assert formatting.when(late) == "2026年11月23日 02:30"
            assert formatting.day(date(2026, 1, 5)) == "2026年1月5日"


@pytest.mark.parametrize(
    ("delta", "english", "chinese"),
    [
        (timedelta(hours=-3), "3 hours ago", "3小时前"),
        (timedelta(days=-1), "1 day ago", "1天前"),
        (timedelta(days=2), "in 2 days", "2天后"),
    ],
)
def test_ago(delta, english, chinese):
    with translation.override("en"):
        assert formatting.ago(NOW + delta, NOW) == english
    with translation.override("zh-hans"):
        assert formatting.ago(NOW + delta, NOW) == chinese


def test_names_of_places_and_languages():
    with translation.override("zh-hans"):
        assert formatting.country_name("CN") == "中国"
        assert formatting.country_name("浙江") == "浙江"
        assert formatting.language_label("nobody-knows") == "nobody-knows"


def render(source: str, **values) -> str:
    return Template(source).render(Context(values)).strip()


def test_badges_show_the_state_with_its_colour():
    assert render('{% state_badge "paid" "Paid" %}') == '<span class="badge tone-good">Paid</span>'
    assert render('{% state_badge "failed" "Failed" %}') == '<span class="badge tone-bad">Failed</span>'
    assert render('{% state_badge "anything" label %}', label="<b>") == '<span class="badge tone-off">&lt;b&gt;</span>'
    assert render('{% state_badge 4 "Urgent" %}') == '<span class="badge tone-bad">Urgent</span>'


def test_query_update_keeps_the_rest_of_the_address():
    request = RequestFactory().get("/customers/?q=%E7%8E%8B&cursor=abc")
    assert render('{% query_update cursor=None tag="3" %}', request=request) == "?q=%E7%8E%8B&amp;tag=3"


@pytest.mark.parametrize(
    ("name", "mark"), [("王小明", "王"), ("Anna Berg", "AB"), ("anna", "A"), ("", "?"), ("A B C", "AC")]
)
def test_initials(name, mark):
    assert render("{{ name|initials }}", name=name) == mark


def test_icons_are_decorative_unless_named():
    assert 'aria-hidden="true"' in render('{% icon "user" %}')
    assert 'role="img" aria-label="Phone"' in render('{% icon "phone" label="Phone" %}')


def test_a_day_of_every_year():
    with translation.override("en"):
        assert [formatting.month_day(2, 28), formatting.month_day(2, 29)] == ["February 28", "February 29"]
    with translation.override("zh-hans"):
        assert formatting.month_day(3, 1) == "3月1日"
