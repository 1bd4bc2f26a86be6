"""Tests of points for happenings: activity, ratings, a complete profile, friends, days in a row."""

from __future__ import annotations

from datetime import timedelta

import pgtrigger
import pytest
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events import bus as events
from core.events.models import DomainEvent, EventDelivery
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.services.customers import update_customer
from crm.desk.events import TICKET_OPENED
from crm.desk.models import Ticket
from crm.desk.services import open_ticket, rate_ticket, rating_token, reply_to_ticket, resolve_ticket
from loyalty.earning.models import Earning, EarningRuleVersion
from loyalty.earning.services.awards import award_points_for_happenings
from loyalty.earning.services.rules import update_rule
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.program.models import Member, Program
from loyalty.triggers import registry as triggers
from loyalty.triggers.registry import TRIGGERS, Happening, Trigger
from tests.loyalty.earning.samples import balance, earned, refund
from tests.threads import at_once

pytestmark = pytest.mark.django_db
REVIEWS = {"trigger": "activity", "event_kind": "review"}
DAY = timedelta(days=1)


def happened(customer, *, kind: str = "review", at=None, number: str = "", **properties) -> None:
    item = ActivityInput(
        sender_id=number or f"{kind}-{timezone.now().timestamp()}",
        kind=kind,
        occurred_at=at or timezone.now(),
        customer_number=customer.number,
        properties=properties,
    )
    record_activity(items=[item], source="shop", actor=SYSTEM)


@pytest.fixture
def old_rules():
    """Return a function that makes rules and members old."""

    def age(days: int = 30) -> None:
        past = timezone.now() - days * DAY
        Member.objects.update(enrolled_at=past)
        # A version is never changed; only this test fixture sets back its time.
        with pgtrigger.ignore("loyalty.EarningRuleVersion:published"):
            EarningRuleVersion.objects.update(published_at=past)

    return age


def test_a_review_earns_once_however_often_it_is_reported(program, member, make_rule, settle):
    make_rule("Review", points=20, per_amount=None, rule=REVIEWS)
    settle()
    before = balance(member.customer)
    happened(member.customer, number="e-1", stars=5)
    happened(member.customer, number="e-1", stars=5)
    happened(member.customer, kind="share", number="e-2")
    settle()
    assert award_points_for_happenings(program=program, customer_ids=[member.customer_id]) == 0
    # then
    assert balance(member.customer)[0] == before[0] + 20
    row = Earning.objects.get(rule__name="Review")
    assert (row.order, row.points, row.reference[:9], row.lot.source) == (None, 20, "activity:", "activity")
    entry = Entry.objects.get(pk=row.lot.entry_id)
    assert (entry.kind, entry.reference, entry.order_id) == ("earn", row.reference, None)
    [event] = DomainEvent.objects.filter(kind="loyalty.points_earned")
    assert (event.payload["points"], event.payload["reference"]) == (20, "Review")
    assert reconcile_points().difference_count == 0


def test_only_activity_with_the_property_earns(member, make_rule, settle):
    make_rule(
        "Five stars", points=10, per_amount=None, rule=REVIEWS,
        conditions=[{"kind": "property", "name": "stars", "equals": "5"}],
    )  # fmt: skip
    make_rule(
        "With a picture", points=30, per_amount=None, rule=REVIEWS,
        conditions=[{"kind": "property", "name": "picture", "equals": "true"}],
    )  # fmt: skip
    settle()
    for number, properties in enumerate(
        ({"stars": 5}, {"stars": 4, "picture": True}, {"stars": "5", "picture": True}, {})
    ):
        happened(member.customer, number=f"e-{number}", **properties)
    settle()
    points = Earning.objects.order_by("occurred_at", "pk").values_list("rule__name", "points")
    assert list(points) == [
        ("Five stars", 10), ("With a picture", 30), ("Five stars", 10), ("With a picture", 30),
    ]  # fmt: skip


def test_rules_for_one_happening_stack_like_rules_for_an_order(member, make_rule, settle):
    make_rule("Review", points=20, per_amount=None, rule=REVIEWS)
    make_rule("Best", points=15, per_amount=None, stacking="best", rule=REVIEWS)
    make_rule("Double", stacking="multiply", factor="2", rule=REVIEWS)
    settle()
    happened(member.customer)
    settle()
    assert earned(reference__startswith="activity:") == {"Review": 20, "Best": 15, "Double": 35}


def test_activity_before_the_membership_or_the_rule_earns_nothing(program, make_customer, make_rule, settle):
    # given a review before the rule, one before the membership, one after both
    customer = make_customer()
    happened(customer, at=timezone.now() - 2 * DAY, number="e-1")
    make_rule("Review", points=20, per_amount=None, rule=REVIEWS)
    happened(customer, number="e-2")
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    Member.objects.update(enrolled_at=timezone.now())
    settle()
    assert earned() == {}
    happened(customer, number="e-3", at=timezone.now() + timedelta(seconds=1))
    settle()
    assert earned() == {"Review": 20}


def test_no_delivery_is_queued_while_no_rule_needs_it(member, make_rule, settle):
    def queued() -> int:
        return EventDelivery.objects.filter(handler="loyalty.award_happenings").count()

    happened(member.customer, number="e-1")
    assert queued() == 0
    rule = make_rule("Review", points=20, per_amount=None, rule=REVIEWS)
    happened(member.customer, number="e-2")
    assert queued() == 1
    settle()
    update_rule(rule=rule, actor=SYSTEM, active=False)
    happened(member.customer, number="e-3")
    assert queued() == 0


def test_a_rated_ticket_and_a_complete_profile_earn_points(member, make_rule, settle):
    make_rule("Rating", points=5, per_amount=None, rule={"trigger": "rating"})
    make_rule("Profile", points=100, per_amount=None, rule={"trigger": "profile"})
    settle()
    customer = member.customer
    ticket = open_ticket(customer=customer, subject="Hi", text="Hello", actor=SYSTEM)
    reply_to_ticket(ticket=ticket, text="Yes", actor=SYSTEM)
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    ticket.refresh_from_db()
    rate_ticket(token=rating_token(ticket), score=5, actor=SYSTEM)
    settle()
    assert earned() == {"Rating": 5}
    update_customer(customer=customer, changes={"birthday": "1990-02-03", "gender": "female"}, actor=SYSTEM)
    settle()
    assert earned() == {"Rating": 5}, "no verified phone or e-mail yet"
    from crm.customers.services.identities import GivenIdentity, resolve_customer

    resolve_customer(
        [GivenIdentity("storefront", "sf-1"), GivenIdentity("phone", "13800138000", True)],
        actor=SYSTEM, source="test", country="CN",
    )  # fmt: skip
    settle()
    update_customer(customer=customer, changes={"name": "Anna B"}, actor=SYSTEM)
    settle()
    assert earned() == {"Rating": 5, "Profile": 100}
    assert Earning.objects.filter(rule__name="Profile").count() == 1


def test_a_friends_first_order_earns_points_for_the_referrer(
    program, member, make_customer, make_order, make_rule, settle
):
    # given a return window of 7 days and 50 points for a friend
    Program.objects.update(return_window_days=7)
    make_rule("Friend", points=50, per_amount=None, rule={"trigger": "referral"})
    friend = make_customer()
    joined = enrol_member(customer=friend, program=program, actor=SYSTEM, referrer=member)
    assert joined.referred_by_id == member.pk
    settle()
    before = balance(member.customer)
    # when
    first = make_order(friend, 80_00, paid_at=timezone.now() + timedelta(seconds=1))
    make_order(friend, 20_00, paid_at=timezone.now() + timedelta(seconds=2))
    settle()
    # then it belongs to the referrer, once, pending, and does not name the friend's order
    row = Earning.objects.get(rule__name="Friend")
    assert (row.member_id, row.points, row.order_id, row.reference) == (
        member.pk,
        50,
        first.pk,
        f"referral:{joined.pk}",
    )
    assert balance(member.customer) == (before[0], before[1] + 50, 0)
    assert Entry.objects.filter(account__member=member, order__isnull=False).count() == 0
    # a partial refund takes nothing back; a full refund takes all
    refund(first, 79_00, number="R1")
    settle()
    assert balance(member.customer) == (before[0], before[1] + 50, 0)
    refund(first, 1_00, number="R2")
    settle()
    assert balance(member.customer) == before
    assert Lot.objects.get(pk=row.lot_id).remaining == 0
    entry = Entry.objects.filter(account__member=member).latest("pk")
    assert (entry.kind, entry.order_id, entry.reference) == ("clawback", None, f"referral:{joined.pk}")
    assert reconcile_points().difference_count == 0


def test_a_referral_is_set_once_and_never_to_oneself(program, member, make_customer, make_member):
    other, friend = make_member(0), make_customer()
    with pytest.raises(Invalid) as refused:
        enrol_member(customer=member.customer, program=program, actor=SYSTEM, referrer=member)
    assert refused.value.code == "invalid_referrer"
    first = enrol_member(customer=friend, program=program, actor=SYSTEM, referrer=member)
    again = enrol_member(customer=friend, program=program, actor=SYSTEM, referrer=other)
    assert (first.referred_by_id, again.referred_by_id) == (member.pk, member.pk)


def test_a_customer_who_bought_before_is_no_new_friend(
    program, member, make_customer, make_order, make_rule, only, settle
):
    make_rule("Friend", points=50, per_amount=None, rule={"trigger": "referral"})
    Program.objects.update(auto_enrol=False)
    friend = make_customer()
    make_order(friend, 10_00, days_ago=3)
    enrol_member(customer=friend, program=program, actor=SYSTEM, referrer=member)
    make_order(friend, 10_00)
    settle()
    assert earned() == {}


def test_days_in_a_row_earn_points_and_begin_again(program, member, make_rule, old_rules, settle):
    make_rule("Check-in", points=1, per_amount=None, rule={"trigger": "activity", "event_kind": "check_in"})
    make_rule(
        "Three in a row", points=10, per_amount=None, streak_days=3,
        rule={"trigger": "activity", "event_kind": "check_in"},
    )  # fmt: skip
    old_rules()
    settle()
    now = timezone.now()
    # when checked in 8, 7, 6, 5 days ago, twice 5 days ago, not 4 days ago, then 3 and 2 days ago
    for number, days in enumerate((8, 7, 6, 5, 5, 3, 2)):
        happened(member.customer, kind="check_in", number=f"c-{number}", at=now - days * DAY)
    settle()
    assert Earning.objects.filter(rule__name="Check-in").count() == 7
    [row] = Earning.objects.filter(rule__name="Three in a row")
    assert (now - row.occurred_at).days == 6
    assert row.reference.startswith(f"streak:{member.pk}:")
    # and the third day completes the second row, once
    happened(member.customer, kind="check_in", number="c-9", at=now - DAY)
    settle()
    award_points_for_happenings(program=program, customer_ids=[member.customer_id])
    rows = Earning.objects.filter(rule__name="Three in a row").order_by("occurred_at")
    assert [(now - row.occurred_at).days for row in rows] == [6, 1]
    # a late event does not make a row out of days that already counted
    happened(member.customer, kind="check_in", number="c-10", at=now - 4 * DAY)
    settle()
    assert Earning.objects.filter(rule__name="Three in a row").count() == 2


@pytest.mark.django_db(transaction=True)
def test_one_happening_earns_once_from_many_threads(program, make_member, make_rule):
    make_rule("Review", points=20, per_amount=None, rule=REVIEWS)
    make_rule(
        "Five a day",
        points=30,
        per_amount=None,
        rule=REVIEWS,
        caps=[{"period": "day", "scope": "member", "points": 50}],
    )
    people = [make_member(0) for _ in range(3)]
    for number in range(9):
        happened(people[number % 3].customer, number=f"e-{number}")
    ids = [one.customer_id for one in people]
    answers = at_once([lambda: award_points_for_happenings(program=program, customer_ids=ids)] * 8)
    assert sorted(answers) == [0] * 7 + [9 * 20 + 3 * 50]
    assert [balance(one.customer)[0] for one in people] == [110, 110, 110]
    assert reconcile_points().difference_count == 0


def test_a_trigger_of_another_app_earns_points_through_its_event(program, member, make_rule, settle, monkeypatch):
    """Register a trigger as another app would, with one event for it.

    When the event arrives, the rule's points are given.
    """

    def opened(customers, since, kind):
        for ticket in Ticket.objects.filter(customer__in=customers, created_at__gte=since):
            yield Happening(ticket.customer_id, f"opened:{ticket.pk}", ticket.created_at)

    monkeypatch.setitem(TRIGGERS._items, "opened", Trigger("Tickets", happened=opened))
    monkeypatch.setitem(triggers._subscriptions, TICKET_OPENED.kind, [])
    monkeypatch.setitem(events._handlers_of, TICKET_OPENED.kind, list(events._handlers_of[TICKET_OPENED.kind]))
    triggers.hear(TICKET_OPENED, "opened")
    make_rule("Speaks up", points=15, per_amount=None, rule={"trigger": "opened"})
    settle()
    before = balance(member.customer)[0]
    open_ticket(customer=member.customer, subject="Hello", text="A thought", actor=SYSTEM)
    settle()
    assert balance(member.customer)[0] == before + 15
    assert Earning.objects.get(rule__name="Speaks up").reference.startswith("opened:")
