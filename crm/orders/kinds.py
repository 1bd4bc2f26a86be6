"""Pickers of the catalogue for declared fields."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.fields import PickedItem, Picker
from crm.orders.selectors import picking


class ProductPicker(Picker):
    """Products by SKU."""

    results = "pick_products"
    page = "products"
    prompt = _("Search products by name or SKU")

    def items(self, values: Sequence[str]) -> list[PickedItem]:
        return picking.products_of(values)


class CategoryPicker(Picker):
    """Categories that products have. `branches`: also the paths above them, which include what is below."""

    page = "products"
    prompt = _("Search categories")

    def __init__(self, *, branches: bool) -> None:
        self.branches = branches
        self.results = "pick_branches" if branches else "pick_categories"

    def items(self, values: Sequence[str]) -> list[PickedItem]:
        return picking.categories_of(values, branches=self.branches)
