"""Revenue by day on the home page."""

from __future__ import annotations

import pytest

from core.base.zones import shop_day
from core.console import kept
from core.security.roles import Role
from crm.orders.console.home import change_of
from crm.orders.models import Order
from crm.orders.selectors.revenue import revenue_by_day

pytestmark = pytest.mark.django_db


def test_revenue_by_day_and_the_days_before(client, staff, store, make_customer, make_order):
    customer = make_customer()
    first, _second = make_order(customer, 100_00), make_order(customer, 20_00)
    make_order(customer, 60_00, days_ago=35)
    make_order(customer, 999_00, days_ago=70)
    figures = revenue_by_day()
    days = {row["day"]: row for row in figures["days"]}
    assert (figures["currency"], len(figures["days"])) == ("CNY", 60)
    today = shop_day(Order.objects.get(pk=first.pk).paid_at).isoformat()
    assert days[today] == {"day": today, "net": 120_00, "orders": 2}
    assert sum(row["net"] for row in figures["days"]) == 180_00
    kept.keep(["crm.revenue_by_day"])
    client.force_login(staff(Role.ANALYST))
    page = client.get("/").content.decode()
    assert "+100% on the 30 days before" in page


def test_changes_in_words():
    assert change_of(120, 60) == "+100% on the 30 days before"
    assert change_of(30, 60) == "-50% on the 30 days before"
    assert change_of(30, 0) == ""
