"""Orders become points and tiers, refunds take them back, and what members do moves their tasks.

Each handler may run twice: earnings and steps of tasks have natural keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import clock
from core.events import Event, subscribe
from crm.events import ACTIVITY_RECEIVED, ORDER_PAID, ORDER_REFUNDED, ORDERS_IMPORTED
from crm.models import Order, Refund
from loyalty import listening
from loyalty.models import Program, TierReason
from loyalty.rules.growth import READ_BACK
from loyalty.services.earning import award_points_for_orders, reverse_points_for_orders
from loyalty.services.growth import advance_tasks
from loyalty.services.setup import ensure_default_program
from loyalty.services.tiers import evaluate_tiers


@subscribe(ORDER_PAID, name="loyalty.award_points")
def award_points(events: Sequence[Event]) -> None:
    program = ensure_default_program()
    if program is None:
        return
    orders = list(
        Order.objects.filter(pk__in=[event.payload["order"] for event in events]).order_by("customer_id", "pk")
    )
    award_points_for_orders(program=program, orders=orders)
    _evaluate(program, [order.customer_id for order in orders if order.customer_id])
    # Events may arrive out of order: a refund that came first left nothing to take back.
    reverse_points_for_orders(orders=[order for order in orders if order.refunded])


@subscribe(ORDER_REFUNDED, name="loyalty.reverse_points")
def reverse_points(events: Sequence[Event]) -> None:
    orders = Order.objects.filter(pk__in=[event.payload["order"] for event in events]).order_by("customer_id", "pk")
    reverse_points_for_orders(orders=orders)


@subscribe(ORDERS_IMPORTED, name="loyalty.award_points_for_import")
def award_points_for_import(events: Sequence[Event]) -> None:
    program = ensure_default_program()
    if program is None:
        return
    for event in events:
        run = event.payload["run"]
        award_points_for_orders(
            program=program,
            orders=Order.objects.filter(import_run_id=run, customer__isnull=False)
            .order_by("customer_id", "paid_at", "pk")
            .iterator(chunk_size=5000),
        )
        refunded = Order.objects.filter(
            pk__in=Refund.objects.filter(import_run_id=run).values("order_id"), customer__isnull=False
        )
        reverse_points_for_orders(orders=refunded.order_by("customer_id", "pk").iterator(chunk_size=5000))
    evaluate_tiers(program=program)


@subscribe(name=listening.HANDLER, wanted=listening.listens)
def move_tasks(events: Sequence[Event]) -> None:
    """The event only says whose turn it is; what they did is read from the triggers."""
    program = Program.objects.default()
    if program is None:
        return
    customers: set[int] = set()
    for event in events:
        if event.kind == ORDERS_IMPORTED.kind:
            orders = Order.objects.filter(import_run_id=event.payload["run"], paid_at__gte=clock.now() - READ_BACK)
            customers.update(orders.exclude(customer=None).values_list("customer_id", flat=True).distinct())
        elif event.kind == ACTIVITY_RECEIVED.kind:
            customers.update(event.payload["customers"])
        elif event.subject_id:
            customers.add(event.subject_id)
    advance_tasks(program=program, customer_ids=customers)


def _evaluate(program: Program, customer_ids: list[int]) -> None:
    if customer_ids:
        evaluate_tiers(program=program, customer_ids=sorted(set(customer_ids)), reason=TierReason.QUALIFIED)
