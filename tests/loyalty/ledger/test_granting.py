"""Tests of points without an order, and of the triggers' happenings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import redeem_points
from loyalty.triggers.registry import TRIGGERS

pytestmark = pytest.mark.django_db


def test_two_grants_of_one_member_are_two_lots_with_the_policys_expiry(program, member):
    # given points that last 30 days
    program.expiry_policy, program.expiry_count = "rolling", 30
    program.save()
    account = Account.objects.get(member=member)
    before, now = account.available, timezone.now()
    # when
    with transaction.atomic():
        granted = grant_points(
            program=program,
            grants=[Grant(account.pk, 30, "task:one", now), Grant(account.pk, 12, "task:two", now),
                    Grant(account.pk, 0, "nothing", now)],
        )  # fmt: skip
    # then
    account.refresh_from_db()
    assert account.available == before + 42
    assert [(one.points, one.reference) for one in granted] == [(30, "task:one"), (12, "task:two")]
    assert set(Lot.objects.filter(source="activity").values_list("points", "remaining", "expires_at")) == {
        (30, 30, now + timedelta(days=30)),
        (12, 12, now + timedelta(days=30)),
    }
    events = DomainEvent.objects.filter(kind="loyalty.points_earned").order_by("id").values_list("payload", flat=True)
    assert [event["reference"] for event in events][-2:] == ["task:one", "task:two"]
    assert reconcile_points().difference_count == 0


def test_a_grant_pays_the_debt_first(program, make_customer, make_order, settle):
    # given a customer who spent points that a refund then took back
    from crm.orders.services.refunds import record_refund

    customer = make_customer()
    order = make_order(customer, 100_00)
    settle()
    account = Account.objects.select_related("member__program").get(member__customer=customer)
    redeem_points(account=account, points=100, key="r", actor=SYSTEM)
    record_refund(order_number=order.number, number="R", source=order.source, amount=order.total, actor=SYSTEM)
    settle()
    account.refresh_from_db()
    assert (account.available, account.debt) == (0, 100)
    # when
    with transaction.atomic():
        grant_points(program=program, grants=[Grant(account.pk, 130, "task:one", timezone.now())])
    # then
    account.refresh_from_db()
    assert (account.available, account.debt) == (30, 0)
    assert list(Entry.objects.filter(account=account).order_by("-id").values_list("kind", flat=True)[:2]) == [
        "settle",
        "earn",
    ]
    assert reconcile_points().difference_count == 0


def test_a_grant_rolls_back_with_its_caller(program, member):
    account = Account.objects.get(member=member)
    with pytest.raises(RuntimeError), transaction.atomic():
        grant_points(program=program, grants=[Grant(account.pk, 5, "task:one", timezone.now())])
        raise RuntimeError
    assert Account.objects.get(pk=account.pk).available == account.available
    assert Entry.objects.filter(reference="task:one").count() == 0


def test_triggers_list_happenings_since_a_time_oldest_first(store, make_customer, make_order):
    customer, other, now = make_customer(), make_customer(), timezone.now()
    order = make_order(customer, 88_00)
    record_activity(
        items=[
            ActivityInput(sender_id=str(days), kind="review", occurred_at=now - timedelta(days=days),
                          customer_number=customer.number, properties={"stars": days})
            for days in (1, 3, 50)
        ],
        source="shop",
        actor=SYSTEM,
    )  # fmt: skip
    since = now - timedelta(days=30)
    both = [customer.pk, other.pk]
    [bought] = TRIGGERS["order"].happened(both, since, "")
    assert (bought.customer, bought.reference, bought.amount, bought.order) == (
        customer.pk, f"order:{order.pk}", 88_00, order.pk,
    )  # fmt: skip
    reviews = list(TRIGGERS["activity"].happened(both, since, "review"))
    assert [(one.customer, one.properties) for one in reviews] == [
        (customer.pk, {"stars": 3}),
        (customer.pk, {"stars": 1}),
    ]
    assert len({one.reference for one in reviews}) == 2
    assert list(TRIGGERS["activity"].happened(both, since, "share")) == []


def test_a_profile_is_complete_only_with_all_fields(make_customer):
    bare = make_customer("Ada", phone="13800138000")
    whole = make_customer("Bo", phone="13800138001", gender="female", birthday="1990-02-03")
    happenings = list(TRIGGERS["profile"].happened([bare.pk, whole.pk], timezone.now(), ""))
    assert [(one.customer, one.reference) for one in happenings] == [(whole.pk, f"profile:{whole.pk}")]
