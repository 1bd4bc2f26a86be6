"""Money in the API: whole numbers in minor units in every field, as the schema describes."""

from __future__ import annotations

import re

import pytest
from drf_spectacular.generators import SchemaGenerator

from crm.orders.models import Order, OrderLine

# Names of money fields in all shapes.
MONEY = re.compile(
    r"(.+_)?amount|price(_after)?|subtotal|discount(_given)?|shipping|tax|fees|refunded|worth|money|minimum_spend|"
    r"max_discount|free_shipping_from"
)


def order(unit_amount, **line) -> dict:
    return {
        "number": "M-1",
        "placed_at": "2026-03-01T12:00:00Z",
        "lines": [{"sku": "CF-01", "quantity": "2", "unit_amount": unit_amount, **line}],
    }


def test_every_money_field_of_the_description_says_minor_units():
    components = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
    money = {
        f"{component}.{name}": field.get("description", "")
        for component, schema in components.items()
        for name, field in schema.get("properties", {}).items()
        if MONEY.fullmatch(name) and field.get("type") != "boolean"
    }
    assert len(money) >= 40
    assert {name for name, text in money.items() if "minor units" not in text.lower()} == set()


@pytest.mark.django_db
def test_a_unit_amount_is_minor_units_and_becomes_the_order(api, store):
    # when two at 68.00 are recorded
    answer = api.post("/api/v1/orders", order(6_800), format="json")
    # then the order is 136.00, and the line keeps its price in major units
    assert (answer.status_code, answer.json()["total"], answer.json()["currency"]) == (201, 13_600, "CNY")
    line = OrderLine.objects.get()
    assert (str(line.unit_price), line.amount) == ("68.0000", 13_600)


@pytest.mark.django_db
@pytest.mark.parametrize(("currency", "price"), [("JPY", "6800.0000"), ("KWD", "6.8000")])
def test_minor_units_are_those_of_the_orders_currency(api, store, currency, price):
    type(store).objects.filter(pk=store.pk).update(currency=currency)
    assert api.post("/api/v1/orders", order(6_800), format="json").json()["total"] == 13_600
    assert str(OrderLine.objects.get().unit_price) == price


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["68.00", "6800", 68.0, 68.5, True])
@pytest.mark.parametrize("field", ["unit_amount", "discount", "amount"])
def test_a_decimal_or_a_text_is_refused_with_minor_units_in_the_message(api, store, field, value):
    body = order(6_800) | {"lines": [order(6_800)["lines"][0] | {field: value}]}
    # one by one
    answer = api.post("/api/v1/orders", body, format="json")
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"], error["attr"]) == (400, "not_minor_units", f"lines.0.{field}")
    assert "minor units" in error["detail"]
    # and in a batch
    result = api.post("/api/v1/orders/batch", {"orders": [body]}, format="json").json()["results"][0]
    assert (result["outcome"], result["errors"][0]["code"]) == ("refused", "not_minor_units")
    assert not Order.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("value", [-1, 10**12])
def test_a_unit_amount_has_bounds(api, store, value):
    answer = api.post("/api/v1/orders", order(value), format="json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "lines.0.unit_amount")
    assert not Order.objects.exists()
