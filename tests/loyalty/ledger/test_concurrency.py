"""Tests of the ledger with real threads (F7, F8, F9): never below zero, one final state, one effect per key."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import Sum
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import DomainError
from loyalty.ledger.models import Account, Entry, Hold
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import capture_hold, hold_points, redeem_points, release_hold
from loyalty.ledger.services.sweeps import sweep_holds
from tests.threads import storm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(program, make_customer) -> Callable[[int], Account]:
    def make(points: int) -> Account:
        member = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
        account = Account.objects.select_related("member__program").get(member=member)
        adjust_points(account=account, points=points, reason="goodwill", key=uuid.uuid4().hex, actor=SYSTEM)
        return account

    return make


def attempt(command: Callable[[], object]) -> str:
    try:
        command()
    except DomainError as error:
        return error.code
    return "done"


def test_500_redemptions_of_7_from_a_balance_of_100_leave_exactly_2(member):
    account, outcomes = member(100), Counter()

    def work(number: int) -> None:
        for turn in range(500 // 20):
            key = f"{number}-{turn}"
            outcomes[attempt(lambda key=key: redeem_points(account=account, points=7, key=key, actor=SYSTEM))] += 1

    storm(20, work)
    account.refresh_from_db()
    assert outcomes == {"done": 14, "insufficient_points": 486}
    assert (account.available, account.held) == (2, 0)
    assert Entry.objects.filter(account=account, kind="redeem").count() == 14
    assert reconcile_points().difference_count == 0


def test_a_thousand_redemptions_of_more_than_the_balance_from_16_threads(member):
    """Random amounts add up to several times the balance. Points given out equal points gone, never below zero."""
    accounts = [member(5_000) for _ in range(3)]
    spent, lock = Counter(), threading.Lock()

    def work(number: int) -> None:
        dice = random.Random(number)
        for turn in range(63):
            account, points = dice.choice(accounts), dice.randint(1, 150)
            key = f"{number}-{turn}"
            command = partial(redeem_points, account=account, points=points, key=key, actor=SYSTEM)
            outcome, again = attempt(command), attempt(command)
            assert outcome in {"done", "insufficient_points"}
            if outcome == "done":
                assert again == "done", "the repeat gives the first answer"
                with lock:
                    spent[account.pk] += points
            elif again == "done":
                raise AssertionError("nothing was added in the meantime, so a refusal stays a refusal")

    storm(16, work)
    for account in accounts:
        account.refresh_from_db()
        assert account.available == 5_000 - spent[account.pk]
        assert 0 <= account.available < 150
    assert reconcile_points().difference_count == 0


def test_one_key_100_times_in_parallel_has_one_effect_and_one_answer(member):
    account, answers = member(1_000), []
    storm(20, lambda number: answers.extend(
        str(redeem_points(account=account, points=10, key="same", actor=SYSTEM)) for _ in range(5)
    ))  # fmt: skip
    account.refresh_from_db()
    assert (len(answers), len(set(answers)), account.available) == (100, 1, 990)


def test_capture_release_and_sweeper_end_each_of_10_000_holds_once(member, program):
    accounts, trials = [member(100_000) for _ in range(4)], 10_000

    def place(number: int) -> list[uuid.UUID]:
        return [
            uuid.UUID(hold_points(account=accounts[number], points=3, key=f"h{number}-{n}", actor=SYSTEM)["hold"])
            for n in range(trials // 4)
        ]

    holds = [hold for some in zip(*storm(4, place), strict=True) for hold in some]
    done = threading.Event()

    def work(number: int) -> Counter[str]:
        ended: Counter[str] = Counter()
        if number == 0:
            while not done.is_set():
                sweep_holds()
            return ended
        try:
            took = 0.0
            for hold in holds[number - 1 :: 3]:
                # The deadline is about now, plus or minus the duration of a trial, so that every order of events
                # occurs.
                began = time.perf_counter()
                ahead = random.uniform(-0.0005, max(0.0025, took))
                Hold.objects.filter(pk=hold).update(expires_at=timezone.now() + timedelta(seconds=ahead))
                commands = [(capture_hold, "captured"), (release_hold, "released")]
                for command, name in commands if number % 2 else reversed(commands):
                    key = f"{name}-{number}-{hold}"
                    answer = attempt(partial(command, program=program, hold=hold, key=key, actor=SYSTEM))
                    ended[name] += answer == "done"
                took += (time.perf_counter() - began - took) / 10
            return ended
        finally:
            done.set()

    ended = sum(storm(4, work), Counter())
    Hold.objects.filter(state="held").update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep_holds()
    states = Counter(Hold.objects.values_list("state", flat=True))
    assert sum(states.values()) == trials
    assert states["held"] == 0
    assert (states["captured"], states["released"]) == (ended["captured"], ended["released"])
    assert min(states["captured"], states["released"], states["expired"]) > trials // 50, "each of them won sometimes"
    left = Account.objects.aggregate(available=Sum("available"), held=Sum("held"))
    assert left == {"available": 400_000 - 3 * states["captured"], "held": 0}
    assert reconcile_points().difference_count == 0
