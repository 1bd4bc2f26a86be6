"""Orders and refunds: state changes, refunded amounts, and refusals that change nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Conflict, DomainError, Invalid, NotFound, Refused
from core.events.models import DomainEvent
from crm.orders.models import Order, OrderLine, OrderState, Refund
from crm.orders.services.orders import LineInput, OrderInput, record_order
from crm.orders.services.refunds import RefundLineInput, record_refund

pytestmark = pytest.mark.django_db


def placed(customer, number: str = "A-1", state: str = OrderState.PLACED, price: str = "10.00", **changes):
    return record_order(
        data=OrderInput(
            number=number, placed_at=timezone.now(), customer_number=customer.number, state=state,
            lines=[LineInput(Decimal(3), Decimal(price), sku="TEA"), LineInput(Decimal(1), Decimal("5.00"), sku="CUP")],
            **changes,
        ),
        source="storefront", actor=SYSTEM,
    )  # fmt: skip


def refund(number: str = "R-1", order: str = "A-1", **changes):
    return record_refund(order_number=order, number=number, source="storefront", actor=SYSTEM, **changes)


def snapshot() -> tuple:
    return (
        list(Order.objects.order_by("pk").values_list("number", "state", "refunded", "paid_at")),
        list(OrderLine.objects.order_by("pk").values_list("refunded_quantity", "refunded_amount")),
        list(Refund.objects.order_by("pk").values_list("number", "amount")),
        DomainEvent.objects.count(),
    )


def refused(kind: type[DomainError], call, *arguments, **changes) -> DomainError:
    """Return the refusal and check that it changed nothing."""
    before = snapshot()
    with pytest.raises(kind) as caught:
        call(*arguments, **changes)
    assert snapshot() == before
    return caught.value


def test_an_order_moves_from_placed_to_paid_and_not_back(make_customer):
    # given
    customer = make_customer()
    assert placed(customer).outcome == "created"
    # when
    assert placed(customer, state=OrderState.PAID).outcome == "updated"
    # then
    order = Order.objects.get()
    assert (order.state, order.total, order.paid_at is not None) == (OrderState.PAID, 3500, True)
    assert placed(customer, state=OrderState.PAID).outcome == "unchanged"
    for state in (OrderState.PLACED, OrderState.CANCELLED):
        error = refused(Conflict, placed, customer, state=state)
        assert (error.code, error.field) == ("order_state", "state")


def test_a_known_number_with_other_amounts_is_refused(make_customer):
    customer = make_customer()
    placed(customer)
    error = refused(Conflict, placed, customer, price="11.00")
    assert (error.code, error.field) == ("order_differs", "number")


def test_a_refund_by_lines_takes_their_exact_share(make_customer):
    # given three pieces at 10.00 and one at 5.00
    placed(make_customer(), state=OrderState.PAID)
    # when two pieces, then the last piece are returned
    first = refund("R-1", lines=[RefundLineInput(1, Decimal(2))])
    second = refund("R-2", lines=[RefundLineInput(1, Decimal(1)), RefundLineInput(2, Decimal(1))])
    # then
    assert (first.refund.amount, second.refund.amount, Order.objects.get().refunded) == (2000, 1500, 3500)


def test_the_same_refund_again_changes_nothing_and_another_amount_is_refused(make_customer):
    placed(make_customer(), state=OrderState.PAID)
    assert refund(amount=1000).outcome == "created"
    assert refund(amount=1000).outcome == "unchanged"
    error = refused(Conflict, refund, amount=900)
    assert (error.code, error.field) == ("refund_differs", "number")


@pytest.mark.parametrize("amount", [3501, 0, -1])
def test_a_refund_of_more_than_was_paid_or_of_nothing_is_refused(make_customer, amount):
    placed(make_customer(), state=OrderState.PAID)
    error = refused(Refused, refund, amount=amount)
    assert (error.code, error.field, error.details["left"]) == ("refund_exceeds_order", "amount", 3500)


def test_only_a_paid_order_that_is_known_can_be_refunded(make_customer):
    placed(make_customer())
    assert refused(Conflict, refund).code == "order_state"
    error = refused(NotFound, refund, order="NONE")
    assert (error.code, error.field) == ("unknown_order", "order")


@pytest.mark.parametrize(
    ("lines", "code", "field"),
    [
        ([RefundLineInput(3, Decimal(1))], "unknown_line", "lines.0.position"),
        ([RefundLineInput(2, Decimal(1)), RefundLineInput(1, Decimal(4))], "refund_exceeds_line", "lines.1.quantity"),
        ([RefundLineInput(1, Decimal(0))], "refund_exceeds_line", "lines.0.quantity"),
    ],
)
def test_a_wrong_line_of_a_refund_is_named(make_customer, lines, code, field):
    placed(make_customer(), state=OrderState.PAID)
    error = refused(Invalid, refund, lines=lines)
    assert (error.code, error.field) == (code, field)


def test_an_unknown_order_is_not_found_by_the_api(api, store):
    answer = api.get("/api/v1/orders/NONE")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknown_order")
