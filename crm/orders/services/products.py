"""The catalogue: products from the storefront or from order lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection, transaction

from core.db.locks import require_transaction
from crm.orders.selectors.skus import products_by_sku


@dataclass(frozen=True)
class ProductInput:
    """The values of a product. The price is in minor units."""

    sku: str
    name: str = ""
    category: str = ""
    brand: str = ""
    price: int | None = None
    active: bool = True


def save_products(items: Iterable[ProductInput]) -> dict[str, int]:
    """Create or update products by SKU, case-insensitive, with one statement. Empty texts keep the stored value.

    Returns {sku: id}.
    """
    require_transaction()
    requested = list(items)
    if not requested:
        return {}
    spelling: dict[str, str] = {}
    for item in requested:
        spelling.setdefault(item.sku.lower(), item.sku)
    latest = {item.sku.lower(): item for item in requested}
    rows = [replace(item, sku=spelling[key]) for key, item in latest.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_product AS p (sku, name, category, brand, price, active)
               SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bool[])
                    AS given(sku, name, category, brand, price, active) ORDER BY sku
               ON CONFLICT (lower(sku)) DO UPDATE SET
                   name = coalesce(nullif(excluded.name, ''), p.name),
                   category = coalesce(nullif(excluded.category, ''), p.category),
                   brand = coalesce(nullif(excluded.brand, ''), p.brand),
                   price = coalesce(excluded.price, p.price),
                   active = excluded.active, updated_at = now()
               WHERE (p.name, p.category, p.brand, p.price, p.active) IS DISTINCT FROM
                     (coalesce(nullif(excluded.name, ''), p.name),
                      coalesce(nullif(excluded.category, ''), p.category),
                      coalesce(nullif(excluded.brand, ''), p.brand),
                      coalesce(excluded.price, p.price), excluded.active)""",
            [
                [row.sku for row in rows],
                [row.name for row in rows],
                [row.category for row in rows],
                [row.brand for row in rows],
                [row.price for row in rows],
                [row.active for row in rows],
            ],
        )
    return products_by_sku(item.sku for item in requested)


def update_catalogue(*, items: Iterable[ProductInput]) -> int:
    """Save products in one transaction. Returns how many."""
    with transaction.atomic():
        return len(save_products(items))


class KnownProducts:
    """Product ids by SKU for the orders of one batch. Known ids are read once; new ids are added after their order."""

    def __init__(self, skus: Iterable[str]) -> None:
        self._ids: dict[str, int] = products_by_sku(skus)

    def of(self, items: Iterable[ProductInput]) -> dict[str, int]:
        """Return ids as `product_ids` does. New ids are not cached here, because the order may still be rolled back."""
        rows = {item.sku: item for item in items}
        missing = [row for sku, row in rows.items() if sku not in self._ids]
        known = {sku: self._ids[sku] for sku in rows if sku in self._ids}
        return known | product_ids(missing) if missing else known

    def remember(self, ids: dict[str, int]) -> None:
        """Add products that the caller has just created."""
        self._ids |= ids


def product_ids(items: Iterable[ProductInput]) -> dict[str, int]:
    """Return the ids of products in order lines. Unknown products are added; known products stay unchanged."""
    rows = {item.sku: item for item in items}
    known: dict[str, int] = products_by_sku(rows)
    missing = [row for sku, row in rows.items() if sku not in known]
    return known | save_products(missing) if missing else known
