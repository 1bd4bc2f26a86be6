"""Property test (F15): any sequence of commands leaves the ledger equal to the naive one, by account and lot (L1-L11).

10,000 steps: 200 histories of 50 commands. Time passes by moving the dates of lots and holds into the past.
"""

from __future__ import annotations

import copy
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.base.actor import SYSTEM
from core.base.errors import DomainError
from crm.customers.models import Customer
from crm.orders.models import Order
from loyalty.earning.services.awards import award_points_for_orders
from loyalty.earning.services.refunds import reverse_points_for_orders
from loyalty.ledger.models import Account
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_many
from loyalty.ledger.services.reconciliation import find_differences
from loyalty.ledger.services.redemption import capture_hold, hold_points, redeem_points, release_hold
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots
from loyalty.ledger.services.transfers import merge_members, transfer_points
from loyalty.program.models import ExpiryPolicy, Program
from tests.reference import ledger as reference_ledger

# Commit each step: in one long transaction no dead row could be pruned, and each step would be slower than the last.
pytestmark = pytest.mark.django_db(transaction=True)

MEMBERS = 3
who = st.integers(0, MEMBERS - 1)
few = st.integers(1, 120)
pick = st.integers(0, 10**6)


@pytest.fixture
def shop(program, store):
    Program.objects.filter(pk=program.pk).update(
        return_window_days=7,
        expiry_policy=ExpiryPolicy.ROLLING,
        expiry_count=30,
        reinstatement_days=10,
        transfer_daily_points=10**9,
        transfer_daily_count=10_000,
        auto_enrol=False,
    )
    program.refresh_from_db()
    return program, store


def machine_for(program: Program, store) -> type[RuleBasedStateMachine]:
    class LedgerMachine(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            people = Customer.objects.bulk_create(Customer(name=f"P{n}", source="test") for n in range(MEMBERS))
            with transaction.atomic():
                enrol_many(program=program, customer_ids=[person.pk for person in people], since=[None] * MEMBERS)
            self.accounts = list(
                Account.objects.filter(member__customer__in=people)
                .select_related("member__program", "member__customer")
                .order_by("pk")
            )
            if people[0].pk % (20 * MEMBERS) < MEMBERS:
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            self.paper = reference_ledger.Ledger(debt=dict.fromkeys(range(MEMBERS), 0))
            self.orders: list[Order] = []
            self.holds: list[uuid.UUID] = []

        def both(self, ours, theirs) -> bool:
            """Run a command on both sides. Both refuse alike, and then leave no trace. Return whether it was done."""
            before = copy.deepcopy(self.paper)
            try:
                theirs()
            except reference_ledger.Refused:
                self.paper = before
                with pytest.raises(DomainError):
                    ours()
                return False
            ours()
            return True

        @rule(account=who, amount=st.integers(1, 20_000))
        def earn(self, account: int, amount: int) -> None:
            order = Order.objects.create(
                store=store, source="test", number=uuid.uuid4().hex, customer=self.accounts[account].member.customer,
                state="paid", currency=program.currency, subtotal=amount, total=amount,
                placed_at=timezone.now(), paid_at=timezone.now(),
            )  # fmt: skip
            self.orders.append(order)
            self.paper.earn(account, amount)
            award_points_for_orders(program=program, orders=[order])
            award_points_for_orders(program=program, orders=[order])

        @rule(account=who, points=st.integers(-150, 150).filter(bool))
        def adjust(self, account: int, points: int) -> None:
            key = uuid.uuid4().hex
            self.both(
                lambda: adjust_points(
                    account=self.accounts[account], points=points, reason="goodwill", key=key, actor=SYSTEM
                ),
                lambda: self.paper.adjust(account, points),
            )

        @rule(account=who, points=few, days=st.integers(1, 3))
        def hold(self, account: int, points: int, days: int) -> None:
            answers: list[dict] = []
            if self.both(
                lambda: answers.append(
                    hold_points(
                        account=self.accounts[account], points=points, key=uuid.uuid4().hex, actor=SYSTEM,
                        seconds=days * 86400,
                    )
                ),
                lambda: self.paper.hold(account, points, days),
            ):  # fmt: skip
                self.holds.append(uuid.UUID(answers[0]["hold"]))

        @rule(account=who, points=few, chosen=pick, on_order=st.booleans())
        def redeem(self, account: int, points: int, chosen: int, on_order: bool) -> None:
            mine = [n for n, order in enumerate(self.paper.orders) if order.account == account]
            number = mine[chosen % len(mine)] if on_order and mine else None
            answers: list[dict] = []
            if self.both(
                lambda: answers.append(
                    redeem_points(
                        account=self.accounts[account], points=points, key=uuid.uuid4().hex, actor=SYSTEM,
                        order=None if number is None else self.orders[number],
                    )
                ),
                lambda: self.paper.redeem(account, points, number),
            ):  # fmt: skip
                self.holds.append(uuid.UUID(answers[0]["hold"]))

        @precondition(lambda self: self.holds)
        @rule(chosen=pick, points=few)
        def capture(self, chosen: int, points: int) -> None:
            number = chosen % len(self.holds)
            self.both(
                lambda: capture_hold(
                    program=program, hold=self.holds[number], points=points, key=uuid.uuid4().hex, actor=SYSTEM
                ),
                lambda: self.paper.end(number, "captured", points),
            )

        @precondition(lambda self: self.holds)
        @rule(chosen=pick)
        def release(self, chosen: int) -> None:
            number = chosen % len(self.holds)
            self.both(
                lambda: release_hold(program=program, hold=self.holds[number], key=uuid.uuid4().hex, actor=SYSTEM),
                lambda: self.paper.end(number, "released"),
            )

        @precondition(lambda self: any(order.refunded < order.total for order in self.paper.orders))
        @rule(chosen=pick, share=st.sampled_from([1, 2, 3]))
        def refund(self, chosen: int, share: int) -> None:
            open_ = [n for n, order in enumerate(self.paper.orders) if order.refunded < order.total]
            number = open_[chosen % len(open_)]
            left = self.paper.orders[number].total - self.paper.orders[number].refunded
            amount = -(-left // share)
            order = self.orders[number]
            order.refunded += amount
            order.save(update_fields=["refunded"])
            self.paper.refund(number, amount)
            reverse_points_for_orders(orders=[order])
            reverse_points_for_orders(orders=[order])

        @rule(sender=who, receiver=who, points=few)
        def transfer(self, sender: int, receiver: int, points: int) -> None:
            if sender == receiver or "left" in {self.accounts[n].member.state for n in (sender, receiver)}:
                return
            self.both(
                lambda: transfer_points(
                    sender=self.accounts[sender], receiver=self.accounts[receiver], points=points,
                    key=uuid.uuid4().hex, actor=SYSTEM,
                ),
                lambda: self.paper.transfer(sender, receiver, points),
            )  # fmt: skip

        @rule(source=who, into=who, really=st.integers(0, 5))
        def merge(self, source: int, into: int, really: int) -> None:
            if source == into or really:
                return
            self.paper.merge(source, into)
            merge_members(source=self.accounts[source].member, target=self.accounts[into].member, actor=SYSTEM)
            # The membership continues here, so that the account can be used again.
            self.accounts[source].member.save(update_fields=["state"])
            Order.objects.filter(customer=self.accounts[source].member.customer).update(
                customer=self.accounts[into].member.customer
            )
            for order in self.orders:
                order.refresh_from_db()

        @rule(days=st.integers(1, 12))
        def time_passes(self, days: int) -> None:
            self.paper.day += days
            ids = [account.pk for account in self.accounts]
            with connection.cursor() as cursor:
                cursor.execute(
                    """UPDATE loyalty_lot SET available_from = available_from - make_interval(days => %s),
                              expires_at = expires_at - make_interval(days => %s) WHERE account_id = ANY(%s)""",
                    [days, days, ids],
                )
                cursor.execute(
                    """UPDATE loyalty_hold SET expires_at = expires_at - make_interval(days => %s)
                       WHERE account_id = ANY(%s)""",
                    [days, ids],
                )

        @rule()
        def sweep(self) -> None:
            self.paper.sweep_holds()
            sweep_holds()
            self.paper.settle_all()
            sweep_lots()

        @invariant()
        def the_ledger_equals_the_naive_one(self) -> None:
            if not hasattr(self, "paper"):
                return
            with connection.cursor() as cursor:
                cursor.execute(
                    """SELECT id, available, pending, held, debt,
                              (SELECT coalesce(jsonb_agg(jsonb_build_array(points, remaining, held, expired)
                                                         ORDER BY points, remaining, held, expired), '[]')
                               FROM loyalty_lot WHERE account_id = a.id),
                              (SELECT ARRAY[coalesce(sum(available), 0), coalesce(sum(pending), 0),
                                            coalesce(sum(held), 0), coalesce(sum(debt), 0)]::bigint[]
                               FROM loyalty_entry WHERE account_id = a.id)
                       FROM loyalty_account a WHERE id = ANY(%s) ORDER BY id""",
                    [[account.pk for account in self.accounts]],
                )
                rows = cursor.fetchall()
            for number, (_pk, *figures, lots, entries) in enumerate(rows):
                assert tuple(figures) == self.paper.figures(number), "stored figures"
                assert tuple(entries) == self.paper.figures(number), "the fold of the entries"
                assert [tuple(lot) for lot in _read(lots)] == self.paper.rows(number), "lots"

    return LedgerMachine


def _read(value):
    import json

    return json.loads(value) if isinstance(value, str) else value


def test_any_sequence_of_commands_equals_the_naive_ledger(shop):
    run_state_machine_as_test(
        machine_for(*shop),
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    accounts, differ, shown = find_differences()
    assert (differ, shown) == (0, [])
    assert accounts >= 200 * MEMBERS
