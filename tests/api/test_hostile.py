"""Hostile values at every place of every operation of the schema: a clear 4xx, never a server error."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from crm.orders.models import Order, OrderLine, Product

pytestmark = pytest.mark.django_db
WORDS = [
    "", " ", "\x00", "\x1b[2J", "\u2028", "\ufffe", "１２", "²", "١٢", "-1", "9" * 400, "1e400", "NaN", "Infinity",
    "true", "null", "[]", "{}", "%", "%zz", "../..", "https://[::1", "x" * 3000, "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "２０２６-01-01T00:00:00Z", "=1+1", "\U0001f600" * 50,
]  # fmt: skip
VALUES = [
    *[word for word in WORDS if "\x00" not in word],
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**300, 1e308, -0.0, 1.5, [], {}, [[[[]]]], {"a": {"b": []}}, [None],
    [1, "a"],
]  # fmt: skip
SCHEMA = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [
    (method, path, operation)
    for path, operations in SCHEMA["paths"].items()
    for method, operation in operations.items()
    if method in {"get", "post", "put", "patch", "delete"}
]


def example(schema: dict, depth: int = 0):
    """Return a plausible value of a schema, in which the tests replace one place at a time by a hostile value."""
    if "$ref" in schema:
        schema = SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return example(schema[key][0], depth)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        if depth > 5:
            return {}
        return {name: example(part, depth + 1) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema["items"], depth + 1)]
    if kind in {"integer", "number"}:
        return max(1, int(schema.get("minimum", 1)))
    if kind == "boolean":
        return True
    return {"date-time": "2026-01-01T00:00:00Z", "date": "1990-01-01", "uuid": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
            "uri": "https://example.com/", "decimal": "1.5"}.get(schema.get("format", ""), "1")  # fmt: skip


def places(value, path=()):
    """Yield the path of every place of a value."""
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, (*path, name))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from places(part, (*path, position))


def replaced(value, path, new):
    if not path:
        return new
    head, *rest = path
    if isinstance(value, dict):
        return {**value, head: replaced(value[head], rest, new)}
    return [replaced(part, rest, new) if position == head else part for position, part in enumerate(value)]


@pytest.fixture
def ask(server_key, program):
    key = server_key()
    client = Client(raise_request_exception=True)

    def send(method: str, path: str, body=None, **headers: str):
        text = json.dumps(body) if body is not None else ""
        with transaction.atomic():
            answer = client.generic(
                method.upper(), path, text, content_type="application/json",
                headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "hostile", **headers},
            )  # fmt: skip
            transaction.set_rollback(True)
        where = f"{method} {path[:200]} {text[:300]}"
        assert answer.status_code < 500, where
        if answer.status_code >= 400 and answer.status_code != 404:
            error = answer.json()["errors"][0]
            assert error["code"], where
            assert error["detail"], where
        return answer

    return send


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[f"{m} {p}" for m, p, _o in OPERATIONS])
def test_no_hostile_value_is_a_server_error(method, path, operation, ask):
    names = [part["name"] for part in operation.get("parameters", []) if part["in"] == "path"]
    queries = [part["name"] for part in operation.get("parameters", []) if part["in"] == "query"]
    plain = path
    for name in names:
        plain = plain.replace(f"{{{name}}}", "1")
    for name in names:
        for word in WORDS:
            ask(method, path.replace(f"{{{name}}}", quote(word, safe="")).replace("{", "").replace("}", ""), {})
    for name in [*queries, "cursor", "page"]:
        for word in WORDS:
            ask(method, f"{plain}?{name}={quote_plus(word)}", None if method == "get" else {})
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return
    body = example(schema)
    found = list(places(body))
    for turn, place in enumerate(found[:24]):
        # Each place gets a sixth of the values, and each value is used at every sixth place.
        for value in VALUES[turn % 6 :: 6]:
            ask(method, plain, replaced(body, place, value))


CURSORS = [
    "broken", "%ff", "[" * 5000, "W10", "bnVsbA", "eyJhIjoxfQ", "WyJuIiwgSW5maW5pdHld", "WyJuIiwgMWU0MDBd",
]  # fmt: skip


@pytest.mark.parametrize("path", ["orders", "products", "tickets", "segments", "broadcasts"])
def test_a_wrong_cursor_page_or_filter_is_named(path, api, program):
    import base64

    made = [
        ["n", 10**30], ["n", "a\x00", 1], ["n", "\ud800"], ["n", float("inf")], ["n", "0001-01-01T00:00:00+14:00", 1],
        ["n", "2026-01-01T00:00:00", 10**30],
    ]  # fmt: skip
    cursors = [*CURSORS, *(base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in made)]
    deep = base64.urlsafe_b64encode(b"[" * 9000).decode()
    for cursor in [*cursors, deep]:
        answer = api.get(f"/api/v1/{path}", {"cursor": cursor})
        # These lists are ordered by a text, and any text is a valid position.
        if path not in {"products", "segments"} or answer.status_code != 200:
            assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "cursor"), cursor[:60]
    for name, value in (("page", "2"), ("custmer", "1"), ("limit", "0"), ("limit", "１０")):
        answer = api.get(f"/api/v1/{path}", {name: value})
        assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, name)


@pytest.mark.parametrize("digits", ["１", "١", "²"])
@pytest.mark.parametrize("field", ["quantity", "unit_amount", "discount", "amount"])
def test_numbers_in_other_digits_are_refused_by_name(field, digits, api, store):
    line = {"sku": "A", "quantity": "1", "unit_amount": 100, field: digits}
    order = {"number": "N1", "placed_at": "2026-01-01T00:00:00Z", "lines": [line]}
    answer = api.post("/api/v1/orders", order)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, f"lines.0.{field}")
    result = api.post("/api/v1/orders/batch", {"orders": [order]}).json()["results"][0]
    assert (result["outcome"], result["errors"][0]["attr"]) == ("refused", f"lines.0.{field}")
    assert not Order.objects.exists()


def test_a_batch_reads_its_products_once(api, store, django_assert_max_num_queries):
    def batch(run: str) -> dict:
        lines = [{"sku": f"S{n}", "quantity": 1, "unit_amount": 250, "name": "a\tb\\N\nc"} for n in range(40)]
        return {
            "orders": [{"number": f"{run}{n}", "placed_at": "2026-01-01T00:00:00Z", "lines": lines} for n in range(10)]
        }

    first = api.post("/api/v1/orders/batch", batch("A"))
    assert {row["outcome"] for row in first.json()["results"]} == {"created"}
    assert (Product.objects.count(), OrderLine.objects.count()) == (40, 400)
    assert set(OrderLine.objects.values_list("name", "amount")) == {("a\tb\\N\nc", 250)}
    # given known products, an order costs the same few statements for any number of lines
    with django_assert_max_num_queries(10 * 12 + 8):
        assert api.post("/api/v1/orders/batch", batch("B")).status_code == 200
    assert OrderLine.objects.count() == 800


def test_limits_of_bodies_are_in_the_schema():
    for _method, _path, operation in OPERATIONS:
        assert {"413", "431"} <= set(operation["responses"])
    assert settings.BATCH_BODY_LIMIT == 32 * 1024 * 1024
