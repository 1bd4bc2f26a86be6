"""Orders and what members do become points and tiers and move their tasks; refunds take points back.

Each handler may run twice: earnings and steps of tasks have natural keys. Those for what is no order hear of it only while
a rule or a task is about it.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import clock
from core.events import Event, subscribe
from crm.events import (
    ACTIVITY_RECEIVED,
    CUSTOMER_CREATED,
    CUSTOMER_UPDATED,
    IDENTITY_ADDED,
    IDENTITY_MOVED,
    ORDER_PAID,
    ORDER_REFUNDED,
    ORDERS_IMPORTED,
    TICKET_RATED,
)
from crm.models import Order, Refund
from loyalty import earning_wanted, listening
from loyalty.events import ACCOUNTS_CHANGED, MEMBER_ENROLLED
from loyalty.models import Member, Program, TierMetric
from loyalty.rules.growth import READ_BACK
from loyalty.services.bought_tiers import refund_bought_tiers
from loyalty.services.earning import award_points_for_happenings, award_points_for_orders
from loyalty.services.earning_refunds import reverse_points_for_orders
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
    refund_bought_tiers(orders=[order for order in orders if order.refunded >= order.total])


@subscribe(ACCOUNTS_CHANGED, name="loyalty.evaluate_growth")
def evaluate_growth(events: Sequence[Event]) -> None:
    """Growth value that was pending counts once it is available (L4, T2)."""
    program = Program.objects.default()
    if program is not None and program.tier_metric == TierMetric.GROWTH:
        _evaluate(program, [customer for event in events for customer in event.payload["customers"]])


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


@subscribe(ACTIVITY_RECEIVED, name="loyalty.award_activity", wanted=earning_wanted.any_of("activity"))
def award_activity(events: Sequence[Event]) -> None:
    _award_happenings({pk for event in events for pk in event.payload["customers"]}, "activity")


@subscribe(TICKET_RATED, name="loyalty.award_ratings", wanted=earning_wanted.any_of("rating"))
def award_ratings(events: Sequence[Event]) -> None:
    _award_happenings({event.subject_id for event in events}, "rating")


@subscribe(
    CUSTOMER_CREATED,
    CUSTOMER_UPDATED,
    IDENTITY_ADDED,
    IDENTITY_MOVED,
    MEMBER_ENROLLED,
    name="loyalty.award_profiles",
    wanted=earning_wanted.any_of("profile"),
)
def award_profiles(events: Sequence[Event]) -> None:
    _award_happenings({event.subject_id for event in events}, "profile")


@subscribe(ORDER_PAID, name="loyalty.award_referrals", wanted=earning_wanted.any_of("referral"))
def award_referrals(events: Sequence[Event]) -> None:
    _award_referrals([event.subject_id for event in events])
    # Events may arrive out of order: a refund that came first left nothing to take back.
    orders = Order.objects.filter(pk__in=[event.payload["order"] for event in events], refunded__gt=0)
    reverse_points_for_orders(orders=orders.order_by("customer_id", "pk"))


@subscribe(ORDERS_IMPORTED, name="loyalty.award_referrals_for_import", wanted=earning_wanted.any_of("referral"))
def award_referrals_for_import(events: Sequence[Event]) -> None:
    runs = [event.payload["run"] for event in events]
    orders = Order.objects.filter(import_run_id__in=runs, customer__memberships__referred_by__isnull=False)
    _award_referrals(list(orders.values_list("customer_id", flat=True).distinct()))
    reverse_points_for_orders(orders=orders.filter(refunded__gt=0).order_by("customer_id", "pk"))


def _award_referrals(buyers: Sequence[int | None]) -> None:
    friends = Member.objects.filter(customer__in=[pk for pk in buyers if pk], referred_by__isnull=False)
    _award_happenings(set(friends.values_list("referred_by__customer_id", flat=True)), "referral")


def _award_happenings(customer_ids: set[int | None], trigger: str) -> None:
    program = ensure_default_program()
    wanted = [pk for pk in customer_ids if pk is not None]
    if program is not None and wanted:
        award_points_for_happenings(program=program, customer_ids=wanted, triggers=[trigger])


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
        evaluate_tiers(program=program, customer_ids=sorted(set(customer_ids)))
