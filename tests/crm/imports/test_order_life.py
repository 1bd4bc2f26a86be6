"""States of an order, row by row and file by file: it only advances, and a repeated file changes nothing (I1, I2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.base.actor import SYSTEM
from crm.orders.models import Order, OrderLine, Refund, RefundLine
from crm.orders.rules.state_words import CANCELLED, PAID, PARTLY_REFUNDED, PLACED, REFUNDED, SENT, STATES, folded
from crm.orders.services.refunds import record_refund

pytestmark = pytest.mark.django_db

HEADER = "number,placed_at,state,sku,quantity,unit_price,refunded_amount,refunded_at"


def order(state: str, refunded: str = "", at: str = "") -> str:
    return (
        f"{HEADER}\nA,2024-01-01T10:00Z,{state},T,2,50,{refunded},{at}\n"
        f"A,2024-01-01T10:00Z,{state},U,1,20,{refunded},{at}\n"
    )


def stored_order() -> tuple:
    found = Order.objects.get(number="A")
    return found.state, found.total, found.refunded, found.refunds.count()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("wc-completed", SENT),
        ("wc-on-hold", PLACED),
        ("partially_refunded", PARTLY_REFUNDED),
        ("Partially refunded", PARTLY_REFUNDED),
        ("on-hold", PLACED),
        ("processing", PAID),
        ("fulfilled", SENT),
        ("voided", CANCELLED),
        ("已退款", REFUNDED),
        ("已发货", SENT),
        ("待付款", PLACED),
        ("交易成功", SENT),
        ("交易关闭", CANCELLED),
        ("部分退款", PARTLY_REFUNDED),
        ("买家已付款，等待卖家发货", PAID),
    ],
)
def test_order_states_of_shop_systems(word, state):
    assert STATES[folded(word)] == state


def test_an_order_advances_file_by_file(bring, counts):
    for state, refunded, expected, counted in (
        ("pending", "", ("placed", 12000, 0, 0), (2, 2, 0, 0)),
        ("paid", "", ("paid", 12000, 0, 0), (2, 2, 0, 0)),
        ("fulfilled", "", ("paid", 12000, 0, 0), (2, 0, 2, 0)),
        ("partially_refunded", "20", ("paid", 12000, 2000, 1), (2, 2, 0, 0)),
        ("partially_refunded", "20", ("paid", 12000, 2000, 1), (2, 0, 2, 0)),
        ("partially_refunded", "50", ("paid", 12000, 5000, 2), (2, 2, 0, 0)),
        ("refunded", "", ("paid", 12000, 12000, 3), (2, 2, 0, 0)),
        ("refunded", "", ("paid", 12000, 12000, 3), (2, 0, 2, 0)),
        # An older file after a newer one never moves the order back.
        ("pending", "", ("paid", 12000, 12000, 3), (2, 0, 2, 0)),
        ("partially_refunded", "20", ("paid", 12000, 12000, 3), (2, 0, 2, 0)),
        ("cancelled", "", ("paid", 12000, 12000, 3), (2, 0, 2, 0)),
    ):
        run = bring("orders", order(state, refunded))
        assert (state, stored_order(), counts(run)) == (state, expected, counted)
    assert list(Refund.objects.order_by("id").values_list("number", "amount")) == [
        ("R1", 2000),
        ("R2", 3000),
        ("R3", 7000),
    ]


def test_a_paid_order_stores_its_time_and_import(bring):
    bring("orders", order("pending"))
    assert Order.objects.get().paid_at is None
    run = bring("orders", HEADER.replace("refunded_at", "paid_at") +
                "\nA,2024-01-01T10:00Z,paid,T,2,50,,2024-01-03T10:00Z"
                "\nA,2024-01-01T10:00Z,paid,U,1,20,,\n")  # fmt: skip
    paid = Order.objects.get()
    assert (paid.paid_at, paid.import_run_id) == (datetime(2024, 1, 3, 10, tzinfo=UTC), run.pk)
    assert set(OrderLine.objects.values_list("bought_at", flat=True)) == {paid.paid_at}
    assert run.result["orders_moved"] == 1


def test_an_order_never_paid_is_cancelled_and_one_paid_is_refunded_whole(bring, counts, refusals):
    bring("orders", order("pending"))
    assert counts(bring("orders", order("voided"))) == (2, 2, 0, 0)
    assert stored_order() == ("cancelled", 12000, 0, 0)
    run = bring("orders", order("paid"))
    assert refusals(run) == [(2, "state", "order_state"), (3, "state", "order_state")]
    assert stored_order() == ("cancelled", 12000, 0, 0)
    bring("orders", order("paid"), source="other")
    bring("orders", order("cancelled"), source="other")
    other = Order.objects.get(source="other")
    assert (other.state, other.refunded) == ("paid", 12000)
    assert list(RefundLine.objects.order_by("line__position").values_list("quantity", "amount")) == [
        (Decimal(2), 10000),
        (Decimal(1), 2000),
    ]


def test_a_first_file_with_refunds_in_it(bring, counts, refusals):
    run = bring(
        "orders",
        f"{HEADER}\n"
        "A,2024-01-01T10:00Z,refunded,T,2,50,,2024-02-01T10:00Z\n"
        "B,2024-01-01T10:00Z,部分退款,T,2,50,30,2024-02-02T10:00Z\n"
        "C,2024-01-01T10:00Z,部分退款,T,2,50,,\n"
        "D,2024-01-01T10:00Z,交易关闭,T,2,50,100,2024-02-03T10:00Z\n"
        "E,2024-01-01T10:00Z,paid,T,2,50,100.01,\n"
        "F,2024-01-01T10:00Z,待付款,T,2,50,0,\n",
    )
    assert counts(run) == (6, 5, 0, 1)
    assert refusals(run) == [
        (4, "refunded_amount", "refund_amount_unknown"),
        (6, "refunded_amount", "refund_exceeds_order"),
    ]
    assert run.result["noted"] == {"refund_amount_unknown": 1}
    assert list(Order.objects.order_by("number").values_list("number", "state", "refunded")) == [
        ("A", "paid", 10000), ("B", "paid", 3000), ("C", "paid", 0), ("D", "paid", 10000), ("F", "placed", 0),
    ]  # fmt: skip
    assert list(Refund.objects.order_by("order__number").values_list("amount", "refunded_at", "import_run_id")) == [
        (10000, datetime(2024, 2, 1, 10, tzinfo=UTC), run.pk),
        (3000, datetime(2024, 2, 2, 10, tzinfo=UTC), run.pk),
        (10000, datetime(2024, 2, 3, 10, tzinfo=UTC), run.pk),
    ]


def test_later_rows_of_one_file_advance_the_order(bring, counts):
    text = (
        "number,placed_at,state,sku,quantity,unit_price\nA,2024-01-01,pending,T,1,5\nA,2024-01-01,pending,U,1,7\n"
        "A,2024-01-01,paid,T,1,5\nA,2024-01-01,paid,U,1,7\nA,2024-01-01,shipped,,,\n"
    )
    run = bring("orders", text)
    assert counts(run) == (5, 5, 0, 0)
    assert stored_order() == ("paid", 1200, 0, 0)
    assert OrderLine.objects.count() == 2
    assert counts(bring("orders", text)) == (5, 0, 5, 0)
    bring("orders", text + "A,2024-01-01,refunded,,,\n")
    assert stored_order() == ("paid", 1200, 1200, 1)


def test_a_state_per_line_refunds_the_cancelled_lines(bring):
    bring(
        "orders",
        "订单编号,下单时间,订单状态,商品编码,数量,单价\nA,2024-01-01,交易成功,T,1,5\nA,2024-01-01,交易关闭,U,1,7\n",
    )
    assert stored_order() == ("paid", 1200, 700, 1)


def test_a_negative_quantity_is_a_return_of_its_order(bring, counts, refusals):
    header = "number,placed_at,sku,quantity,unit_price"
    sale = f"{header}\nA,2024-01-01T10:00Z,T,3,10\nA,2024-01-01T10:00Z,U,1,20\n"
    bring("orders", sale)
    back = f"{header}\nA,2024-01-09T10:00Z,T,-1,10\n"
    assert counts(bring("orders", back)) == (1, 1, 0, 0)
    assert stored_order() == ("paid", 5000, 1000, 1)
    assert counts(bring("orders", back)) == (1, 0, 1, 0)
    # The whole file again, with one more return on another day.
    run = bring("orders", f"{sale}A,2024-01-09T10:00Z,T,-1,10\nA,2024-01-12T10:00Z,T,-1,10\n")
    assert counts(run) == (4, 1, 3, 0)
    assert stored_order() == ("paid", 5000, 2000, 2)
    assert OrderLine.objects.get(position=1).refunded_quantity == 2
    run = bring(
        "orders", f"{header}\nA,2024-01-13T10:00Z,T,-2,10\nA,2024-01-13T10:00Z,X,-1,10\nB,2024-01-13T10:00Z,T,-1,10\n"
    )
    assert refusals(run) == [
        (2, "quantity", "refund_exceeds_line"),
        (3, "quantity", "refund_exceeds_line"),
        (4, "quantity", "not_positive"),
    ]
    assert stored_order() == ("paid", 5000, 2000, 2)


def test_a_return_in_the_file_of_its_sale(bring, counts, refusals):
    text = (
        "number,placed_at,sku,quantity,unit_price,discount\nA,2024-01-01T10:00Z,T,2,10,5\nA,2024-01-05T10:00Z,T,-2,10,5\n"
        "B,2024-01-01T10:00Z,T,0.5555,10,\nB,2024-01-05T10:00Z,T,-1,10,\n"
    )
    run = bring("orders", text)
    assert counts(run) == (4, 2, 0, 2)
    # The order had a discount of its own: refunds never exceed the payment, and the remainder is listed.
    assert stored_order() == ("paid", 1500, 1500, 1)
    assert refusals(run) == [
        (3, "line_amount", "refund_partly_matched"),
        (4, "quantity", "too_precise"),
        (5, "number", "order_has_refused_rows"),
    ]
    again = bring("orders", text)
    assert counts(again) == (4, 0, 2, 2)
    assert stored_order() == ("paid", 1500, 1500, 1)


def test_a_refund_that_the_api_recorded_is_not_refunded_again(bring, counts):
    bring("orders", order("paid"))
    record_refund(order_number="A", number="api-1", source="shop", actor=SYSTEM, amount=3000)
    assert counts(bring("orders", order("partially_refunded", "30"))) == (2, 0, 2, 0)
    assert stored_order() == ("paid", 12000, 3000, 1)
    bring("orders", order("partially_refunded", "45"))
    assert stored_order() == ("paid", 12000, 4500, 2)


def test_a_file_without_states_advances_no_order(bring, counts):
    bring("orders", order("pending"))
    plain = "number,placed_at,sku,quantity,unit_price\nA,2024-01-01T10:00Z,T,2,50\nA,2024-01-01T10:00Z,U,1,20\n"
    assert counts(bring("orders", plain)) == (2, 0, 2, 0)
    assert stored_order() == ("placed", 12000, 0, 0)
    bring("orders", order("cancelled"))
    assert counts(bring("orders", plain)) == (2, 0, 2, 0)
    assert stored_order() == ("cancelled", 12000, 0, 0)


def test_a_file_of_states_advances_known_orders(bring, counts, refusals):
    bring("orders", order("pending"))
    run = bring("orders", "number,placed_at,state,unit_price\nA,,paid,\nZ,,paid,\n")
    assert counts(run) == (2, 1, 0, 1)
    assert refusals(run) == [(3, "placed_at", "required")]
    assert stored_order() == ("paid", 12000, 0, 0)
