"""Import of orders: whole or not at all, once per (source, number), with exact amounts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.events.models import DomainEvent
from crm.customers.models import Customer, Identity
from crm.customers.services.identities import find
from crm.orders.models import Order, OrderLine, Product

pytestmark = pytest.mark.django_db

HEADER = "number,placed_at,phone,customer_name,sku,product_name,quantity,unit_price"
GOOD = f"""{HEADER}
A1,2024-03-01 10:00,13800000001,王小明,T1,Tea,2,12.50
A1,2024-03-01 10:00,13800000001,王小明,C1,Cup,1,30
A2,2024-03-02 11:00,13800000002,李雷,T1,Tea,1,12.50
"""


def test_orders_are_imported_with_their_customers_products_and_lines(bring, counts):
    run = bring("orders", GOOD)
    assert counts(run) == (3, 3, 0, 0)
    assert run.state == "done"
    assert run.result["orders_created"] == 2
    first = Order.objects.get(source="shop", number="A1")
    assert (first.subtotal, first.total, first.item_count, first.currency) == (5500, 5500, Decimal(3), "CNY")
    assert first.state == "paid"
    assert first.placed_at == first.paid_at == datetime(2024, 3, 1, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert first.import_run_id == run.pk
    assert list(first.lines.order_by("position").values_list("position", "product__sku", "quantity", "amount")) == [
        (1, "T1", Decimal(2), 2500),
        (2, "C1", Decimal(1), 3000),
    ]
    assert set(first.lines.values_list("customer_id", flat=True)) == {first.customer_id}
    assert Product.objects.get(sku="T1").name == "Tea"
    identity = find("phone", "+8613800000001")
    assert identity is not None
    assert identity.customer_id == first.customer_id
    assert identity.value == "+8613800000001"
    assert identity.verified_at is not None
    assert identity.customer.name == "王小明"
    assert identity.customer.source == "shop"
    assert Customer.objects.count() == 2


def test_a_run_emits_one_event_for_orders_and_one_for_new_customers(bring):
    run = bring("orders", GOOD)
    emitted = list(DomainEvent.objects.order_by("id").values_list("kind", "payload"))
    customers = sorted(Customer.objects.values_list("pk", flat=True))
    assert emitted == [
        ("crm.orders_imported", {"run": run.pk, "effects": ["remember"]}),
        ("crm.customers_changed", {"run": run.pk, "customers": customers}),
    ]


def test_the_same_file_again_changes_nothing(bring, counts):
    bring("orders", GOOD)
    before = (Order.objects.count(), OrderLine.objects.count(), Customer.objects.count(), DomainEvent.objects.count())
    again = bring("orders", GOOD)
    assert counts(again) == (3, 0, 3, 0)
    after = (Order.objects.count(), OrderLine.objects.count(), Customer.objects.count(), DomainEvent.objects.count())
    assert after == before


def test_a_known_order_with_other_content_is_refused_and_stays(bring, counts, refusals):
    bring("orders", GOOD)
    run = bring("orders", GOOD.replace("C1,Cup,1,30", "C1,Cup,1,31"))
    assert counts(run) == (3, 0, 1, 2)
    assert refusals(run) == [(2, "number", "order_differs"), (3, "number", "order_differs")]
    assert Order.objects.get(number="A1").total == 5500


def test_the_same_number_of_another_source_is_another_order(bring, counts):
    bring("orders", GOOD)
    assert counts(bring("orders", GOOD, source="other")) == (3, 3, 0, 0)
    assert Order.objects.count() == 4
    assert Customer.objects.count() == 2


def test_a_refused_row_refuses_only_its_own_order(bring, counts, refusals):
    run = bring("orders", GOOD.replace("C1,Cup,1,30", "C1,Cup,x,30"))
    assert counts(run) == (3, 1, 0, 2)
    assert refusals(run) == [(2, "number", "order_has_refused_rows"), (3, "quantity", "not_a_number")]
    assert list(Order.objects.values_list("number", flat=True)) == ["A2"]
    assert Customer.objects.count() == 1
    assert not Product.objects.filter(sku="C1").exists()


ONE = "number,placed_at,sku,quantity,unit_price"


@pytest.mark.parametrize(
    ("header", "row", "field", "code"),
    [
        (ONE, ",2024-01-01,T,1,5", "number", "required"),
        (ONE, "A,,T,1,5", "placed_at", "required"),
        (ONE, "A,soon,T,1,5", "placed_at", "not_a_time"),
        (ONE, "A,2999-01-01,T,1,5", "placed_at", "in_the_future"),
        (ONE, "A,1980-01-01,T,1,5", "placed_at", "too_old"),
        (ONE, "A,2024-01-01,,1,5", "sku", "required"),
        (ONE, f"A,2024-01-01,{'x' * 65},1,5", "sku", "too_long"),
        (ONE, "A,2024-01-01,T,-1,5", "quantity", "not_positive"),
        (ONE, "A,2024-01-01,T,1.2345,5", "quantity", "too_precise"),
        (ONE, "A,2024-01-01,T,9999999999,5", "quantity", "number_too_large"),
        (ONE, "A,2024-01-01,T,1,", "unit_price", "required"),
        (ONE, "A,2024-01-01,T,1,-5", "unit_price", "negative"),
        (ONE, "A,2024-01-01,T,1,five", "unit_price", "not_a_number"),
        (ONE, "A,2024-01-01,T,1", "", "ragged_row"),
        (ONE, "A,2024-01-01,T,1,5,6", "", "ragged_row"),
        (ONE, "A\0,2024-01-01,T,1,5", "number", "nul_character"),
        (f"{ONE},line_discount", "A,2024-01-01,T,1,5,6", "line_discount", "discount_exceeds_line"),
        (f"{ONE},line_amount", "A,2024-01-01,T,1,5,6", "line_amount", "amount_mismatch"),
        (f"{ONE},discount", "A,2024-01-01,T,1,5,6", "discount", "discount_exceeds_order"),
        (f"{ONE},discount", "A,2024-01-01,T,1,5,-1", "discount", "negative"),
        (f"{ONE},total", "A,2024-01-01,T,1,5,6", "total", "total_mismatch"),
        (f"{ONE},currency", "A,2024-01-01,T,1,5,EUR", "currency", "wrong_currency"),
        (f"{ONE},currency", "A,2024-01-01,T,1,5,Yuan", "currency", "wrong_currency"),
        (f"{ONE},store", "A,2024-01-01,T,1,5,nowhere", "store", "unknown_store"),
        (f"{ONE},state", "A,2024-01-01,T,1,5,odd", "state", "not_a_choice"),
        (f"{ONE},customer_number", "A,2024-01-01,T,1,5,99", "customer_number", "unknown_customer"),
        (f"{ONE},phone", "A,2024-01-01,T,1,5,12", "phone", "not_a_phone"),
        (f"{ONE},email", "A,2024-01-01,T,1,5,nobody", "email", "not_an_email"),
        ("number,placed_at,total", "A,2024-01-01,", "total", "no_price"),
    ],
)
def test_each_refusal_names_row_field_and_code_and_changes_nothing(bring, counts, refusals, header, row, field, code):
    run = bring("orders", f"{header}\n{row}\n")
    assert counts(run) == (1, 0, 0, 1)
    assert refusals(run) == [(2, field, code)]
    assert run.result["refused"] == {code: 1}
    assert not Order.objects.exists()
    assert not Product.objects.exists()
    assert not Customer.objects.exists()
    assert not DomainEvent.objects.exists()


def test_rows_of_an_order_that_differ_in_what_they_share_are_refused(bring, refusals):
    run = bring(
        "orders",
        "number,placed_at,phone,sku,quantity,unit_price,shipping\n"
        "A,2024-01-01,13800000001,T,1,5,2\nA,2024-01-01,13800000001,U,1,5,3\n"
        "B,2024-01-01,13800000001,T,1,5,2\nB,2024-01-01,,U,1,5,\n",
    )
    assert refusals(run) == [(2, "shipping", "order_columns_differ"), (3, "shipping", "order_columns_differ")]
    order = Order.objects.get()
    assert (order.number, order.subtotal, order.shipping, order.total) == ("B", 1000, 200, 1200)


def test_money_is_the_sum_of_its_parts(bring):
    run = bring(
        "orders",
        "number,placed_at,sku,line_kind,quantity,unit_price,line_discount,discount,shipping,tax,fees,points_amount,total\n"
        "A,2024-01-01,T,product,3,0.335,0.10,1,5,0.60,0.40,0.50,\n"
        "A,2024-01-01,U,,1,10,,1,5,0.60,0.40,0.50,22.41\n"
        "A,2024-01-01,,shipping,1,7,,1,5,0.60,0.40,0.50,\n",
    )
    assert run.refused_count == 0
    order = Order.objects.get()
    # 3 x 0.335 = 1.005, rounded half up to 1.01
    assert (order.subtotal, order.discount, order.shipping, order.tax, order.fees) == (1101, 110, 1200, 60, 40)
    assert (order.points_amount, order.total, order.item_count) == (50, 2241, Decimal(4))


def test_an_amount_without_a_price_and_an_order_without_lines(bring):
    run = bring(
        "orders",
        "number,placed_at,sku,quantity,line_amount,total\nA,2024-01-01,T,7000,10.00,\nB,2024-01-01,,,,88.80\n",
    )
    assert run.refused_count == 0
    assert OrderLine.objects.get().amount == 1000
    order = Order.objects.get(number="B")
    assert (order.subtotal, order.total, order.lines.count()) == (8880, 8880, 0)


def test_states_and_times(bring):
    bring(
        "orders",
        "number,placed_at,paid_at,state,sku,quantity,unit_price\n"
        "A,2024-01-01 10:00,2024-01-01 10:05,已付款,T,1,1\n"
        "B,2024-01-01 10:00,,待付款,T,1,1\nC,2024-01-01 10:00,,Cancelled,T,1,1\n",
    )
    found = {order.number: (order.state, order.paid_at and order.paid_at.minute) for order in Order.objects.all()}
    assert found == {"A": ("paid", 5), "B": ("placed", None), "C": ("cancelled", None)}


def test_decimal_commas_separators_and_chinese_encoding(bring):
    text = "订单号;下单时间;商品编码;数量;单价\nA;31/12/2023 10:00;茶;1,5;1.234,50\n"
    run = bring("orders", text.encode("gb18030"))
    assert run.options["encoding"] == "gb18030"
    assert (run.options["delimiter"], run.options["decimal"], run.options["date_order"]) == (";", ",", "dmy")
    order = Order.objects.get()
    assert (order.total, order.item_count) == (185175, Decimal("1.5"))
    assert order.placed_at == datetime(2023, 12, 31, 10, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_an_order_finds_the_customer_who_is_known(bring, make_customer):
    anna = make_customer("Anna", storefront="7", phone="13800000001")
    bring("orders", GOOD)
    assert Order.objects.get(number="A1").customer == anna
    assert Customer.objects.count() == 2
    assert Customer.objects.get(pk=anna.pk).name == "Anna"


def test_two_identities_of_two_customers_are_never_joined(bring, make_customer):
    by_id = make_customer("By id", storefront="s1")
    by_phone = make_customer("By phone", storefront="s2", phone="13800000001")
    DomainEvent.objects.all().delete()
    text = "number,placed_at,storefront,phone,sku,quantity,unit_price\nA,2024-01-01,s1,13800000001,T,1,1\n"
    bring("orders", text)
    assert Order.objects.get().customer == by_id
    assert find("phone", "+8613800000001").customer == by_phone
    suspected = DomainEvent.objects.filter(kind="crm.duplicate_suspected").values_list("subject_id", "payload")
    assert list(suspected) == [(by_id.pk, {"other": by_phone.pk, "number": by_phone.number})]


def test_people_of_one_file_are_one_by_any_of_their_identities(bring):
    bring(
        "orders",
        "number,placed_at,phone,email,sku,quantity,unit_price\n"
        "A,2024-01-01,13800000001,a@shop.example,T,1,1\n"
        "B,2024-01-02,,A@shop.example,T,1,1\n"
        "C,2024-01-03,138 0000 0001,,T,1,1\n"
        "D,2024-01-04,,,T,1,1\n",
    )
    owners = dict(Order.objects.values_list("number", "customer_id"))
    assert owners["A"] == owners["B"] == owners["C"]
    assert owners["D"] is None
    assert Customer.objects.count() == 1
    assert Identity.objects.count() == 2


def test_a_customer_number_decides_and_follows_a_merge(bring, make_customer):
    kept, gone = make_customer("Kept"), make_customer("Gone")
    Customer.objects.filter(pk=gone.pk).update(state="merged", merged_into=kept)
    bring("orders", f"number,placed_at,customer_number,sku,quantity,unit_price\nA,2024-01-01,{gone.number},T,1,1\n")
    assert Order.objects.get().customer == kept


def test_an_unverified_identity_moves_to_the_customer_named_by_staff(bring, make_customer):
    claimant = make_customer("Claimant", storefront="s1")
    Identity.objects.create(
        customer=claimant, kind="phone", value="+8613800000001", value_index=_index("phone", "+8613800000001")
    )
    bring("orders", GOOD)
    owner = find("phone", "+8613800000001")
    assert owner.customer == Order.objects.get(number="A1").customer
    assert owner.customer != claimant
    assert owner.verified_at is not None
    assert DomainEvent.objects.filter(kind="crm.identity_moved", payload__from=claimant.pk).count() == 1


def _index(kind: str, value: str) -> bytes:
    from crm.customers.services.identities import index_of

    return index_of(kind, value)


def test_interleaved_orders_and_blank_lines_keep_positions(bring):
    bring(
        "orders",
        f"{ONE}\nA,2024-01-01,T1,1,1\n\nB,2024-01-01,T1,1,1\nA,2024-01-01,T2,1,1\n\nA,2024-01-01,T3,1,1\n",
    )
    assert list(Order.objects.get(number="A").lines.order_by("position").values_list("position", "product__sku")) == [
        (1, "T1"),
        (2, "T2"),
        (3, "T3"),
    ]


def test_formulas_are_imported_as_text(bring):
    bring("orders", f'{ONE},product_name\nA,2024-01-01,T,1,1,"=HYPERLINK(""http://x"")"\n')
    assert Product.objects.get().name == '=HYPERLINK("http://x")'
