"""Tests of many redemptions in one call: each works as if it had come alone (L2, L7, L9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import IdempotencyKeyMissing, Invalid
from core.db.models import IdempotencyRecord
from core.events.models import DomainEvent
from loyalty.ledger.models import Account, Allocation, Entry, Hold, Lot
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import redeem_points
from loyalty.ledger.services.redemption_batches import Redemption, redeem_many
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(make_member):
    """Return a function that makes members with so many points and returns their customer numbers."""
    return lambda *points: [make_member(number).customer.number for number in points]


def spent(*rows: Redemption) -> list:
    """Redeem the rows. Return for each the points left, or the code of the refusal."""
    outcomes = redeem_many(redemptions=rows, actor=SYSTEM)
    return [one.answer["available"] if one.answer else one.error.code for one in outcomes]


def available(number: str) -> int:
    return Account.objects.get(member__customer__number=number).available


def test_each_row_is_done_or_refused_by_itself_in_the_order_given(people):
    one, two, three = people(100, 50, 10)
    assert spent(
        Redemption(two, 51, "b"), Redemption(one, 30, "a", "SO-1"), Redemption("0000000", 1, "x"),
        Redemption(three, 10, "c")
    ) == ["insufficient_points", 70, "not_a_member", 0]  # fmt: skip
    assert [available(number) for number in (one, two, three)] == [70, 50, 0]
    # a refused row leaves no trace and its key free
    assert set(IdempotencyRecord.objects.filter(key__in="abxc").values_list("key", flat=True)) == {"a", "c"}
    assert Entry.objects.filter(kind="redeem").count() == Hold.objects.filter(state="captured").count() == 2
    assert Entry.objects.get(reference="SO-1").available == -30
    assert DomainEvent.objects.filter(kind="loyalty.points_redeemed").count() == 2
    assert reconcile_points().difference_count == 0


def test_rows_of_one_member_are_done_in_order(people):
    [one] = people(100)
    assert spent(Redemption(one, 60, "a"), Redemption(one, 60, "b"), Redemption(one, 40, "c")) == [
        40, "insufficient_points", 0,
    ]  # fmt: skip
    assert available(one) == 0
    assert reconcile_points().difference_count == 0


def test_a_key_means_the_same_alone_and_in_a_batch(people):
    one, two = people(100, 100)
    account = Account.objects.get(member__customer__number=one)
    # given one redemption alone and one in a batch
    alone = redeem_points(account=one, points=10, key="alone", actor=SYSTEM)
    [first] = redeem_many(redemptions=[Redemption(two, 10, "together", "R")], actor=SYSTEM)
    # when each is repeated the other way, and once with another amount
    [again] = redeem_many(redemptions=[Redemption(one, 10, "alone")], actor=SYSTEM)
    assert again.answer == alone
    assert redeem_points(account=two, points=10, key="together", reference="R", actor=SYSTEM) == first.answer
    assert spent(Redemption(one, 11, "alone"), Redemption(two, 10, "alone")) == ["idempotency_key_reused"] * 2
    assert spent(Redemption(one, 5, "twice"), Redemption(one, 5, "twice"), Redemption(two, 5, "twice")) == [
        85, 85, "idempotency_key_reused",
    ]  # fmt: skip
    account.refresh_from_db()
    assert (account.available, available(two)) == (85, 90)


def test_the_soonest_expiry_is_spent_first_and_expired_lots_are_not(people, program):
    [one] = people(0)
    account = Account.objects.select_related("member__program").get(member__customer__number=one)
    for points, days in ((40, 30), (50, 10), (60, None)):
        adjust_points(account=account, points=points, reason="goodwill", key=str(points), actor=SYSTEM)
        ends = days and timezone.now() + timedelta(days=days)
        Lot.objects.filter(points=points).update(expires_at=ends)
    adjust_points(account=account, points=7, reason="goodwill", key="gone", actor=SYSTEM)
    Lot.objects.filter(points=7).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert spent(Redemption(one, 100, "a")) == [50]
    used = Allocation.objects.filter(entry__kind="redeem").values_list("lot__points", "points")
    assert sorted(used) == [(40, 40), (50, 50), (60, 10)]
    assert spent(Redemption(one, 51, "b")) == ["insufficient_points"]
    assert reconcile_points().difference_count == 0


@pytest.mark.parametrize(("row", "error"), [
    (Redemption("1", 0, "k"), Invalid), (Redemption("1", 2**60, "k"), Invalid),
    (Redemption("1", 1, ""), IdempotencyKeyMissing),
])  # fmt: skip
def test_an_invalid_row_refuses_the_whole_batch(people, row, error):
    [one] = people(100)
    with pytest.raises(error):
        redeem_many(redemptions=[Redemption(one, 10, "good"), row], actor=SYSTEM)
    assert available(one) == 100
    assert not IdempotencyRecord.objects.filter(key="good").exists()


def test_suspended_members_and_too_small_redemptions_are_refused(people, program):
    one, two = people(100, 100)
    program.redeem_minimum = 50
    program.save()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_member SET state = 'suspended', suspended_at = now(), "
                       "suspension_reason = 'fraud' WHERE customer_id = "
                       "(SELECT id FROM crm_customer WHERE number = %s)", [one])  # fmt: skip
    assert spent(Redemption(one, 50, "a"), Redemption(two, 49, "b"), Redemption(two, 50, "c")) == [
        "member_not_active", "below_minimum", 50,
    ]  # fmt: skip


def test_a_batch_of_60_takes_at_most_four_queries(people, django_assert_max_num_queries):
    numbers = people(*[10] * 60)
    with django_assert_max_num_queries(4):
        assert spent(*(Redemption(number, 3, f"k{number}") for number in numbers)) == [7] * 60


@pytest.mark.django_db(transaction=True)
def test_parallel_batches_and_single_redemptions_never_overspend(people):
    """Run twelve threads on the same eight members in different orders, with shared keys.

    There is no deadlock and no overspending.
    """
    numbers = people(*[1_000] * 8)

    def work(thread: int) -> int:
        taken = 0
        for turn in range(6):
            order = numbers[thread % 8 :] + numbers[: thread % 8]
            if thread % 3 == 0:
                order = list(reversed(order))
            if thread % 4 == 3:
                outcomes = [attempt_one(number, f"{thread}-{turn}-{number}") for number in order]
            else:
                outcomes = spent(*(Redemption(number, 23, f"{thread}-{turn}-{number}") for number in order))
            taken += sum(23 for one in outcomes if isinstance(one, int))
        return taken

    def attempt_one(number: str, key: str):
        from core.base.errors import DomainError

        try:
            return redeem_points(account=number, points=23, key=key, actor=SYSTEM)["available"]
        except DomainError as error:
            return error.code

    taken = sum(storm(12, work))
    left = sum(Account.objects.values_list("available", flat=True))
    assert taken + left == 8_000
    assert left == 8 * (1_000 % 23)
    assert reconcile_points().difference_count == 0


def test_a_batch_over_http(api, people):
    one, two = people(100, 5)
    body = {"redemptions": [{"customer": one, "points": 30, "key": "h1", "reference": "SO"},
                            {"customer": two, "points": 30, "key": "h2"}]}  # fmt: skip
    answer = api.post("/api/v1/points/redemptions", body, format="json")
    assert answer.status_code == 200
    body_out = answer.json()
    assert (body_out["done"], body_out["refused"]) == (1, 1)
    assert body_out["results"][0]["redemption"]["available"] == 70
    assert body_out["results"][1]["error"] == {
        "code": "insufficient_points", "detail": "Points available: 5.", "attr": "points",
        "details": {"available": 5, "requested": 30},
    }  # fmt: skip
    wrong = api.post(
        "/api/v1/points/redemptions", {"redemptions": [{"customer": one, "points": 0, "key": "h3"}]}, format="json"
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["attr"]) == (400, "redemptions.0.points")
    assert available(one) == 70
