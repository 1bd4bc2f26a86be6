"""Orders are found by their number or its last characters, case-insensitive, with an index."""

from __future__ import annotations

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from core.security.roles import Role
from crm.customers.api.authentication import make_member_token
from crm.orders.models import Order
from crm.orders.selectors.numbers import with_number
from crm.profiles.selectors import search

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(make_customer, make_order):
    ann, bob = make_customer("Ann"), make_customer("Bob")
    make_order(ann, number="SO-2026-10025", days_ago=2)
    make_order(bob, number="so-2026-20025", days_ago=1)
    make_order(None, number="G-7", days_ago=3)
    make_order(None, number="G-100%", days_ago=4)
    return ann, bob


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("SO-2026-10025", ["SO-2026-10025"]),
        ("so-2026-10025", ["SO-2026-10025"]),
        ("10025", ["SO-2026-10025"]),
        (" 0025 ", ["so-2026-20025", "SO-2026-10025"]),
        ("SO-2026-20025", ["so-2026-20025"]),
        ("g-7", ["G-7"]),
        ("25", []),
        ("00%", ["G-100%"]),
        ("_025", []),
        ("10026", []),
    ],
)
def test_the_list_of_the_api_takes_a_number_or_its_tail(api, orders, typed, numbers):
    answer = api.get("/api/v1/orders", {"number": typed})
    assert [row["number"] for row in answer.json()["results"]] == numbers


def test_a_member_finds_only_own_orders(orders):
    ann, _bob = orders
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(ann, source="storefront", seconds=60))
    answer = client.get("/api/v1/orders", {"number": "0025"})
    assert [row["number"] for row in answer.json()["results"]] == ["SO-2026-10025"]


def test_the_console_finds_them_too(client, staff, orders):
    ann, _bob = orders
    client.force_login(staff(Role.AGENT))
    page = client.get(reverse("orders"), {"q": "so-2026-1002"}).content.decode()
    assert "SO-2026-10025" not in page
    page = client.get(reverse("orders"), {"q": "10025"}).content.decode()
    assert "SO-2026-10025" in page
    assert "so-2026-20025" not in page
    found = client.get(reverse("palette"), {"q": "so-2026-10025"}).content.decode()
    assert "SO-2026-10025" in found
    assert list(search("10025")) == [ann]


def test_four_digits_stay_the_end_of_a_phone_number(make_customer, make_order):
    ann = make_customer("Ann", phone="13800130025")
    make_order(make_customer("Bob"), number="A-10025")
    assert list(search("0025")) == [ann]


def test_the_search_reads_the_index(store):
    # given 20,000 orders, one of which has the tail
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_order (store_id, source, number, state, channel, currency, subtotal, discount,
                   points_amount, shipping, tax, fees, total, refunded, item_count, placed_at, paid_at)
               SELECT %s, 'storefront', 'SO-' || n, 'paid', '', 'CNY', 1, 0, 0, 0, 0, 0, 1, 0, 1, now(), now()
               FROM generate_series(100001, 120000) n""",
            [store.pk],
        )
        cursor.execute("ANALYZE crm_order")
    # when
    wanted = with_number(Order.objects.all(), "o-100777").order_by("-placed_at", "-id")[:50]
    plan = wanted.explain(analyze=True, format="text")
    # then it reads only that row, by the index
    assert [order.number for order in wanted] == ["SO-100777"]
    assert "crm_order_number_tail" in plan, plan
    assert "Seq Scan" not in plan
