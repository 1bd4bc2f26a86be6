"""Money of cancellations without an order is kept as an adjustment of the customer, so that none is lost (I4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.test import APIClient

from analytics.features.models import CustomerFeature
from analytics.features.services import features
from core.base.actor import SYSTEM
from core.base.facts import collect
from core.events.outbox import deliver_all
from core.security.roles import Role
from crm.customers.models import Customer, Store
from crm.import_kinds.services import online_retail
from crm.imports.models import ImportRun
from crm.imports.services import running as imports
from crm.orders.models import Order, Refund, SpendAdjustment
from crm.orders.selectors.spending import spending
from loyalty.ledger.models import Account
from loyalty.program.models import Member

pytestmark = pytest.mark.django_db
# 1: bought 6 at 2.55, returned 2, then 6 of which 4 were left, and ten that were bought before the file begins.
# 2: bought one at 5.00 and got 7.00 back. No customer: 3.00 of a till. 3: only a cancellation.
FILE = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
100,HEART,Heart,6,2011-01-10 08:00:00,2.55,1.0,United Kingdom
101,BELL,Bell,1,2011-01-11 08:00:00,5.00,2.0,United Kingdom
C102,HEART,Heart,-2,2011-01-12 08:00:00,2.55,1.0,United Kingdom
C103,LAMP,Lamp,-10,2011-01-13 08:00:00,1.00,1.0,United Kingdom
C104,HEART,Heart,-6,2011-01-14 08:00:00,2.55,1.0,United Kingdom
C105,BELL,Bell,-1,2011-01-15 08:00:00,7.00,2.0,United Kingdom
C106,M,Manual,-1,2011-01-16 08:00:00,3.00,,United Kingdom
C107,LAMP,Lamp,-1,2011-01-17 08:00:00,1.00,3.0,France
C107,LAMP,Lamp,-1,2011-01-17 08:00:00,1.50,3.0,France
"""
KEPT = [
    ("C103", "LAMP", "1", -1000), ("C104", "HEART", "1", -510), ("C105", "BELL", "2", -200),
    ("C106", "Manual", None, -300), ("C107", "LAMP", "3", -250),
]  # fmt: skip


@pytest.fixture
def bring(db, tmp_path: Path):
    def run(mode: str = "auto") -> ImportRun:
        path = tmp_path / "retail.csv"
        path.write_text(FILE)
        online_retail.prepare_store()
        made = imports.create_import(
            kind="orders", source=online_retail.SOURCE, path=str(path), actor=SYSTEM, mode=mode,
            options=online_retail.OPTIONS, mapping=online_retail.MAPPING,
        )  # fmt: skip
        done = imports.run_import(run=made)
        deliver_all()
        return done

    return run


def named(storefront: str) -> Customer:
    from crm.customers.services.identities import find

    return find("storefront", storefront).customer


def adjustments() -> list[tuple]:
    numbers = {named(one).pk: one for one in "123"}
    rows = SpendAdjustment.objects.order_by("reference")
    return [(row.reference, row.item, numbers.get(row.customer_id), row.amount) for row in rows]


def test_money_without_an_order_is_stored_once_with_the_customer(bring):
    run = bring()
    assert adjustments() == KEPT
    assert (run.result["adjustments_created"], run.result["adjusted"]) == (5, -2260)
    assert (run.read_count, run.accepted_count, run.refused_count) == (9, 9, 0)
    assert list(Refund.objects.order_by("number").values_list("number", "amount")) == [
        ("C102", 510), ("C104", 1020), ("C105", 500),
    ]  # fmt: skip
    # the same file again changes nothing
    again = bring()
    assert (again.accepted_count, again.unchanged_count, again.result["adjustments_created"]) == (0, 9, 0)
    assert adjustments() == KEPT
    assert Refund.objects.count() == 3


def test_it_counts_in_every_figure_of_spend(bring):
    bring()
    features.refresh_everything()
    figures = {
        one: CustomerFeature.objects.values_list("gross_spend", "refunded", "adjusted", "net_spend", "order_count").get(
            customer=named(one)
        )
        for one in "123"
    }
    assert figures == {
        "1": (1530, 1530, -1510, -1510, 0), "2": (500, 500, -200, -200, 0), "3": (0, 0, -250, -250, 0),
    }  # fmt: skip
    [spent] = spending([named("1").pk])[named("1").pk]
    assert (spent.currency, spent.orders, spent.amount, spent.adjusted) == ("GBP", 0, -1510, -1510)
    # gross less refunds and with adjustments is net, guests included
    facts = collect()
    assert (facts["gross_revenue_minor"], facts["refunded_minor"], facts["adjusted_minor"]) == (
        {"GBP": 2030}, {"GBP": -2030}, {"GBP": -2260},
    )  # fmt: skip
    assert facts["net_revenue_minor"] == facts["net_revenue"] == {"GBP": -2260}
    assert (facts["refunds"], facts["adjustments"]) == ({"count": 3, "amount": 2030}, 5)


def test_it_takes_back_no_points_and_counts_for_tiers(bring, program_of_2011):
    # given that the orders of the file earned 15 points and 5 points, all of which refunds took back
    bring(mode="silent")
    assert {account.balance for account in Account.objects.all()} == {0}
    assert {account.debt for account in Account.objects.all()} == {0}
    assert Member.objects.get(customer=named("1")).qualifying == -1510


@pytest.fixture
def program_of_2011(db):
    """Create a program whose tiers look back to the year of the file."""
    from loyalty.earning.services.setup import ensure_default_program

    online_retail.prepare_store()
    program = ensure_default_program()
    program.tier_window_days = 30_000
    program.save()
    return program


def test_it_is_shown_to_staff_and_read_by_the_shop(bring, client, staff, server_key):
    run = bring()
    user = staff(Role.ANALYST)
    user.is_staff = True
    user.save()
    client.force_login(user)
    customer = named("1")
    page = client.get(reverse("customer", args=[customer.number])).content.decode()
    assert "Spend adjusted" in page
    assert "-£15.10" in page or "−£15.10" in page
    result = client.get(reverse("import_run", args=[run.pk])).content.decode()
    assert "Money without an order" in result
    assert "Accepted with a remark" in result
    assert "Why rows were refused" not in result
    admin = client.get(reverse("admin:crm_spendadjustment_changelist"))
    assert (admin.status_code, "C103" in admin.content.decode()) == (200, True)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {server_key('orders:read')}")
    read = api.get(f"/api/v1/customers/{customer.number}/spend").json()
    assert read["currencies"] == [
        {"currency": "GBP", "orders": 0, "amount": -1510, "adjusted": -1510, "last_order_at": None}
    ]
    assert [(row["reference"], row["amount"]) for row in read["adjustments"]] == [("C104", -510), ("C103", -1000)]


def test_facts_for_people_have_decimals_and_a_currency(bring, capsys):
    bring()
    Store.objects.get()
    call_command("shop_facts")
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    found = {name.strip(): value.strip() for name, value in lines.items()}
    assert (found["gross revenue"], found["refunded"], found["adjusted"], found["net revenue"]) == (
        "20.30 GBP", "-20.30 GBP", "-22.60 GBP", "-22.60 GBP",
    )  # fmt: skip
    assert Order.objects.count() == 2
