"""Checks under locks: an action on a customer who is being erased waits, and is then refused.

The state of the customer must not change between the check and the write.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns.coupons.models import CouponCode
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.coupons import create_coupon
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Refused
from crm.customers.models import Consent, Customer, Identity
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import update_customer
from crm.customers.services.identities import add_identity
from crm.desk.models import Ticket, TicketMessage
from crm.desk.services import open_ticket, reply_to_ticket
from crm.orders.models import Order
from crm.orders.services.orders import LineInput, OrderInput, record_order
from loyalty.growth.models import TaskJoin
from loyalty.growth.services.tasks import join_task
from loyalty.ledger.models import Account, Hold
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.redemption import capture_hold, hold_points
from loyalty.ledger.services.transfers import merge_members
from loyalty.program.models import Member
from tests.loyalty.growth.samples import make_task  # noqa: F401
from tests.loyalty.rewards.samples import account_of, make_member  # noqa: F401
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def run_during(change: Callable[[], object], action: Callable[[], object]) -> object:
    """Run `action` after `change` was written but before it is committed, and return its result."""
    written = threading.Event()

    def changing() -> None:
        with transaction.atomic():
            change()
            written.set()
            time.sleep(0.3)

    def acting() -> object:
        assert written.wait(10)
        return action()

    return at_once([changing, acting])[1]


def ticket_of(customer: Customer) -> Ticket:
    return open_ticket(customer=customer, subject="First", text="Hello", actor=SYSTEM)


def order_of(customer: Customer) -> OrderInput:
    lines = [LineInput(Decimal(1), Decimal(10), sku="SKU-1")]
    return OrderInput(number="N-1", placed_at=timezone.now(), lines=lines, customer_number=customer.number)


ACTIONS: dict[str, Callable] = {
    "profile": lambda one, _ticket, _coupon, _program: update_customer(
        customer=one, changes={"name": "X"}, actor=SYSTEM
    ),
    "consent": lambda one, _ticket, _coupon, _program: record_consent(
        customer=one, channel="email", purpose="marketing", decision="granted", source="checkout", actor=SYSTEM
    ),
    "ticket": lambda one, _ticket, _coupon, _program: ticket_of(one),
    "reply": lambda _one, ticket, _coupon, _program: reply_to_ticket(
        ticket=ticket, text="And", actor=SYSTEM, from_customer=True
    ),
    "identity": lambda one, _ticket, _coupon, _program: add_identity(
        customer=one, kind="card", value="C-1", verified=True, actor=SYSTEM, country="CN"
    ),
    "order": lambda one, _ticket, _coupon, _program: record_order(data=order_of(one), source="shop", actor=SYSTEM),
    "coupon": lambda one, _ticket, coupon, _program: issue_coupon(
        customer=one, coupon=coupon, cause="gift", actor=SYSTEM
    ),
    "membership": lambda one, _ticket, _coupon, program: enrol_member(customer=one, program=program, actor=SYSTEM),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_actions_on_a_customer_who_is_being_erased_wait_and_are_refused(program, make_customer, name):
    # given
    ann = make_customer("Ann")
    ticket = ticket_of(ann)
    coupon = create_coupon(name="Gift", kind="amount", value=100, actor=SYSTEM)
    rows = [Consent, Identity, Order, TicketMessage, CouponCode, Member]
    before = [model.objects.count() for model in rows]
    # when
    refusal = run_during(
        lambda: Customer.objects.filter(pk=ann.pk).update(state="erased"),
        lambda: ACTIONS[name](ann, ticket, coupon, program),
    )
    # then
    assert isinstance(refusal, Conflict), refusal
    assert refusal.code == "customer_not_active"
    assert [model.objects.count() for model in rows] == before


def test_actions_wait_for_a_task_or_membership_that_is_being_ended(make_member, make_task):  # noqa: F811
    member, task = make_member(0), make_task("order", 1, join=True)
    ended = run_during(
        lambda: type(task).objects.filter(pk=task.pk).update(active=False),
        lambda: join_task(member=member, task=task, actor=SYSTEM),
    )
    assert isinstance(ended, Refused), ended
    assert ended.code == "task_not_running"
    type(task).objects.filter(pk=task.pk).update(active=True)
    left = run_during(
        lambda: Member.objects.filter(pk=member.pk).update(state="left"),
        lambda: join_task(member=member, task=task, actor=SYSTEM),
    )
    assert isinstance(left, Refused), left
    assert left.code == "member_not_active"
    assert TaskJoin.objects.count() == 0


def test_a_hold_moved_by_a_merge_is_captured_once(make_member, program):  # noqa: F811
    # given Ann's hold, and a merge that moves it to Bob while two captures wait for her account
    ann, bob = make_member(100), make_member(100)
    hold = uuid.UUID(hold_points(account=account_of(ann), points=40, key="h", actor=SYSTEM)["hold"])
    carried = threading.Event()

    def merge() -> None:
        with transaction.atomic():
            merge_members(source=ann, target=bob, actor=SYSTEM)
            carried.set()
            time.sleep(0.3)

    def capture(key: str) -> object:
        assert carried.wait(10)
        try:
            return capture_hold(program=program, hold=hold, key=key, actor=SYSTEM)["state"]
        except Conflict as refusal:
            return refusal.code

    # when
    _merged, *ends = at_once([merge, *(lambda n=n: capture(f"c{n}") for n in range(4))])
    # then
    assert sorted(map(str, ends)) == ["captured", "hold_captured", "hold_captured", "hold_captured"]
    assert Hold.objects.get(pk=hold).captured == 40
    accounts = Account.objects.filter(member__in=[ann, bob]).order_by("pk")
    assert list(accounts.values_list("available", "held")) == [(0, 0), (160, 0)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(available + held) FROM loyalty_entry WHERE account_id = ANY (%s)",
            [[account.pk for account in accounts]],
        )
        assert cursor.fetchone() == (160,)
