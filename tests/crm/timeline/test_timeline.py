"""The timeline: every moment once, newest first, in pages, and only with permission."""

from datetime import UTC, datetime, timedelta

import pytest

from core.base.actor import SYSTEM
from crm.customers.services.customers import add_note, add_tag
from crm.orders.models import Order
from crm.orders.services.refunds import record_refund
from crm.timeline.selectors import timeline as timelines

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def everything(_permission):
    return True


def walk(customer, limit, **options):
    pages, cursor = [], ""
    while True:
        page = timelines.timeline(customer, cursor=cursor, limit=limit, allowed=everything, **options)
        pages.append([(moment.source, moment.id) for moment in page.moments])
        cursor = page.next
        if not cursor:
            return pages


@pytest.fixture
def customer(make_customer, make_order):
    customer = make_customer("王小明")
    for days in range(4):
        make_order(customer, paid_at=NOON - timedelta(days=days))
    record_refund(order_number="O-1", number="R-1", source="storefront", amount=500, actor=SYSTEM)
    # Two orders of the same instant, and other events at that instant
    for _ in range(3):
        make_order(customer, paid_at=NOON)
    add_note(customer=customer, text="Likes light roasts", actor=SYSTEM)
    add_tag(customer=customer, name="vip", actor=SYSTEM)
    return customer


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_every_moment_appears_once_in_a_stable_order(customer, limit):
    whole = walk(customer, 100)[0]
    pages = walk(customer, limit)
    assert [moment for page in pages for moment in page] == whole
    assert len(set(whole)) == len(whole)
    assert {"orders", "refunds", "notes", "events"} == {source for source, _ in whole}


def test_newest_first(customer):
    times = [moment.at for moment in timelines.timeline(customer, limit=100, allowed=everything).moments]
    assert times == sorted(times, reverse=True)


def test_a_filter_shows_its_sources_and_kinds(customer):
    assert {source for source, _ in walk(customer, 100, show="orders")[0]} == {"orders", "refunds"}
    profile = timelines.timeline(customer, show="profile", limit=100, allowed=everything).moments
    assert {moment.source for moment in profile} == {"events"}
    assert "added “vip”" in [moment.detail for moment in profile]


def test_moments_without_permission_are_left_out(customer):
    shown = timelines.timeline(customer, limit=100, allowed=lambda permission: permission != "crm.view_order").moments
    assert {moment.source for moment in shown} == {"notes", "events"}


def test_a_cursor_that_cannot_be_read_is_the_start(customer):
    whole = timelines.timeline(customer, limit=3, allowed=everything).moments
    for cursor in ("???", "bm90IGpzb24", "WzEsIDIsIDNd"):
        assert timelines.timeline(customer, cursor=cursor, limit=3, allowed=everything).moments == whole


def test_an_order_shows_number_amount_and_page(customer):
    order = Order.objects.get(number="O-2")
    moment = next(
        moment
        for moment in timelines.timeline(customer, show="orders", limit=100, allowed=everything).moments
        if moment.source == "orders" and moment.id == order.pk
    )
    assert (str(moment.title), moment.amount, moment.currency) == ("Order paid", 10_000, "CNY")
    assert moment.detail == "No. O-2 · 1 item"
    assert moment.url == f"/orders/{order.pk}/"
