"""Each figure of a home page opens the rows that it counted: the list behind the link has as many."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from analytics.features import events as features_events
from analytics.features.models import CustomerFeature
from analytics.segments.models import Segment, SegmentDay, SegmentMembership
from analytics.segments.services.lists import add_to_list, create_list, remove_from_list
from analytics.segments.services.segments import create_segment
from campaigns.coupons.models import CouponUse
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.coupons import create_coupon
from campaigns.messages.models import DomainDay, Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.zones import shop_day, shop_midnight
from core.console import kept
from core.events.bus import emit
from core.events.models import DomainEvent
from core.jobs.models import Job
from core.jobs.services import create_job, fail_job
from core.security.api_keys import create_api_key
from core.security.models import ApiKey
from core.security.roles import Role
from crm.customers.models import Customer
from crm.desk.models import TicketRating
from crm.desk.services import assign_ticket, open_ticket
from crm.imports.models import ImportRun
from crm.orders.models import Order
from loyalty.ledger.models import Entry
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.members.selectors import members_periods
from loyalty.rewards.services.codes import upload_reward_codes
from loyalty.rewards.services.rewards import create_reward
from loyalty.tiers import events as tier_events

pytestmark = pytest.mark.django_db
REASONED = {"held", "suppressed"}
RULE = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}


@pytest.fixture
def now():
    return timezone.now()


class Home:
    """A home page of one person, and the lists behind its figures."""

    def __init__(self, client, name: str) -> None:
        self.client = client
        self.page = client.get("/", {"home": name}).content.decode()

    def figure(self, label: str) -> tuple[str, str]:
        """Return the address and the value of a figure."""
        pattern = rf'stat-label">{re.escape(html.escape(label))}</p>\s*<p class="stat-value"><a href="([^"]+)">([^<]+)<'
        found = re.search(pattern, self.page)
        assert found, label
        return html.unescape(found[1]), html.unescape(found[2])

    def rows(self, url: str) -> list:
        response = self.client.get(url)
        assert response.status_code == 200
        page = response.context["page"]
        assert page.next is None
        return list(page.items)

    def opened(self, label: str) -> tuple[str, list]:
        """Return the value of a figure and the rows that its link opens."""
        url, value = self.figure(label)
        return value, self.rows(url)


@pytest.fixture
def home(client, staff):
    """Return home(name, role), which counts the kept figures and opens the page."""

    def load(name: str, role: Role = Role.ADMINISTRATOR) -> Home:
        assert kept.keep() == []
        client.force_login(staff(role))
        return Home(client, name)

    return load


def test_members_who_bought_and_bought_again(home, program, make_customer, make_order):
    # given one who bought once, one twice, one who had bought before, one who bought long ago, and others
    once, twice, back, past, none = (make_customer() for _ in range(5))
    for member in (once, twice, back, past, none):
        enrol_member(customer=member, program=program, actor=SYSTEM)
    make_order(once, 100_00, days_ago=1)
    make_order(twice, 50_00, days_ago=2)
    make_order(twice, 50_00, days_ago=3)
    make_order(back, 30_00, days_ago=4)
    make_order(back, 20_00, days_ago=40)
    make_order(past, 20_00, days_ago=40)
    make_order(make_customer(), 70_00, days_ago=1)
    make_order(None, 999_00, days_ago=1)
    page = home("marketer")
    # then the customers behind the figures are those that were counted
    figures = members_periods()["now"]
    value, buyers = page.opened("Members who bought")
    assert (value, set(buyers), len(buyers)) == ("3", {once, twice, back}, figures["buyers"])
    value, repeat = page.opened("Repeat rate")
    assert (value, set(repeat), len(repeat)) == ("66.7%", {twice, back}, figures["repeat"])
    # and so are the orders
    for label, shown in (("Orders", "4"), ("Net revenue", "¥230.00")):
        value, orders = page.opened(label)
        assert (value, len(orders), sum(order.total for order in orders)) == (shown, figures["orders"], figures["net"])


def test_stages_buyers_and_repeat_buyers(home, store, make_customer, now):
    # given customers of several stages, one of them not computed yet
    for stage, orders in (("active", 2), ("new", 1), ("won_back", 4), ("at_risk", 3), ("prospect", 0)):
        CustomerFeature.objects.update_or_create(
            customer=make_customer(), defaults={"stage": stage, "order_count": orders, "as_of": now}
        )
    fresh = make_customer()
    CustomerFeature.objects.filter(customer=fresh).delete()
    page = home("analyst")
    # then each figure opens as many customers as it counted
    for label, count in (("Customers", 6), ("Active customers", 3), ("Buyers", 4)):
        value, rows = page.opened(label)
        assert (label, value, len(rows)) == (label, str(count), count)
    value, rows = page.opened("Repeat rate")
    assert (value, len(rows)) == ("75.0%", 3)
    assert "3 ordered more than once" in page.page
    # and so does each part of the bar, on both home pages
    for name in ("analyst", "marketer"):
        bar = Home(page.client, name).page
        parts = re.findall(r'<a href="(/customers/\?stage=\w+)">\s*<span[^>]+></span>[^<]+<strong>(\d+)</strong>', bar)
        assert [(count, len(page.rows(url))) for url, count in parts] == [
            ("1", 1), ("1", 1), ("1", 1), ("1", 1), ("0", 0), ("0", 0),
        ]  # fmt: skip


def test_customers_who_came_to_a_stage_or_moved_a_tier(home, program, make_customer, now):
    # given two customers at risk now and one before; one of the two came there twice; and moves between tiers
    twice, once, old, merged = (make_customer() for _ in range(4))
    for customer in (twice, twice, once, old, merged):
        emit(
            features_events.STAGE_CHANGED,
            subject_id=customer.pk,
            payload={"from": "active", "to": "at_risk"},
            actor=SYSTEM,
        )
    emit(features_events.STAGE_CHANGED, subject_id=twice.pk, payload={"from": "at_risk", "to": "lapsed"}, actor=SYSTEM)
    for customer, up in ((twice, True), (twice, True), (once, False), (old, True)):
        emit(tier_events.TIER_CHANGED, subject_id=customer.pk, payload={"up": up}, actor=SYSTEM)
    DomainEvent.objects.filter(subject_id=old.pk).update(recorded_at=now - timedelta(days=8))
    Customer.objects.filter(pk=merged.pk).update(state="merged", merged_into=once)
    page = home("marketer")
    value, rows = page.opened("Became “At risk” in 7 days")
    assert (value, set(rows)) == ("2", {twice, once})
    value, rows = page.opened("Members up a tier in 7 days")
    assert (value, rows) == ("1", [twice])


def test_points_earned_are_those_of_the_members_behind_them(home, program, make_customer, make_order, settle):
    for _place in range(2):
        customer = make_customer()
        enrol_member(customer=customer, program=program, actor=SYSTEM)
        make_order(customer, 100_00)
    enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    settle()
    value, rows = home("marketer").opened("Points earned in 7 days")
    earned = Entry.objects.filter(kind="earn", account__member__customer__in=rows, account__point_type__spendable=True)
    assert len(rows) == 2
    assert earned.aggregate(points=Sum("available") + Sum("pending"))["points"] == int(value.replace(",", "")) > 0


def test_customers_and_revenue(home, store, make_customer, make_order, now):
    # given new and older customers, orders of this and of another time, one fully returned
    make_customer()
    old = make_customer()
    Customer.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=9))
    make_order(old, 100_00, days_ago=0)
    make_order(old, 50_00, days_ago=20)
    make_order(old, 70_00, days_ago=31)
    returned = make_order(old, 60_00, days_ago=2)
    Order.objects.filter(pk=returned.pk).update(refunded=60_00)
    page = home("marketer")
    value, rows = page.opened("New customers in 7 days")
    assert (value, len(rows)) == ("1", 1)
    value, rows = page.opened("Revenue in 30 days")
    assert (value, sum(row.total - row.refunded for row in rows), len(rows)) == ("¥150.00", 150_00, 2)
    for name in ("analyst", "administrator"):
        panel = Home(page.client, name)
        for label, shown in (("Net revenue", "¥150.00"), ("Orders", "2"), ("Average order", "¥75.00")):
            value, rows = panel.opened(label)
            assert (value, len(rows), sum(row.total for row in rows)) == (shown, 2, 150_00)


def test_orders_after_a_click_in_this_month(home, store, make_customer, now):
    # given a clicked and an unclicked message, and an order of each customer now and before this month
    template = save_template(name="News", channel="email", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    first = shop_midnight(shop_day(now).replace(day=1))
    for place, clicked in enumerate((now - timedelta(minutes=5), None)):
        customer = make_customer()
        Message.objects.create(
            customer=customer, channel="email", message_class="marketing", template=template, template_version=1,
            state="sent", occurrence=str(place), origin="journey:1", clicked_at=clicked,
            sent_at=now - timedelta(minutes=9),
        )  # fmt: skip
        for at in (max(now - timedelta(minutes=1), first), first - timedelta(days=3)):
            Order.objects.create(
                store=store, source="test", number=f"{place}-{at.timestamp()}", customer=customer, currency="CNY",
                state="paid", subtotal=100_00, total=100_00, placed_at=at, paid_at=at,
            )  # fmt: skip
    value, rows = home("marketer").opened("Bought after a click")
    assert (value, len(rows), rows[0].total) == ("¥100.00", 1, 100_00)


def test_messages_and_coupons(home, store, make_customer, now):
    # given messages in each state, and two uses of a coupon, one of them long ago
    template = save_template(name="News", channel="email", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)
    customer = make_customer()
    states = ("sent", "sent", "failed", "uncertain", "held", "suppressed")
    for place, state in enumerate(states):
        Message.objects.create(
            customer=customer, channel="email", message_class="marketing", template=template, template_version=1,
            state=state, occurrence=str(place), origin="journey:1", reason="quiet_hours" if state in REASONED else "",
            sent_at=now if state == "sent" else None, due_at=now + timedelta(hours=1) if state == "held" else now,
        )  # fmt: skip
    coupon = create_coupon(name="Ten", kind="amount", value=10_00, actor=SYSTEM)
    for place in range(2):
        code = issue_coupon(coupon=coupon, customer=customer, cause=f"k{place}", actor=SYSTEM)
        CouponUse.objects.create(
            coupon=coupon, code=code, customer=customer, state="redeemed", cart_amount=100_00, discount=10_00,
            expires_at=now, redeemed_at=now - timedelta(days=9 * place),
        )  # fmt: skip
    DomainDay.objects.create(day=shop_day(now), channel="email", domain="bad.example", sent=100, bounced=30)
    DomainDay.objects.create(day=shop_day(now), channel="email", domain="good.example", sent=100)
    page = home("marketer")
    for label, count in (
        ("Failed or uncertain messages", 2), ("Held messages", 1), ("Messages sent in 7 days", 2),
        ("Coupons redeemed in 7 days", 1),
    ):  # fmt: skip
        value, rows = page.opened(label)
        assert (label, value, len(rows)) == (label, str(count), count)
    url, value = page.figure("Domains that refuse mail")
    assert value == "1"
    assert [row.delivery.domain for row in page.client.get(url).context["rows"]] == ["bad.example"]


def test_segments_that_fail_or_moved(home, store, make_customer):
    # given a failing segment, and a list that two customers entered and one left
    broken = create_segment(name="Broken", rule=RULE, actor=SYSTEM)
    create_segment(name="Quiet", rule=RULE, actor=SYSTEM)
    Segment.objects.filter(pk=broken.pk).update(error="division by zero")
    chosen, customers = create_list(name="Chosen", actor=SYSTEM), [make_customer(), make_customer()]
    add_to_list(segment=chosen, customer_ids=[customer.pk for customer in customers], actor=SYSTEM)
    remove_from_list(segment=chosen, customer_ids=[customers[0].pk], actor=SYSTEM)
    page = home("marketer")
    value, rows = page.opened("Failing segments")
    assert (value, rows) == ("1", [broken])
    url, value = page.figure("Entered a segment in 7 days")
    listed = page.client.get(url).context["list"].rows
    assert (value, sum(row.row.moves.entered for row in listed)) == ("2", 2)
    assert [row.row.item for row in listed] == [chosen]
    # and the figures of the analyst's panel open those who entered and left
    panel = Home(page.client, "analyst").page
    found = re.findall(rf'<a href="(/segments/{chosen.pk}/\?show=\w+[^"]+)">(\d+)</a>', panel)
    assert [(count, len(page.rows(html.unescape(url)))) for url, count in found] == [("2", 2), ("1", 1)]
    assert SegmentDay.objects.get(segment=chosen).entered_count == 2
    old = SegmentMembership.objects.filter(segment=chosen).count()
    assert old == 2


def test_queues_and_ratings(home, staff, make_customer):
    # given tickets of two agents, and ratings of their answers
    anna = staff(Role.AGENT, "anna")
    for assignee, scores in ((anna, (5, 1, 2)), (None, (4,))):
        for score in scores:
            ticket = open_ticket(customer=make_customer(), subject=f"S{score}", text="?", actor=SYSTEM)
            if assignee:
                assign_ticket(ticket=ticket, assignee=assignee, actor=SYSTEM)
            TicketRating.objects.create(ticket=ticket, resolution=1, score=score)
    page = home("service", Role.LEAD)
    for label, count in (
        ("Mine", 0),
        ("Unassigned", 1),
        ("To be answered", 4),
        ("All open", 4),
        ("Waiting for customer", 0),
    ):
        value, rows = page.opened(label)
        assert (label, value, len(rows)) == (label, str(count), count)
    panel = page.page[page.page.index('id="panel-ratings"') :]
    answers, low = re.findall(r'<a href="(/tickets/ratings/[^"]+)">(\d+)</a>', panel)[:2]
    assert (answers[1], len(page.rows(html.unescape(answers[0])))) == ("3", 3)
    assert (low[1], len(page.rows(html.unescape(low[0])))) == ("2", 2)
    administrator = home("administrator")
    value, rows = administrator.opened("Tickets to be answered")
    assert (value, len(rows)) == ("4", 4)


@pytest.mark.parametrize("failed", [1, 0])
def test_imports_that_need_a_look(home, store, staff, now, failed):
    # given a failed import, one with refused rows, one without, and old ones
    for state, refused, days in (("failed", 0, 0), ("done", 3, 0), ("done", 0, 0), ("failed", 0, 9), ("done", 4, 9)):
        run = ImportRun.objects.create(
            kind="orders", source="s", file_name="f.csv", state=state, read_count=refused, refused_count=refused
        )
        ImportRun.objects.filter(pk=run.pk).update(created_at=now - timedelta(days=days))
    if not failed:
        ImportRun.objects.filter(state="failed").delete()
    value, rows = home("administrator").opened("Imports" if failed else "Imports with refused rows")
    assert (value, [(row.state, row.refused_count) for row in rows]) == (
        "1", [("failed", 0) if failed else ("done", 3)],
    )  # fmt: skip


def test_rewards_low_on_codes(home, program):
    # given a reward with codes enough, one with few, and one that has ended
    enough, few, over = (
        create_reward(program=program, kind="voucher", name=name, points=10, actor=SYSTEM)
        for name in ("Enough", "Few", "Over")
    )
    codes = "\n".join(f"CODE-{place:04}" for place in range(10))
    upload_reward_codes(reward=enough, content=codes.encode(), actor=SYSTEM)
    upload_reward_codes(reward=few, content=b"CODE-9999", actor=SYSTEM)
    type(over).objects.filter(pk=over.pk).update(active=False)
    value, rows = home("marketer").opened("Rewards low on codes")
    assert (value, rows) == ("1", [few])


def test_jobs_accounts_and_keys(home, program, staff, now):
    # given jobs in each state, an account without a second factor, one long away, and an unused key
    made = {state: create_job(kind="crm.tag_customers", label=state, created_by=None) for state in "abcd"}
    Job.objects.filter(pk=made["a"].pk).update(state="running")
    for name in "cd":
        Job.objects.filter(pk=made[name].pk).update(state="running")
        fail_job(Job.objects.get(pk=made[name].pk), "x")
    Job.objects.filter(pk=made["d"].pk).update(created_at=now - timedelta(days=8))
    away = staff(Role.AGENT, "away")
    type(away).objects.filter(pk=away.pk).update(last_login=now - timedelta(days=91))
    Authenticator.objects.create(user=away, type="totp", data={})
    for place in range(2):
        create_api_key(name=f"Key {place}", scopes=["orders:read"])
    ApiKey.objects.filter(name="Key 0").update(created_at=now - timedelta(days=100))
    page = home("administrator")
    for label, count in (("Running now", 1), ("Waiting for a worker", 1), ("Failed in 7 days", 1)):
        url, value = page.figure(label)
        assert (label, value, len(page.client.get(url).context["rows"])) == (label, str(count), count)
    lines = dict(re.findall(r'<a class="text-link" href="([^"]+)">([^<]+)</a>', page.page))
    urls = {label: html.unescape(url) for url, label in lines.items()}
    chosen = parse_qs(urlsplit(urls["Staff who have not signed in for 90 days"]).query)["id__in"]
    assert chosen == [str(away.pk)]
    without = parse_qs(urlsplit(urls["Staff without a second factor"]).query)["id__in"][0].split(",")
    assert str(away.pk) not in without
    assert [key.name for key in page.rows(urls["API keys not used for 90 days"])] == ["Key 0"]


def test_quiet_filters_show_only_while_they_are_set(home, program, make_customer):
    page = home("marketer")
    bare = page.client.get(reverse("customers")).content.decode()
    assert "bought_as_member" not in bare
    narrowed = page.client.get(reverse("customers"), {"bought_as_member": "once"}).content.decode()
    assert "Members who bought in the last 30 days" in narrowed
