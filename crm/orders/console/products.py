"""Pages of the catalogue: the list of products with pictures, the form of one, and the matches of the pickers."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.actor import of_user
from core.console import editing
from core.console.forms import RefusableForm
from core.console.views import page
from core.fields import Field, PickedItem, form_fields
from core.lists.showing import respond
from crm.customers.selectors import shop_currency
from crm.orders.console.product_list import PRODUCTS
from crm.orders.models import Product
from crm.orders.rules.money import to_major, to_minor
from crm.orders.selectors import picking
from crm.orders.selectors.pictures import product_picture_path
from crm.orders.services.products import update_product

TEXTS = ("name", "name_zh", "description", "description_zh", "category", "brand", "url")
EDITOR = editing.Editor(
    new="products",
    edit="product_edit",
    index="products",
    index_label=_("Products"),
    new_heading=_("Products"),
    edit_heading=_("Edit product"),
)


@page("crm.view_product")
def index(request: HttpRequest) -> HttpResponse:
    return respond(PRODUCTS, request)


class ProductForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=300, required=False)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=300, required=False)
    description = forms.CharField(
        label=_("Description"), max_length=4000, required=False, widget=forms.Textarea({"rows": 3})
    )
    description_zh = forms.CharField(
        label=_("Description in Chinese"), max_length=4000, required=False, widget=forms.Textarea({"rows": 3})
    )
    category = forms.CharField(
        label=_("Category"), max_length=200, required=False, help_text=_("A path such as Coffee/Beans.")
    )
    brand = forms.CharField(label=_("Brand"), max_length=120, required=False)
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas, at most 20."))
    tags_zh = forms.CharField(label=_("Tags in Chinese"), required=False)
    url = forms.CharField(
        label=_("Link"), max_length=500, required=False, help_text=_("The page of the product in the storefront.")
    )
    picture = forms.FileField(
        label=_("Picture"), required=False, help_text=_("PNG, JPEG, WebP or GIF, at most 3 MB, ideally square.")
    )
    remove_picture = forms.BooleanField(label=_("Remove picture"), required=False)
    active = forms.BooleanField(label=_("On sale"), required=False)

    def __init__(self, data: Any = None, files: Any = None, *, product: Product, currency: str) -> None:
        self.currency = currency
        initial: dict[str, Any] = {name: getattr(product, name) for name in (*TEXTS, "active")}
        initial["tags"], initial["tags_zh"] = ", ".join(product.tags), ", ".join(product.tags_zh)
        for name in ("price", "cost"):
            amount = getattr(product, name)
            initial[name] = "" if amount is None else f"{to_major(amount, currency):f}"
        super().__init__(data, files, initial=initial)
        money_fields = [
            Field("price", "money", _t("Price"), required=False),
            Field("cost", "money", _t("Cost"), _t("For margins of campaigns; customers never see it."), required=False),
        ]
        self.fields.update(form_fields(money_fields, currency=currency))
        self.fields["category"].widget.attrs["list"] = "categories"
        self.fields["picture"].widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})
        if not product.picture:
            del self.fields["remove_picture"]

    def values(self) -> dict[str, Any]:
        """Return the values for the service, money in minor units."""
        data = self.cleaned_data
        values: dict[str, Any] = {name: data[name] for name in (*TEXTS, "active")}
        for name in ("price", "cost"):
            values[name] = None if data[name] is None else to_minor(data[name], self.currency)
        for name in ("tags", "tags_zh"):
            values[name] = [tag.strip() for tag in re.split(r"[,，、\n]", data[name]) if tag.strip()]
        if data.get("picture"):
            values["picture"] = data["picture"]
        elif data.get("remove_picture"):
            values["picture"] = None
        return values


@page("crm.change_product", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    product = get_object_or_404(Product, pk=pk)
    form = ProductForm(
        request.POST or None, request.FILES or None, product=product, currency=shop_currency()
    )  # fmt: skip
    if request.method == "POST" and (
        response := EDITOR.save(
            request, form, lambda: update_product(product=product, actor=of_user(request.user), **form.values())
        )
    ):
        return response
    context = {
        **EDITOR.values(product),
        "title": str(product),
        "form": form,
        "product": product,
        "picture": product_picture_path(product),
        "categories": picking.category_paths(),
    }
    return render(request, "crm/orders/product_edit.html", context)


@page("crm.view_product")
def pick_products(request: HttpRequest) -> HttpResponse:
    return _matches(request, picking.matching_products(_typed(request)))


@page("crm.view_product")
def pick_categories(request: HttpRequest) -> HttpResponse:
    return _matches(request, picking.matching_categories(_typed(request), branches=False))


@page("crm.view_product")
def pick_branches(request: HttpRequest) -> HttpResponse:
    return _matches(request, picking.matching_categories(_typed(request), branches=True))


def _typed(request: HttpRequest) -> str:
    return request.GET.get("picker_q", "").strip()[:100]


def _matches(request: HttpRequest, items: list[PickedItem]) -> HttpResponse:
    field = request.GET.get("field", "")[:100]
    context = {"items": items, "field": field, "list_id": re.sub(r"[^a-z0-9]+", "-", f"pick-{field}".lower())}
    return render(request, "components/picker_results.html", context)
