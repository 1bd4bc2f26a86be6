"""The list of products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.console.list_columns import Cell
from core.console.views import may
from core.lists.columns import created_column
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, State, register
from core.text.formatting import money
from crm.customers.selectors import shop_currency
from crm.orders.models import Product
from crm.orders.selectors import picking
from crm.orders.selectors.pictures import product_picture_path

# Products without a price are sorted before those that cost nothing.
NO_PRICE = Value(-1)


@dataclass(frozen=True)
class ListedProduct:
    """A row of the list. `url` is empty for those who may not edit products."""

    item: Product
    picture: str
    price: str
    url: str


def _rows(request: HttpRequest, products: Sequence[Product]) -> list[ListedProduct]:
    currency, may_change = shop_currency(), may(request.user, "crm.change_product")
    return [
        ListedProduct(
            product,
            product_picture_path(product),
            "" if product.price is None else money(product.price, currency),
            _edit(product) if may_change else "",
        )
        for product in products
    ]


def _edit(product: Product) -> str:
    return reverse("product_edit", args=[product.pk])


def _state(row: ListedProduct) -> Cell:
    return Cell(_("On sale"), badge="good") if row.item.active else Cell(_("Not on sale"), badge="off")


def _categories(_request: HttpRequest) -> Choices:
    return [(path, path) for path in picking.category_paths()]


def _in_category(_request: HttpRequest, products: QuerySet[Product], value: str) -> QuerySet[Product]:
    return products.filter(category=value.replace("\x00", ""))


def _search(products: QuerySet[Any], words: str) -> QuerySet[Any]:
    return picking.search_products(words, products)  # type: ignore[arg-type]


PRODUCTS = register(
    ObjectList(
        name="products",
        title=_("Products"),
        route="products",
        model=Product,
        permission="crm.view_product",
        change="crm.change_product",
        select=lambda _request: Product.objects.all(),
        rows=_rows,
        item=lambda row: row.item,
        opens=_edit,
        edit=_edit,
        order=("sku", "id"),
        columns=[
            Column(
                "name",
                _("Product"),
                lambda row: str(row.item),
                sort="name",
                template="crm/orders/list_product.html",
            ),
            Column("sku", _("SKU"), lambda row: row.item.sku, sort="sku"),
            Column("category", _("Category"), lambda row: row.item.category, sort="category"),
            Column(
                "price",
                _("Price"),
                lambda row: row.price,
                lambda row: row.price,
                sort=Coalesce("price", NO_PRICE),
                number=True,
            ),
            Column("state", _("State"), _state, on_cards=False),
            Column("brand", _("Brand"), lambda row: row.item.brand, sort="brand", shown=False),
            created_column(),
        ],
        states=[
            State("", _("All")),
            State("on_sale", _("On sale"), lambda: Q(active=True)),
            State("off", _("Not on sale"), lambda: Q(active=False)),
        ],
        search=_search,
        placeholder=_("Name, SKU or brand"),
        filters=[Filter("category", _("Category"), _categories, _in_category)],
        empty=Empty(
            "package",
            _("No products yet"),
            _("The storefront sends them through the API, or an import brings them."),
            filtered=_("No product matches"),
        ),
    )
)
