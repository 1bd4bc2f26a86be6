"""Import of the whole UCI Online Retail file, compared with the published figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from core.security import crypto
from crm.customers.models import Customer, Store
from crm.imports.models import ImportRun
from crm.imports.services.refusals import REASONS
from crm.orders.models import Order, OrderLine, Product, Refund, RefundLine, SpendAdjustment
from crm.orders.selectors.spending import spending

DATA = Path(os.environ.get("ONLINE_RETAIL") or settings.BASE_DIR.parent / "shared" / "data" / "online_retail.csv.gz")
pytestmark = pytest.mark.django_db
needs_data = pytest.mark.skipif(not DATA.is_file(), reason=f"the data file {DATA} is not here (set ONLINE_RETAIL)")
COHORTS = {
    "2010-12": [885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445, 235],
    "2011-01": [417, 92, 111, 96, 134, 120, 103, 101, 125, 136, 152, 49],
    "2011-02": [380, 71, 71, 108, 103, 94, 96, 106, 94, 116, 26],
}


def _row(sql: str, params: list | None = None) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()


def _index(storefront: str) -> bytes:
    return crypto.blind_index(storefront, "identity:storefront")


@needs_data
def test_the_import_matches_the_published_figures_and_repeating_it_changes_nothing(capsys):
    call_command("import_online_retail", path=str(DATA), no_deliver=True)
    said = capsys.readouterr().out
    assert "8,887,208.89 GBP" in said

    run = ImportRun.objects.get()
    assert run.read_count == 541_909
    assert run.accepted_count + run.refused_count == 541_909
    assert run.result["invoices_read"] == 25_900
    assert run.result["stock_codes_read"] == 4_070
    assert run.result["countries_read"] == 38
    assert run.result["refused"] == {
        "duplicate_line": 5_268,
        "stock_adjustment": 1_336,
        "no_sale_price": 1_174,
        "not_a_sale": 3,
    }
    assert run.result["noted"] == {"refund_unmatched": 1_710, "refund_partly_matched": 59}
    store = Store.objects.get()
    assert (store.currency, store.time_zone, store.country, store.is_default) == ("GBP", "Europe/London", "GB", True)

    assert Customer.objects.count() == 4_372
    lines = OrderLine.objects.filter(customer_id__isnull=False)
    assert lines.count() == 392_692
    assert _row("SELECT sum(amount), count(DISTINCT customer_id) FROM crm_orderline WHERE customer_id IS NOT NULL") == (
        888_720_889,
        4_338,
    )
    assert Order.objects.filter(customer__isnull=False).count() == 18_532
    assert Order.objects.filter(customer=None).exists()

    # Postage and fees are lines, never products.
    assert Product.objects.count() == 3_804
    assert not Product.objects.filter(sku__in=["POST", "DOT", "C2", "M", "D", "BANK CHARGES", "AMAZONFEE"]).exists()
    assert not lines.filter(kind="product", product=None).exists()
    assert _row("SELECT count(*), sum(amount) FROM crm_orderline WHERE name = 'Postage'") == (1_126, 7_810_188)

    cohorts = _cohorts()
    for month, active in COHORTS.items():
        assert cohorts[month] == active

    # A cancellation refunds only what was left of an earlier line of the same customer and code.
    assert (run.result["refund_rows_matched"], run.result["refund_rows_partly_matched"]) == (7_482, 59)
    assert Refund.objects.count() == run.result["refunds_created"] == 3_883
    assert _row("SELECT sum(amount) FROM crm_refund") == _row("SELECT sum(refunded) FROM crm_order") == (46_824_068,)
    assert _row("SELECT sum(refunded_amount), sum(refunded_quantity) FROM crm_orderline") == _row(
        "SELECT sum(amount), sum(quantity) FROM crm_refundline"
    )
    assert _row(
        """SELECT count(*) FROM crm_refundline t JOIN crm_refund f ON f.id = t.refund_id
           JOIN crm_orderline l ON l.id = t.line_id
           WHERE l.order_id <> f.order_id OR l.customer_id <> f.customer_id OR l.bought_at > f.refunded_at
                 OR l.refunded_amount > l.amount"""
    ) == (0,)

    # The remainder is kept with the customers: 448 buyers, and 33 who have only cancellations.
    assert _row(
        "SELECT sum(amount), count(DISTINCT customer_id) FROM crm_spendadjustment WHERE customer_id IS NOT NULL"
    ) == (
        -14_044_879, 481,
    )  # fmt: skip
    assert _row(
        """SELECT sum(a.amount), count(DISTINCT a.customer_id) FROM crm_spendadjustment a
           WHERE EXISTS (SELECT FROM crm_order o WHERE o.customer_id = a.customer_id)"""
    ) == (-13_003_755, 448)
    [worth] = spending(
        [_row("SELECT customer_id FROM crm_identity WHERE value_index = %s", [_index("15098")])[0]]
    ).values()
    assert (worth[0].amount, worth[0].adjusted) == (64_950, -3_897_000)

    before = _everything()
    call_command("import_online_retail", path=str(DATA), no_deliver=True)
    again = ImportRun.objects.latest("pk")
    assert (again.read_count, again.accepted_count, again.unchanged_count) == (541_909, 0, run.accepted_count)
    assert again.refused_count == run.refused_count
    assert again.result["refused"] == run.result["refused"]
    assert _everything() == before


def _cohorts() -> dict[str, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH paid AS (SELECT customer_id, to_char(paid_at AT TIME ZONE 'Europe/London', 'YYYY-MM') AS month
                             FROM crm_order WHERE customer_id IS NOT NULL AND state = 'paid'),
                    first AS (SELECT customer_id, min(month) AS cohort FROM paid GROUP BY customer_id)
               SELECT cohort, month, count(DISTINCT customer_id) FROM paid JOIN first USING (customer_id)
               GROUP BY cohort, month ORDER BY cohort, month"""
        )
        cohorts: dict[str, list[int]] = {}
        for cohort, _month, count in cursor.fetchall():
            cohorts.setdefault(cohort, []).append(count)
        return cohorts


def _everything() -> list:
    return [
        *(
            model.objects.count()
            for model in (Customer, Order, OrderLine, Product, Refund, RefundLine, SpendAdjustment)
        ),
        _row("SELECT sum(hashtext(o::text)::bigint) FROM crm_order o"),
        _row("SELECT sum(hashtext(l::text)::bigint) FROM crm_orderline l"),
        _row("SELECT sum(hashtext(c::text)::bigint) FROM crm_customer c"),
        _row("SELECT count(*) FROM core_domainevent"),
    ]


HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@pytest.fixture
def retail(tmp_path):
    def run(rows: str) -> ImportRun:
        path = tmp_path / "retail.csv"
        path.write_text(HEADER + rows)
        call_command("import_online_retail", path=str(path), no_deliver=True)
        return ImportRun.objects.latest("pk")

    return run


def test_a_cancellation_takes_the_same_price_first_then_the_latest(retail):
    run = retail(
        "1,AA,Cup,5,2011-01-01 10:00:00,2.00,7.0,France\n"
        "2,AA,Cup,5,2011-02-01 10:00:00,2.00,7.0,France\n"
        "3,AA,Cup,5,2011-03-01 10:00:00,3.00,7.0,France\n"
        "4,AA,Cup,9,2011-03-01 10:00:00,2.00,8.0,France\n"
        "C5,AA,Cup,-7,2011-04-01 10:00:00,2.00,7.0,France\n"
        "6,AA,Cup,50,2011-05-01 10:00:00,2.00,7.0,France\n"
    )
    assert run.refused_count == 0
    refunded = dict(OrderLine.objects.values_list("order__number", "refunded_quantity"))
    assert refunded == {"1": 2, "2": 5, "3": 0, "4": 0, "6": 0}
    assert dict(Order.objects.values_list("number", "refunded")) == {"1": 400, "2": 1000, "3": 0, "4": 0, "6": 0}
    assert Refund.objects.filter(number="C5").count() == 2
    assert Customer.objects.get(orders__number="1").country == "FR"


def test_cancellations_without_a_purchase_are_listed_with_the_remainder(retail):
    run = retail(
        "1,AA,Cup,5,2011-01-01 10:00:00,2.00,7.0,France\n"
        "C2,AA,Cup,-8,2011-02-01 10:00:00,2.00,7.0,France\n"
        "C3,BB,Pot,-1,2011-02-01 10:00:00,9.00,7.0,France\n"
        "C4,AA,Cup,-1,2011-02-01 10:00:00,2.00,,France\n"
        "C5,AA,Cup,-1,2010-12-01 10:00:00,2.00,7.0,France\n"
    )
    assert list(run.refusals.order_by("row_number").values_list("row_number", "code", "reason")) == [
        (3, "refund_partly_matched", f"{REASONS['refund_partly_matched']}: 3"),
        (4, "refund_unmatched", f"{REASONS['refund_unmatched']}: 1"),
        (5, "refund_unmatched", f"{REASONS['refund_unmatched']}: 1"),
        (6, "refund_unmatched", f"{REASONS['refund_unmatched']}: 1"),
    ]
    assert (run.read_count, run.accepted_count, run.refused_count) == (5, 5, 0)
    assert Order.objects.get().refunded == 1000
    again = retail("1,AA,Cup,5,2011-01-01 10:00:00,2.00,7.0,France\nC2,AA,Cup,-8,2011-02-01 10:00:00,2.00,7.0,France\n")
    assert (again.accepted_count, again.unchanged_count) == (0, 2)
    assert Order.objects.get().refunded == 1000


def test_postage_is_refunded_like_a_line_and_never_above_its_price(retail):
    run = retail(
        "1,POST,POSTAGE,1,2011-01-01 10:00:00,18.00,7.0,France\n"
        "C2,POST,POSTAGE,-1,2011-01-02 10:00:00,20.00,7.0,France\n"
    )
    order = Order.objects.get()
    assert (order.shipping, order.subtotal, order.item_count, order.refunded) == (1800, 0, 0, 1800)
    assert run.result["refund_above_price"] == 200
    assert not Product.objects.exists()


def test_a_shop_with_another_currency_is_not_changed(store, tmp_path):
    path = tmp_path / "retail.csv"
    path.write_text(HEADER)
    with pytest.raises(CommandError, match="in GBP"):
        call_command("import_online_retail", path=str(path))
    assert not ImportRun.objects.exists()


def test_a_missing_file_gives_one_sentence():
    with pytest.raises(CommandError, match="There is no file"):
        call_command("import_online_retail", path="/nowhere.gz")
