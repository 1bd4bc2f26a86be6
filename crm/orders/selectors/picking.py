"""Products and categories to pick from: matches of a search, and the items of stored values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Count, Max, Q
from django.db.models.functions import Lower
from django.utils.translation import ngettext

from core.fields import PickedItem
from core.text.formatting import money, number
from crm.customers.selectors import shop_currency
from crm.orders.models import Product, ProductQuerySet
from crm.orders.selectors.pictures import product_picture_path

MATCHES = 12


def search_products(query: str, products: ProductQuerySet | None = None) -> ProductQuerySet:
    """Return the products, of these or of all, whose name in either language, SKU or brand contains the words."""
    rows = Product.objects.all() if products is None else products
    for word in query.split()[:6]:
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(name_zh__icontains=word)
            | Q(sku__icontains=word)
            | Q(brand__icontains=word)
            | Q(category__icontains=word)
        )
    return rows


def matching_products(query: str, limit: int = MATCHES) -> list[PickedItem]:
    """Return the first matches, products on sale first."""
    currency = shop_currency()
    return [_product(row, currency) for row in search_products(query).order_by("-active", "name", "sku")[:limit]]


def products_of(skus: Sequence[str]) -> list[PickedItem]:
    """Return the items of stored SKUs in their order; an unknown SKU stays visible."""
    if not skus:
        return []
    currency = shop_currency()
    rows = {
        row.sku.lower(): row
        for row in Product.objects.alias(_key=Lower("sku")).filter(_key__in=[sku.lower() for sku in skus])
    }
    return [
        _product(row, currency, sku)
        if (row := rows.get(sku.lower()))
        else PickedItem(sku, sku, icon="zoom-question", known=False)
        for sku in skus
    ]


def _product(row: Product, currency: str, sku: str = "") -> PickedItem:
    price = money(row.price, currency) if row.price is not None else ""
    return PickedItem(
        sku or row.sku,
        row.label or row.sku,
        " · ".join(part for part in (row.sku if row.label else "", price) if part),
        product_picture_path(row),
    )


def matching_categories(query: str, *, branches: bool, limit: int = MATCHES) -> list[PickedItem]:
    """Return the first categories that contain the words. `branches`: also the paths above them."""
    words = query.lower().split()
    items = [item for item in _categories(branches) if all(word in item.value.lower() for word in words)]
    return items[:limit]


def categories_of(paths: Sequence[str], *, branches: bool) -> list[PickedItem]:
    """Return the items of stored categories in their order; an unknown category stays visible."""
    if not paths:
        return []
    known = {item.value: item for item in _categories(branches)}
    return [known.get(path) or PickedItem(path, path, icon="zoom-question", known=False) for path in paths]


def category_paths() -> list[str]:
    """Return the categories of products."""
    return [item.value for item in _categories(branches=False)]


def _categories(branches: bool) -> list[PickedItem]:
    rows = (
        Product.objects.exclude(category="")
        .values("category")
        .annotate(count=Count("pk"), picture=Max("picture"))
        .order_by("category")
    )
    counts: dict[str, int] = defaultdict(int)
    pictures: dict[str, str] = {}
    for row in rows:
        picture = product_picture_path(Product(picture=row["picture"]))
        for path in _branch(row["category"]) if branches else (row["category"],):
            counts[path] += row["count"]
            pictures[path] = pictures.get(path) or picture
    return [
        PickedItem(
            path,
            path.replace("/", " / "),
            ngettext("%(count)s product", "%(count)s products", count) % {"count": number(count)},
            pictures[path],
            icon="stack-2",
        )
        for path, count in sorted(counts.items())
    ]


def _branch(path: str) -> Iterable[str]:
    """Return a path and every path above it: Coffee/Beans, Coffee."""
    parts = path.split("/")
    return ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
