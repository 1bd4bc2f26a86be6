"""Customer search by everything that a caller can say."""

import pytest

from core.base.actor import SYSTEM
from crm.desk.services import open_ticket
from crm.profiles import selectors as customers

pytestmark = pytest.mark.django_db


def names(query):
    return sorted(customer.name for customer in customers.search(query))


@pytest.fixture
def people(make_customer):
    return {
        "wang": make_customer("王小明", phone="138 0013 8000", email="Wang@Example.com"),
        "li": make_customer("李小明", phone="139 0013 8000", storefront="u-77"),
        "anna": make_customer("Anna Berg", phone="+49 30 901820"),
        "one": make_customer("王"),
        "zoe": make_customer("Zoë Müller"),
        "yan": make_customer("张艳"),
        "yang": make_customer("杨洋"),
        "ryan": make_customer("Ryan"),
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("小明", ["李小明", "王小明"]),
        ("王小", ["王小明"]),
        ("王", ["王", "王小明"]),
        ("明小", []),
        ("berg", ["Anna Berg"]),
        ("BERG anna", ["Anna Berg"]),
        ("anna  berg", ["Anna Berg"]),
        ("13800138000", ["王小明"]),
        ("+86 138-0013-8000", ["王小明"]),
        ("8000", ["李小明", "王小明"]),
        ("wang@example.COM", ["王小明"]),
        ("wang@example", []),
        ("u-77", ["李小明"]),
        ("+4930901820", ["Anna Berg"]),
        ("zoe", ["Zoë Müller"]),
        ("Zoë", ["Zoë Müller"]),
        ("muller zoe", ["Zoë Müller"]),
        ("艳", ["张艳"]),
        ("yan", ["Ryan", "张艳", "杨洋"]),
        ("zhangyan", ["张艳"]),
        ("Zhang Yan", ["张艳"]),
        ("zy", ["张艳"]),
        ("wxm", ["王小明"]),
        ("xiaoming", ["李小明", "王小明"]),
        ("angya", []),
        ("明", ["李小明", "王小明"]),
        ("%", []),
        ("0000", []),
    ],
)
def test_search(people, query, found):
    assert names(query) == found


def test_numbers_of_customers_orders_and_tickets_find_their_customer(people, make_order):
    wang = people["wang"]
    make_order(wang, number="D-1001")
    ticket = open_ticket(customer=wang, subject="Where is it?", text="Three days.", actor=SYSTEM)
    assert names(wang.number) == ["王小明"]
    assert names("D-1001") == ["王小明"]
    assert names("d-1001") == ["王小明"]
    assert names("-1001") == ["王小明"]
    assert names("1002") == []
    make_order(wang, number="2026-AB7Z")
    assert names("b7z") == ["王小明"]
    assert names(ticket.number.lower()) == ["王小明"]


def test_a_percent_sign_is_a_character_of_a_name(make_customer):
    make_customer("100% Wool")
    make_customer("1000 Wool")
    assert names("0% wool") == ["100% Wool"]


def test_an_erased_customer_is_not_found(people):
    people["wang"].state = "erased"
    people["wang"].save(update_fields=["state"])
    assert names("13800138000") == []


def test_a_search_by_name_does_not_query_numbers(people, django_assert_num_queries):
    with django_assert_num_queries(1):
        names("小明")


def test_a_page_of_rows_needs_four_queries(people, make_order, django_assert_num_queries):
    make_order(people["wang"], 10_000)
    make_order(people["wang"], 5_050)
    with django_assert_num_queries(4):
        rows = customers.rows(people.values())
    row = rows[people["wang"].pk]
    assert (row.phone, row.email, row.orders) == ("+86138****8000", "w***@example.com", 2)
    assert [(item.currency, item.amount) for item in row.spending] == [("CNY", 15_050)]
