"""Exports of shop systems, recognised by their columns, with exact states, totals and refunds of each order."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from crm.customers.models import Customer, Store
from crm.imports.rules.formats import FORMATS, mapping_of, recognise
from crm.imports.rules.mapping import fields_of, suggest_mapping
from crm.imports.services import running as imports
from crm.orders.models import Order, OrderLine, Product

pytestmark = pytest.mark.django_db
FILES = Path(__file__).parents[2] / "fixtures" / "imports"

EXPECTED = {
    "shopify": (
        "USD",
        {
            "#1001": ("paid", 5832, 0),
            "#1002": ("paid", 3000, 1000),
            "#1003": ("placed", 3750, 0),
            "#1004": ("cancelled", 3000, 0),
            "#1005": ("paid", 4650, 4650),
        },
        7,
        3,
    ),
    "woocommerce": (
        "EUR",
        {
            "5001": ("paid", 5343, 0),
            "5002": ("paid", 3558, 3558),
            "5003": ("placed", 1190, 0),
            "5004": ("cancelled", 1190, 0),
            "5005": ("paid", 7140, 1000),
        },
        7,
        3,
    ),
    "magento": (
        "USD",
        {
            "000000101": ("paid", 8760, 0),
            "000000102": ("paid", 5000, 5000),
            "000000103": ("placed", 1999, 0),
            "000000104": ("cancelled", 1999, 0),
            "000000105": ("paid", 6499, 1999),
        },
        7,
        3,
    ),
    "youzan": (
        "CNY",
        {
            "E202406010001": ("paid", 17300, 3500),
            "E202406010002": ("placed", 6800, 0),
            "E202406010003": ("paid", 11100, 0),
            "E202406010004": ("cancelled", 3500, 0),
        },
        6,
        3,
    ),
    "taobao": (
        "CNY",
        {
            "2100001": ("paid", 13790, 0),
            "2100002": ("paid", 8890, 2990),
            "2100003": ("placed", 5900, 0),
            "2100004": ("cancelled", 2990, 0),
            "2100005": ("paid", 5900, 0),
            "2100006": ("paid", 5900, 5900),
        },
        8,
        3,
    ),
    "jd": (
        "CNY",
        {
            "30001": ("paid", 23700, 0),
            "30002": ("cancelled", 9900, 0),
            "30003": ("placed", 5500, 0),
            "30004": ("paid", 14800, 0),
            "30005": ("paid", 4900, 4900),
        },
        7,
        3,
    ),
    "online_retail_ii": (
        "GBP",
        {"489434": ("paid", 16440, 1390), "489435": ("paid", 3060, 0), "489436": ("paid", 6750, 0)},
        5,
        2,
    ),
    "english": (
        "USD",
        {
            "E-1": ("paid", 3800, 0),
            "E-2": ("paid", 2000, 500),
            "E-3": ("placed", 750, 0),
            "E-4": ("cancelled", 750, 0),
        },
        5,
        2,
    ),
    "chinese": (
        "CNY",
        {
            "C1": ("paid", 6100, 0),
            "C2": ("paid", 3000, 1500),
            "C3": ("placed", 750, 0),
            "C4": ("paid", 3000, 3000),
        },
        5,
        3,
    ),
    "german": (
        "EUR",
        {
            "B-1": ("paid", 220000, 0),
            "B-2": ("paid", 9485, 4000),
            "B-3": ("placed", 132930, 0),
            "B-4": ("cancelled", 8990, 0),
        },
        5,
        2,
    ),
}


def create(name: str, **given):
    return imports.create_import(kind="orders", source=name, path=str(FILES / f"{name}.csv"), actor=SYSTEM, **given)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_export_is_imported_whole_without_options(store, refusals, name):
    currency, expected, lines, customers = EXPECTED[name]
    Store.objects.update(currency=currency)
    run = imports.run_import(run=create(name))
    # A stock correction in Online Retail is not a sale.
    wrong = [(7, "", "stock_adjustment")] if name == "online_retail_ii" else []
    assert refusals(run) == wrong
    assert {
        number: (state, total, refunded)
        for number, state, total, refunded in Order.objects.values_list("number", "state", "total", "refunded")
    } == expected
    assert OrderLine.objects.count() == lines
    assert Customer.objects.count() == customers
    products = set(Product.objects.values_list("name", flat=True))
    assert not products & set(Customer.objects.values_list("name", flat=True))
    again = imports.run_import(run=create(name))
    assert (again.accepted_count, again.unchanged_count) == (0, run.accepted_count)


@pytest.mark.parametrize("name", ["shopify", "woocommerce", "magento", "youzan", "taobao", "jd"])
def test_an_export_is_recognised_by_its_columns(store, name):
    run = create(name)
    assert run.options["format"] == name
    assert {known.name for known in FORMATS} >= {name}


def test_the_name_of_an_order_or_product_is_never_the_customers(store):
    fields = fields_of("orders")
    assert "customer_name" not in suggest_mapping(fields, ["Name", "Created at", "Lineitem sku", "Total"])
    assert suggest_mapping(fields, ["order", "date", "sku", "name", "price"])["product_name"] == "name"
    for known in FORMATS:
        for mark in known.marks:
            columns = mark.split("|")
            assert recognise("orders", columns) == known
            assert mapping_of(known, columns).get("customer_name", "").casefold() not in {"name", "customer"}


def test_a_column_that_is_named_leaves_the_other_guesses(store, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("Order No,Order Date,Code,SKU,Qty,Price\nA,2024-01-01,X,T,2,5.50\n")
    run = imports.create_import(
        kind="orders", source="shop", path=str(path), actor=SYSTEM, mapping={"sku": "Code", "line_discount": ""}
    )
    assert run.mapping == {
        "sku": "Code", "number": "Order No", "placed_at": "Order Date", "quantity": "Qty", "unit_price": "Price",
    }  # fmt: skip


def test_a_column_missing_in_the_previous_file_is_guessed(bring):
    plain = "number,placed_at,sku,quantity,unit_price,note\nA,2024-01-01,T,1,5\n"
    bring("orders", plain.replace(",note", ""), mapping={"sku": "sku", "quantity": ""})
    run = bring("orders", plain.replace("note", "state").replace("T,1,5", "T,1,5,paid"))
    assert run.mapping == {
        "sku": "sku", "number": "number", "placed_at": "placed_at", "unit_price": "unit_price", "state": "state",
    }  # fmt: skip


def test_all_errors_of_a_mapping_are_reported_at_once(store, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("a,b,c\n1,2,3\n")
    with pytest.raises(Invalid) as refused:
        imports.create_import(
            kind="orders", source="shop", path=str(path), actor=SYSTEM,
            mapping={"nonsense": "a", "other": "b", "sku": "z", "quantity": "y"},
        )  # fmt: skip
    assert (refused.value.code, refused.value.field) == ("mapping_unknown_field", "nonsense")
    message = str(refused.value.message)
    for words in (
        "There is no field nonsense, other.",
        "The file has no column z, y.",
        "Choose the column for number, placed_at.",
        "Map the unit price",
        "The fields are: number, placed_at, paid_at,",
        "The columns of the file are: a, b, c.",
    ):
        assert words in message
    with pytest.raises(CommandError, match=r"no column z.*The columns of the file are: a, b, c"):
        call_command("import_csv", str(path), "--kind", "orders", "--source", "s", "--map", "sku=z", stdout=StringIO())


def test_contacts_hidden_by_a_marketplace_identify_no_customer(bring):
    run = bring(
        "orders", "number,placed_at,phone,email,sku,quantity,unit_price\nA,2024-01-01,138****0001,a***@x.com,T,1,5.50\n"
    )
    assert run.refused_count == 0
    assert not Customer.objects.exists()
    assert Order.objects.get().customer is None


def test_a_tax_that_prices_include_is_not_added(bring, refusals):
    run = bring("orders", "number,placed_at,sku,quantity,unit_price,tax,total\nA,2024-01-01,T,1,10.00,1.60,10.00\n"
                "B,2024-01-01,T,1,10.00,1.60,11.60\nC,2024-01-01,T,1,10.00,1.60,12.00\n")  # fmt: skip
    assert refusals(run) == [(4, "total", "total_mismatch")]
    assert list(Order.objects.order_by("number").values_list("tax", "total")) == [(0, 1000), (160, 1160)]
