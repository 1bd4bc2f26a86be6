"""Load the products that an activity event or an order names, as templates show them: name, price and link."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.db.models.functions import Lower

from core.text.currencies import to_minor
from core.text.formatting import in_language, money
from crm.orders.models import Product
from crm.orders.selectors.pictures import product_picture_path

MOST_ITEMS = 20
LONGEST_TEXT, LONGEST_URL = 300, 2000
HIGHEST_PRICE = Decimal(10**12)


@dataclass(frozen=True)
class Card:
    """A product of the catalogue as messages show it, with its name in both languages. `price` is in minor units."""

    sku: str
    name: str
    name_zh: str
    price: int | None
    url: str
    picture: str

    def shown(self, currency: str) -> dict[str, str]:
        """Return the values for a template, in the language in force."""
        return {
            "sku": self.sku,
            "name": in_language(self.name, self.name_zh) or self.sku,
            "price": money(self.price, currency) if self.price is not None and currency else "",
            "url": self.url,
            "picture": self.picture,
        }


def product_cards(skus: Iterable[str]) -> dict[str, Card]:
    """Return the products on sale by SKU as it was asked; those that are unknown or not on sale are left out."""
    asked = list(skus)
    products = _products(asked)
    found = {sku: products.get(sku.lower()) for sku in asked}
    return {sku: _card(product) for sku, product in found.items() if product is not None and product.active}


def _products(skus: Iterable[str]) -> dict[str, Product]:
    """Return the products by lower-case SKU, with one query."""
    wanted = sorted({sku.lower() for sku in skus})
    if not wanted:
        return {}
    rows = Product.objects.alias(_key=Lower("sku")).filter(_key__in=wanted)
    return {row.sku.lower(): row for row in rows}


def _card(row: Product) -> Card:
    own = product_picture_path(row)
    picture = f"{settings.SITE_URL}{own}" if own else safe_url(row.picture_url)
    return Card(row.sku, row.name, row.name_zh, row.price, safe_url(row.url), picture)


def activity_contexts(references: Iterable[Mapping[str, Any]], currency: str) -> dict[int, dict[str, Any]]:
    """Return events by id, each with `at` and up to twenty `items`; `references` hold id and time of events.

    The event names one product by its SKU, or several in its property `items`, each with `sku`, `name`, `price` (major
    units), `quantity` and `url`. Name and price of the catalogue come first. Prices are minor units, None if unknown.
    """
    wanted = {int(row["id"]): datetime.fromisoformat(row["at"]) for row in references}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT a.id, a.occurred_at, a.properties, coalesce(p.sku, '') FROM crm_activityevent a
               JOIN unnest(%s::bigint[], %s::timestamptz[]) AS g(id, at) ON a.id = g.id AND a.occurred_at = g.at
               LEFT JOIN crm_product p ON p.id = a.product_id""",
            [list(wanted), list(wanted.values())],
        )
        named = {pk: (at, _named(_mapping(properties), sku)) for pk, at, properties, sku in cursor.fetchall()}
    products = _products(row["sku"] for _at, rows in named.values() for row in rows if row["sku"])
    return {
        pk: {"at": at.isoformat(), "items": [_item(row, products.get(row["sku"].lower()), currency) for row in rows]}
        for pk, (at, rows) in named.items()
    }


def event_context(event: Mapping[str, Any] | None, currency: str) -> dict[str, Any]:
    """Return an event for the reader: prices are formatted in the language in force."""
    if not event:
        return {"at": "", "items": []}
    return {"at": event["at"], "items": [{**item, "price": money(item["price"], currency)} for item in event["items"]]}


def _mapping(properties: Any) -> dict[str, Any]:
    read = json.loads(properties) if isinstance(properties, str) else properties
    return read if isinstance(read, dict) else {}


def _named(properties: Mapping[str, Any], sku: str) -> list[dict[str, Any]]:
    """Return what the event says about its products, those without name and SKU left out."""
    listed = properties.get("items")
    rows: Sequence[Any] = listed if isinstance(listed, list) and listed else [{**properties, "sku": sku}]
    read = [
        {
            "sku": _text(row.get("sku"), LONGEST_TEXT),
            "name": _text(row.get("name"), LONGEST_TEXT),
            "price": row.get("price"),
            "quantity": _quantity(row.get("quantity")),
            "url": safe_url(row.get("url")),
        }
        for row in rows[:MOST_ITEMS]
        if isinstance(row, dict)
    ]
    return [row for row in read if row["sku"] or row["name"]]


def _item(row: Mapping[str, Any], product: Product | None, currency: str) -> dict[str, Any]:
    """Return one product of an event: the catalogue comes first, the event fills the rest."""
    card = _card(product) if product is not None and product.active else None
    price = product.price if product is not None else None
    sku = product.sku if product is not None else row["sku"]
    return {
        "sku": sku,
        "name": (product.name if product is not None else "") or row["name"] or sku,
        "price": _price(row["price"], currency) if price is None else price,
        "quantity": row["quantity"],
        "url": row["url"] or (card.url if card else ""),
        "picture": card.picture if card else "",
    }


def _text(value: Any, longest: int) -> str:
    return str(value).strip()[:longest] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number < HIGHEST_PRICE else None


def _price(value: Any, currency: str) -> int | None:
    number = _number(value)
    return None if number is None or not currency else to_minor(number, currency)


def _quantity(value: Any) -> str:
    number = _number(value)
    return "1" if not number else f"{number.normalize():f}"


def safe_url(value: Any) -> str:
    """Return an absolute http or https address, or "": another scheme could run code in the reader's program."""
    text = _text(value, LONGEST_URL + 1)
    if not text or len(text) > LONGEST_URL:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""
