"""Test the effect of a campaign compared with its holdout, with figures computed by hand (X2, X3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.care.services.care import create_care_rule
from campaigns.experiments.console.holdout_words import sentences
from campaigns.experiments.selectors.holdouts import compare
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.customers.models import Consent, Customer
from crm.orders.models import Order
from tests.campaigns.conftest import policy
from tests.segments import put_in

pytestmark = pytest.mark.django_db
DAYS = 7


@pytest.fixture
def template(store, memory):
    return save_template(name="News", channel="memory", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def meant(template, store, now):
    """Create that many customers with a message of broadcast 1 that was planned and made ten days ago."""
    made = 0

    def make(count: int, *, held: bool, days_ago: float = 10, occurrence: str = "once", **fields) -> list[Customer]:
        nonlocal made
        people = Customer.objects.bulk_create(
            Customer(name="P", number=f"H{made + n}", source="test") for n in range(count)
        )
        made += count
        at = now - timedelta(days=days_ago)
        state = {"state": "suppressed", "reason": "holdout"} if held else {"state": "sent", "sent_at": at}
        values = {"wanted_at": at, "due_at": at, "created_at": at, "occurrence": occurrence, **state, **fields}
        Message.objects.bulk_create(
            Message(
                customer=person, channel="memory", message_class="marketing", origin="broadcast:1", template=template,
                template_version=1, **values,
            )
            for person in people
        )  # fmt: skip
        return people

    return make


def buy(store, people: Sequence[Customer], at, amount: int = 50_00, **fields) -> None:
    Order.objects.bulk_create(
        Order(
            store=store, source="test", number=f"{person.number}-{at.timestamp()}", customer=person, currency="CNY",
            state="paid", subtotal=amount, total=amount, placed_at=at, paid_at=at, **fields,
        )
        for person in people
    )  # fmt: skip


def withdraw(people: Sequence[Customer], at) -> None:
    Consent.objects.bulk_create(
        Consent(
            customer=person, channel="memory", purpose="marketing", decision="withdrawn", source="test", given_at=at,
            actor="system",
        )
        for person in people
    )  # fmt: skip


def test_the_difference_of_400_assigned_and_100_held_out_has_its_interval(store, meant, now):
    """80 of 400 ordered for 50.00 and 8 withdrew; 10 of 100 ordered and none withdrew (X3).

    Variance of one: 400·0.2·0.8/399 and 100·0.1·0.9/99; half of the interval 1.959964·sqrt(0.160401/400 + 0.090909/100)
    = 0.070941. With so few withdrawals the interval is Newcombe's, and Fisher's exact p-value of 0.37 allows no
    conclusion.
    """
    assigned, held = meant(400, held=False), meant(100, held=True)
    buy(store, assigned[:80], now - timedelta(days=8))
    buy(store, held[:10], now - timedelta(days=8))
    withdraw(assigned[:8], now - timedelta(days=9))
    found = compare("broadcast:1", days=DAYS, now=now, goes_on=True)
    assert (found.assigned.counted, found.held_out.counted, found.waiting) == (400, 100, 0)
    assert {metric: one.total for metric, one in found.assigned.outcomes.items()} == {
        "ordered": 80, "revenue": 4000_00, "left": 8,
    }  # fmt: skip
    assert {metric: one.total for metric, one in found.held_out.outcomes.items()} == {
        "ordered": 10, "revenue": 500_00, "left": 0,
    }  # fmt: skip
    ordered, revenue, left = (found.effects[name] for name in ("ordered", "revenue", "left"))
    assert [round(value, 5) for value in (ordered.difference, ordered.low, ordered.high)] == [0.1, 0.02906, 0.17094]
    assert [round(value, 1) for value in (revenue.difference, revenue.low, revenue.high)] == [500, 145.3, 854.7]
    assert [round(value, 4) for value in (left.difference, left.low, left.high)] == [
        0.02, -0.0183, 0.039,
    ]  # fmt: skip
    with translation.override("en"):
        assert sentences(found) == [
            "Per 100 intended recipients, 2.9 to 17.1 more ordered than without it.",
            "Each of them spent ¥1.45 to ¥8.55 more.",
        ]


def test_assigned_customers_count_with_any_outcome_within_the_window(store, meant, now):
    """Suppressed and failed messages stay in the group; a due time after quiet hours changes no window (X2)."""
    ours = meant(2, held=False, days_ago=10)
    meant(1, held=False, days_ago=10, state="suppressed", reason="no_consent", sent_at=None)
    late = meant(1, held=False, days_ago=10, due_at=now - timedelta(days=2))
    out = meant(2, held=True, days_ago=10)
    meant(1, held=False, days_ago=6)
    meant(1, held=True, days_ago=6)
    # customers of the shop's global holdout are in neither group, nor are those from before this campaign's holdout
    meant(5, held=True, days_ago=10, context={"held": "everything"})
    early = meant(3, held=False, days_ago=30)
    buy(store, early, now - timedelta(days=29))
    # a second message of the same campaign changes no group
    Message.objects.create(
        customer=out[0], channel="memory", message_class="marketing", origin="broadcast:1", occurrence="again",
        template=Message.objects.first().template, template_version=1, state="sent", sent_at=now,
    )  # fmt: skip
    buy(store, ours[:1], now - timedelta(days=11))
    buy(store, ours[:1], now - timedelta(days=2))
    buy(store, ours[1:], now - timedelta(days=4), 80_00, refunded=30_00)
    buy(store, late, now - timedelta(days=1))
    buy(store, out[:1], now - timedelta(days=9), 20_00)
    buy(store, out[:1], now - timedelta(days=5), 10_00)
    withdraw(out[1:], now - timedelta(days=2))
    found = compare("broadcast:1", days=DAYS, now=now, goes_on=True)
    assert (found.assigned.counted, found.held_out.counted) == (4, 2)
    assert (found.assigned.waiting, found.held_out.waiting) == (1, 1)
    figures = {metric: (one.total, one.squares) for metric, one in found.assigned.outcomes.items()}
    assert figures == {"ordered": (1, 1), "revenue": (50_00, 50_00**2), "left": (0, 0)}
    figures = {metric: (one.total, one.squares) for metric, one in found.held_out.outcomes.items()}
    assert figures == {"ordered": (1, 1), "revenue": (30_00, 30_00**2), "left": (0, 0)}
    assert found.effects == {"ordered": None, "revenue": None, "left": None}
    with translation.override("en"):
        assert sentences(found) == [
            "Not enough data: the smaller group has 2 customers whose measurement window is over, and it needs 100."
        ]


def test_customers_after_the_last_holdout_do_not_count(meant, now):
    meant(3, held=False, days_ago=20)
    meant(1, held=True, days_ago=20)
    meant(4, held=False, days_ago=10)
    assert compare("broadcast:1", days=DAYS, now=now, goes_on=False).assigned.counted == 3
    assert compare("broadcast:1", days=DAYS, now=now, goes_on=True).assigned.counted == 7


def test_without_a_difference_it_says_that_data_are_too_few(store, meant, now):
    """30 of 200 and 15 of 100: the interval of ±8.6 of a hundred contains 0."""
    buy(store, meant(200, held=False)[:30], now - timedelta(days=8))
    buy(store, meant(100, held=True)[:15], now - timedelta(days=8))
    found = compare("broadcast:1", days=DAYS, now=now, goes_on=True)
    with translation.override("en"):
        assert sentences(found) == [
            "Not enough data: per 100 intended recipients, the effect is between 8.6 fewer and 8.6 more who ordered."
        ]


def test_fewer_orders_are_reported_as_fewer(store, meant, now):
    buy(store, meant(400, held=False)[:40], now - timedelta(days=8), 0)
    buy(store, meant(100, held=True)[:30], now - timedelta(days=8), 0)
    found = compare("broadcast:1", days=DAYS, now=now, goes_on=True)
    with translation.override("en"):
        assert sentences(found) == ["Per 100 intended recipients, 10.5 to 29.5 fewer ordered than without it."]


def test_without_held_out_customers_there_is_no_comparison(meant, now):
    meant(3, held=False)
    assert compare("broadcast:1", days=DAYS, now=now, goes_on=True) is None
    assert compare("broadcast:2", days=DAYS, now=now, goes_on=True) is None


def test_quiet_hours_do_not_change_the_planned_time_of_messages(template, make_customer, open_policy):
    """Later changes of `due_at` (here quiet hours) leave `wanted_at` as it was, for both groups alike."""
    segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    for number in range(40):
        customer = make_customer(email=f"h{number}@example.com")
        put_in(segment, customer)
        Consent.objects.create(
            customer=customer, channel="memory", purpose="marketing", decision="granted", source="test",
            given_at=timezone.now(),
        )  # fmt: skip
    broadcast = create_broadcast(name="B", segment=segment, template=template, holdout_percent=50, actor=SYSTEM)
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    run_broadcasts()
    meant_for = Message.objects.values_list("wanted_at", flat=True)
    assert len(meant_for) == 40
    assert len(set(meant_for)) == 1
    here = timezone.now().astimezone(ZoneInfo("Asia/Shanghai"))
    around = {"quiet_from": (here - timedelta(hours=1)).time(), "quiet_until": (here + timedelta(hours=1)).time()}
    policy(**around, spread_minutes=0)
    assert send_due() == Message.objects.filter(state="held").count() > 0
    assert all(due > meant for due, meant in Message.objects.filter(state="held").values_list("due_at", "wanted_at"))
    assert set(Message.objects.values_list("wanted_at", flat=True)) == set(meant_for)


@pytest.fixture
def rule(template):
    return create_care_rule(name="Come back", trigger="no_order", days=60, template=template, actor=SYSTEM)


@pytest.fixture
def page_of(client, staff):
    def read(role: Role, name: str, pk: int) -> str:
        client.force_login(staff(role))
        return " ".join(client.get(reverse(name, args=[pk])).content.decode().split())

    return read


def test_the_page_shows_both_groups_and_the_sentence(page_of, store, meant, now, rule):
    assigned, held = meant(400, held=False), meant(100, held=True)
    Message.objects.update(origin=f"care:{rule.pk}")
    buy(store, assigned[:80], now - timedelta(days=8))
    buy(store, held[:10], now - timedelta(days=8))
    page = page_of(Role.MARKETER, "care_results", rule.pk)
    assert "Per 100 intended recipients, 2.9 to 17.1 more ordered than without it." in page
    assert "20%" in page
    # A shop with one currency needs no column for it.
    assert "Net revenue" in page
    assert "<th>Currency</th>" not in page
    assert "+10 pp" in page
    assert "+2.91 to +17.09 pp" in page
    assert "+¥5.00" in page


def test_without_a_holdout_the_page_says_how_to_set_one(page_of, meant, rule, template):
    meant(3, held=False)
    Message.objects.update(origin=f"care:{rule.pk}")
    page = page_of(Role.MARKETER, "care_results", rule.pk)
    assert "No holdout" in page
    assert reverse("care_edit", args=[rule.pk]) in page
    assert reverse("care_edit", args=[rule.pk]) not in page_of(Role.ANALYST, "care_results", rule.pk)
    segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    broadcast = create_broadcast(name="B", segment=segment, template=template, actor=SYSTEM)
    Message.objects.update(origin=broadcast.origin)
    Broadcast.objects.update(state="done", starts_at=timezone.now(), template_version=1)
    page = page_of(Role.MARKETER, "broadcast_results", broadcast.pk)
    assert "before the next broadcast starts" in page
    assert reverse("broadcast_edit", args=[broadcast.pk]) not in page


def test_until_the_first_window_is_over_the_page_says_when_customers_count(page_of, meant, rule):
    meant(3, held=False, days_ago=1)
    meant(2, held=True, days_ago=1)
    Message.objects.update(origin=f"care:{rule.pk}")
    page = page_of(Role.MARKETER, "care_results", rule.pk)
    assert "Customers are counted when their measurement window is over." in page
    assert "The measurement window of 5 customers is not over yet." in page
