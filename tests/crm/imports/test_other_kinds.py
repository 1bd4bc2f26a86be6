"""Imports of customers, products, activity and consents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.events.models import DomainEvent
from crm.activity.models import ActivityEvent, ActivityKind
from crm.customers.models import AttributeDefinition, Consent, ConsentState, Customer, Identity, Tag
from crm.customers.services.identities import find
from crm.orders.models import Product

pytestmark = pytest.mark.django_db

CUSTOMERS = """phone,email,name,birthday,gender,language,country,region,tags
13800000001,a@shop.example,王小明,1990-02-28,男,zh-CN,CN,上海,vip;老客
13800000002,,李雷,,,,,,
"""


def changed(run) -> list[list[int]]:
    events = DomainEvent.objects.filter(kind="crm.customers_changed", payload__run=run.pk).order_by("id")
    return [event.payload["customers"] for event in events]


def test_customers_are_created_with_all_values_of_the_file(bring, counts):
    run = bring("customers", CUSTOMERS)
    assert counts(run) == (2, 2, 0, 0)
    first = find("phone", "+8613800000001").customer
    assert (first.name, first.gender, first.language, first.country, first.region) == (
        "王小明", "male", "zh-hans", "CN", "上海",
    )  # fmt: skip
    assert (first.birthday, first.birth_year, first.source) == ("1990-02-28", 1990, "shop")
    assert find("email", "a@shop.example").customer == first
    assert sorted(first.customer_tags.values_list("tag__name", flat=True)) == ["vip", "老客"]
    assert changed(run) == [sorted(Customer.objects.values_list("pk", flat=True))]


def test_customer_numbers_carry_the_same_check_digit_as_the_database_gives(bring, make_customer):
    from django.db import connection

    bring("customers", CUSTOMERS)
    with connection.cursor() as cursor:
        for number in Customer.objects.values_list("number", flat=True):
            cursor.execute("SELECT crm_luhn_digit(%s)", [int(number[:-1])])
            assert cursor.fetchone()[0] == number[-1]


def test_the_same_customers_again_change_nothing(bring, counts):
    bring("customers", CUSTOMERS)
    before = list(Customer.objects.order_by("pk").values())
    again = bring("customers", CUSTOMERS)
    assert counts(again) == (2, 0, 2, 0)
    assert list(Customer.objects.order_by("pk").values()) == before
    assert changed(again) == []


def test_empty_cells_leave_and_others_replace(bring, counts):
    bring("customers", CUSTOMERS)
    run = bring("customers", "phone,name,region,tags\n13800000001,,北京,new\n13800000002,李雷,,\n")
    assert counts(run) == (2, 1, 1, 0)
    first = find("phone", "+8613800000001").customer
    assert (first.name, first.region, first.birthday) == ("王小明", "北京", "1990-02-28")
    assert first.customer_tags.count() == 3
    assert Tag.objects.count() == 3
    assert changed(run) == [[first.pk]]


def test_attributes_of_the_shop(bring, counts, refusals):
    AttributeDefinition.objects.create(code="size", label="Size", type="choice", choices=["S", "M"])
    AttributeDefinition.objects.create(code="height", label="Height", type="number")
    AttributeDefinition.objects.create(code="since", label="Since", type="date")
    run = bring(
        "customers",
        "phone,size,height,since\n13800000001,M,1.75,2020-01-31\n13800000002,XL,1,\n13800000003,,tall,\n",
    )
    assert counts(run) == (3, 1, 0, 2)
    assert refusals(run) == [(3, "attributes.size", "wrong_type"), (4, "attributes.height", "not_a_number")]
    assert Customer.objects.get().attributes == {"size": "M", "height": 1.75, "since": "2020-01-31"}


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("phone,name", ",Nobody", [(2, "customer_number", "nobody")]),
        ("phone,name", "12,X", [(2, "phone", "not_a_phone")]),
        ("email,name", "x@y,X", [(2, "email", "not_an_email")]),
        ("phone,birthday", "13800000001,1990-02-30", [(2, "birthday", "not_a_date")]),
        ("phone,gender", "13800000001,robot", [(2, "gender", "not_a_choice")]),
        ("phone,time_zone", "13800000001,Mars/Base", [(2, "time_zone", "unknown_time_zone")]),
        ("phone,tags", f"13800000001,{'x' * 61}", [(2, "tags", "too_long")]),
        ("phone,name", f"13800000001,{'x' * 201}", [(2, "name", "too_long")]),
        ("customer_number,name", "42,X", [(2, "customer_number", "unknown_customer")]),
    ],
)
def test_refused_customers(bring, refusals, header, rows, expected):
    run = bring("customers", f"{header}\n{rows}\n")
    assert refusals(run) == expected
    assert not Customer.objects.exists()
    assert not Identity.objects.exists()


def test_a_person_twice_in_one_file_is_refused_the_second_time(bring, counts, refusals):
    run = bring("customers", "phone,email,name\n13800000001,a@b.example,A\n13800000001,,B\n,a@b.example,C\n")
    assert counts(run) == (3, 1, 0, 2)
    assert refusals(run) == [(3, "customer_number", "repeated_in_file"), (4, "customer_number", "repeated_in_file")]
    assert Customer.objects.get().name == "A"


def test_an_erased_customer_does_not_come_back_by_number(bring, refusals, make_customer):
    gone = make_customer("Gone")
    Customer.objects.filter(pk=gone.pk).update(state="erased", name="")
    run = bring("customers", f"customer_number,name\n{gone.number},Back\n")
    assert refusals(run) == [(2, "customer_number", "customer_erased")]
    assert Customer.objects.get(pk=gone.pk).name == ""


def test_chunks_of_at_most_five_thousand(bring, monkeypatch):
    monkeypatch.setattr("crm.imports.services.people.CHUNK", 2)
    run = bring("customers", "phone\n" + "".join(f"1380000000{n}\n" for n in range(5)))
    assert [len(ids) for ids in changed(run)] == [2, 2, 1]


def test_products(bring, counts, refusals):
    Product.objects.create(sku="OLD", name="Old", category="Tea", price=100)
    text = "sku,name,category,price,active\nOLD,,,1.50,\nNEW,New,Cups,2,no\nNEW,Again,,3,\n,No sku,,1,\nBAD,,,-1,\n"
    run = bring("products", text)
    assert counts(run) == (5, 2, 0, 3)
    assert refusals(run) == [(4, "sku", "repeated_in_file"), (5, "sku", "required"), (6, "price", "negative")]
    found = {p.sku: (p.name, p.category, p.price, p.active) for p in Product.objects.all()}
    assert found == {"OLD": ("Old", "Tea", 150, True), "NEW": ("New", "Cups", 200, False)}
    assert counts(bring("products", text)) == (5, 0, 2, 3)


ACTIVITY = """id,event,time,phone,anonymous_id,sku,properties
e1,view,2024-03-01 10:00,13800000001,,T1,"{""page"": 3}"
e2,wink,2024-03-01 10:01,,v-1,,
e3,view,2024-03-01 10:02,13900000009,v-2,,
"""


def test_activity(bring, counts, make_customer):
    anna = make_customer("Anna", phone="13800000001")
    tea = Product.objects.create(sku="T1")
    run = bring("activity", ACTIVITY)
    assert counts(run) == (3, 3, 0, 0)
    first = ActivityEvent.objects.get(sender_id="e1")
    assert (first.customer_id, first.product_id, first.properties, first.source) == (
        anna.pk,
        tea.pk,
        {"page": 3},
        "shop",
    )
    assert first.occurred_at == datetime(2024, 3, 1, 2, tzinfo=UTC)
    # Events of an unknown person stay with the visitor.
    assert ActivityEvent.objects.get(sender_id="e3").customer_id is None
    assert ActivityKind.objects.filter(code="wink").exists()
    received = DomainEvent.objects.filter(kind="crm.activity_received").values_list("payload", flat=True)
    assert list(received) == [{"run": run.pk, "customers": [anna.pk]}]
    assert counts(bring("activity", ACTIVITY)) == (3, 0, 3, 0)
    assert ActivityEvent.objects.count() == 3


def test_refused_activity(bring, refusals):
    run = bring(
        "activity",
        "id,event,time,phone,anonymous_id,properties\n"
        "e1,view,2024-03-01,,,\ne2,view,2024-03-01,13800000001,,\ne3,view,2024-03-01,,v,[1]\n"
        "e4,,2024-03-01,,v,\ne5,view,2024-03-01,,v,\ne5,view,2024-03-01,,v,\n",
    )
    assert refusals(run) == [
        (2, "customer_number", "nobody"),
        (3, "customer_number", "unknown_customer"),
        (4, "properties", "not_json"),
        (5, "kind", "required"),
        (7, "sender_id", "repeated_in_file"),
    ]
    assert ActivityEvent.objects.count() == 1


CONSENTS = """phone,channel,purpose,decision,given_at,source
13800000001,短信,marketing,yes,2024-03-01 10:00,checkout
13800000001,sms,marketing,withdrawn,2024-04-01 10:00,reply STOP
13800000001,email,marketing,maybe,2024-03-01,checkout
13900000009,sms,marketing,yes,2024-03-01,checkout
13800000001,sms,marketing,yes,2024-03-01 10:00,checkout
"""


def test_consents(bring, counts, refusals, make_customer):
    anna = make_customer("Anna", phone="13800000001")
    run = bring("consents", CONSENTS)
    assert counts(run) == (5, 2, 0, 3)
    assert refusals(run) == [
        (4, "decision", "not_a_choice"),
        (5, "customer_number", "unknown_customer"),
        (6, "given_at", "repeated_in_file"),
    ]
    assert list(Consent.objects.order_by("given_at").values_list("channel", "decision", "source")) == [
        ("sms", "granted", "checkout"),
        ("sms", "withdrawn", "reply STOP"),
    ]
    assert ConsentState.objects.get(customer_id=anna.pk, channel="sms").granted is False
    assert changed(run) == [[anna.pk]]
    assert counts(bring("consents", CONSENTS)) == (5, 0, 2, 3)
    assert Consent.objects.count() == 2


def test_products_take_texts_tags_links_and_cost_and_name_what_is_wrong(bring, counts):
    head = "sku,name,name_zh,description,tags,tags_zh,url,picture_url,cost"
    run = bring(
        "products",
        f"""{head}
A-1,Tea,茶,Green,"green, loose",绿茶；散装,https://shop.example/a-1,http://img.example/a.png,12.50
A-2,Tea,,,,,shop.example,,
A-3,Tea,,,"{",".join("abcdefghijklmnopqrstu")}",,,,
A-4,Tea,,,,,,,-1
""",
    )
    assert counts(run) == (4, 1, 0, 3)
    product = Product.objects.get()
    assert (product.name_zh, product.description, product.tags, product.tags_zh) == (
        "茶", "Green", ["green", "loose"], ["绿茶", "散装"],
    )  # fmt: skip
    assert (product.url, product.picture_url, product.cost) == (
        "https://shop.example/a-1", "http://img.example/a.png", 1250,
    )  # fmt: skip
    assert run.result["refused"] == {"not_a_link": 1, "wrong_tags": 1, "negative": 1}

    again = bring("products", f"{head}\nA-1,Tea,,,,,,,\n")

    assert counts(again) == (1, 0, 1, 0)
    assert Product.objects.get().tags == ["green", "loose"]
