"""Handlers that turn orders and activity into points, tiers and task progress; refunds take points back.

Each handler may run twice: earnings and steps of tasks have natural keys. The handlers for happenings receive an event
only while a rule or a task needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from core.events.bus import Effect, Event, subscribe
from crm.orders.events import ORDER_PAID, ORDER_REFUNDED, ORDERS_IMPORTED
from crm.orders.models import Order, OrderEffect, Refund
from loyalty.earning import subscriptions as earning_subscriptions
from loyalty.earning.services.awards import award_points_for_happenings, award_points_for_orders, enrol_buyers
from loyalty.earning.services.refunds import reverse_points_for_orders
from loyalty.earning.services.setup import ensure_default_program
from loyalty.tiers.services.bought_tiers import refund_bought_tiers
from loyalty.tiers.services.evaluation import evaluate_customers, evaluate_tiers
from loyalty.triggers import registry as listening


@subscribe(ORDER_PAID, name="loyalty.award_points", effect=Effect.POINTS)
def award_points(events: Sequence[Event]) -> None:
    program = ensure_default_program()
    if program is None:
        return
    orders = list(
        Order.objects.filter(pk__in=[event.payload["order"] for event in events]).order_by("customer_id", "pk")
    )
    award_points_for_orders(program=program, orders=orders)
    evaluate_customers(program, [order.customer_id for order in orders if order.customer_id])
    # Events may arrive out of order: a refund that came first found no points to take back.
    reverse_points_for_orders(orders=[order for order in orders if order.refunded])


@subscribe(ORDER_REFUNDED, name="loyalty.reverse_points")
def reverse_points(events: Sequence[Event]) -> None:
    orders = Order.objects.filter(pk__in=[event.payload["order"] for event in events]).order_by("customer_id", "pk")
    reverse_points_for_orders(orders=orders)
    refund_bought_tiers(orders=[order for order in orders if order.refunded >= order.total])


@subscribe(ORDERS_IMPORTED, name="loyalty.award_points_for_import", long=True)
def award_points_for_import(events: Sequence[Event]) -> None:
    """Award points for imported orders that earn, enrol the buyers of the others, and evaluate all tiers.

    A tier follows the orders (T1), so imported history counts for it whatever else the import does (I3).
    """
    program = ensure_default_program()
    if program is None:
        return
    for event in events:
        run = event.payload["run"]
        imported = Order.objects.imported(event.payload).filter(customer__isnull=False)
        award_points_for_orders(
            program=program,
            orders=imported.exclude(effect=OrderEffect.REMEMBER)
            .order_by("customer_id", "paid_at", "pk")
            .iterator(chunk_size=5000),
        )
        enrol_buyers(program=program, orders=imported.filter(effect=OrderEffect.REMEMBER))
        refunded = Order.objects.filter(
            pk__in=Refund.objects.filter(import_run_id=run).values("order_id"), customer__isnull=False
        )
        reverse_points_for_orders(orders=refunded.order_by("customer_id", "pk").iterator(chunk_size=5000))
    evaluate_tiers(program=program)


@subscribe(name=earning_subscriptions.RULES.handler, effect=Effect.POINTS, wanted=earning_subscriptions.RULES.wants)
def award_happenings(events: Sequence[Event]) -> None:
    program = ensure_default_program()
    if program is None:
        return
    for trigger, customers in listening.whose_turn(events).items():
        triggers = None if trigger == listening.ANY else [trigger]
        award_points_for_happenings(program=program, customer_ids=customers, triggers=triggers)
    # Events may arrive out of order: a refund that came first found no points of a friend's order to take back.
    orders = [event.payload["order"] for event in events if event.kind == ORDER_PAID.kind]
    runs = [event.payload["run"] for event in events if event.kind == ORDERS_IMPORTED.kind]
    if orders or runs:
        of_friends = Order.objects.filter(
            Q(pk__in=orders) | Q(import_run_id__in=runs),
            customer__memberships__referred_by__isnull=False,
            refunded__gt=0,
        )
        reverse_points_for_orders(orders=of_friends.order_by("customer_id", "pk").distinct())
