"""The catalogue, as the storefront or an order tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db import connection, transaction

from core.locks import require_transaction
from crm.selectors.skus import products_by_sku


@dataclass(frozen=True)
class ProductInput:
    sku: str
    name: str = ""
    category: str = ""
    brand: str = ""
    price: int | None = None
    active: bool = True


def save_products(items: Iterable[ProductInput]) -> dict[str, int]:
    """Create or update by SKU, whatever its case; empty texts leave what is there. Returns {sku: id}. One statement."""
    require_transaction()
    asked = list(items)
    if not asked:
        return {}
    spelling: dict[str, str] = {}
    for item in asked:
        spelling.setdefault(item.sku.lower(), item.sku)
    latest = {item.sku.lower(): item for item in asked}
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
    return products_by_sku(item.sku for item in asked)


def update_catalogue(*, items: Iterable[ProductInput]) -> int:
    """Save products as one command. Returns how many."""
    with transaction.atomic():
        return len(save_products(items))


class KnownProducts:
    """Ids of products by SKU for the orders of one batch: known ones are read once, added ones after their order."""

    def __init__(self, skus: Iterable[str]) -> None:
        self._ids: dict[str, int] = products_by_sku(skus)

    def of(self, items: Iterable[ProductInput]) -> dict[str, int]:
        """As `product_ids`. What it adds is not remembered: the order may still be rolled back."""
        rows = {item.sku: item for item in items}
        missing = [row for sku, row in rows.items() if sku not in self._ids]
        known = {sku: self._ids[sku] for sku in rows if sku in self._ids}
        return known | product_ids(missing) if missing else known

    def remember(self, found: dict[str, int]) -> None:
        self._ids |= found


def product_ids(items: Iterable[ProductInput]) -> dict[str, int]:
    """Ids of products named by order lines; unknown ones are added, known ones are left as the catalogue has them."""
    rows = {item.sku: item for item in items}
    known: dict[str, int] = products_by_sku(rows)
    missing = [row for sku, row in rows.items() if sku not in known]
    return known | save_products(missing) if missing else known
