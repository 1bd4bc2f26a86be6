"""Pages of products, and the pickers that replace typed SKUs and categories."""

from __future__ import annotations

import io

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import QueryDict
from django.urls import reverse
from PIL import Image

from analytics.segments.models import Segment
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.fields import Field, form_fields, read_values, shown_values
from core.security.roles import Role
from crm.orders.models import Product
from crm.orders.services.products import ProductInput, save_products, set_product_picture, update_product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def catalogue(store):
    with transaction.atomic():
        save_products(
            [
                ProductInput("BEAN-1", "House beans", "Coffee/Beans", price=88_00, name_zh="拼配豆"),
                ProductInput("BEAN-2", "Dark beans", "Coffee/Beans", price=98_00),
                ProductInput("CUP-1", "Cup", "Ware", price=40_00),
                ProductInput("OLD-1", "Old beans", "Coffee", active=False),
            ]
        )
    set_product_picture(product=Product.objects.get(sku="CUP-1"), upload=picture())
    return Product.objects.order_by("sku")


def picture() -> SimpleUploadedFile:
    output = io.BytesIO()
    Image.new("RGB", (30, 30), "#1f5fbf").save(output, "PNG")
    return SimpleUploadedFile("cup.png", output.getvalue(), "image/png")


@pytest.fixture
def administrator(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    return client


def test_the_list_is_searched_by_name_sku_and_category(administrator, catalogue):
    def shown(query: str) -> list[str]:
        return [row.row.item.sku for row in administrator.get(f"/products/?{query}").context["rows"]]

    assert shown("") == ["BEAN-1", "BEAN-2", "CUP-1", "OLD-1"]
    assert shown("q=beans house") == ["BEAN-1"]
    assert shown("q=拼配") == ["BEAN-1"]
    assert shown("q=cup-1") == ["CUP-1"]
    assert shown("category=Coffee/Beans") == ["BEAN-1", "BEAN-2"]
    assert shown("q=nothing") == []
    assert shown("state=on_sale") == ["BEAN-1", "BEAN-2", "CUP-1"]
    assert shown("state=off") == ["OLD-1"]
    # products without a price come last when the dearest come first
    assert shown("sort=-price") == ["BEAN-2", "BEAN-1", "CUP-1", "OLD-1"]
    assert shown("sort=-name&q=beans") == ["OLD-1", "BEAN-1", "BEAN-2"]


def test_the_list_shows_pictures_and_only_those_who_may_edit_get_links(administrator, catalogue, staff):
    edit = reverse("product_edit", args=[catalogue[0].pk])
    page = administrator.get("/products/")
    tabs = [(str(tab.label), tab.count) for tab in page.context["list"].tabs]
    assert tabs == [("All", "4"), ("On sale", "3"), ("Not on sale", "1")]
    assert [[str(entry.label) for entry in row.menu] for row in page.context["rows"]] == [["Edit", "Export"]] * 4
    # the name and the menu link to the form; one product has a picture
    assert page.content.decode().count(f'href="{edit}"') == 2
    assert page.content.decode().count("/products/pictures/") == 1
    administrator.force_login(staff(Role.AGENT))
    assert f'href="{edit}"' not in administrator.get("/products/").content.decode()


def test_a_product_is_edited_in_both_languages(administrator, catalogue):
    product = catalogue[0]
    form = {
        "name": "House  beans", "name_zh": "招牌豆", "description": "Sweet", "description_zh": "甜", "brand": "Leaf",
        "category": " Coffee / Beans ", "tags": "sweet, dark，nutty", "tags_zh": "甜", "price": "92.50", "cost": "",
        "url": "https://shop.example/beans", "active": "on", "picture": picture(),
    }  # fmt: skip
    answer = administrator.post(reverse("product_edit", args=[product.pk]), form)
    assert answer.url == reverse("products")
    product.refresh_from_db()
    assert (product.name, product.name_zh, product.category) == ("House beans", "招牌豆", "Coffee/Beans")
    assert (product.tags, product.price, product.cost, product.sku) == (
        ["sweet", "dark", "nutty"],
        92_50,
        None,
        "BEAN-1",
    )
    assert product.picture
    administrator.post(reverse("product_edit", args=[product.pk]), {**form, "picture": "", "remove_picture": "on"})
    product.refresh_from_db()
    assert not product.picture


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"url": "javascript:alert(1)"}, "url", "not_a_link"),
        ({"tags": ["x" * 41]}, "tags", "wrong_tag"),
        ({"price": -1}, "price", "invalid"),
        ({"name": "x" * 301}, "name", "invalid"),
        ({"sku": "OTHER"}, "sku", "fixed"),
        ({"picture": SimpleUploadedFile("x.png", b"no picture")}, "picture", "invalid"),
    ],
)
def test_wrong_values_are_refused(catalogue, values, field, code):
    product = catalogue[0]
    before = Product.objects.values().get(pk=product.pk)
    with pytest.raises(Invalid) as refused:
        update_product(product=product, actor=SYSTEM, brand="Other", **values)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert Product.objects.values().get(pk=product.pk) == before


def matches(client, route: str, query: str) -> list[tuple[str, str]]:
    answer = client.get(reverse(route), {"picker_q": query, "field": "skus"})
    return [(item.value, item.detail) for item in answer.context["items"]]


def test_products_are_offered_with_picture_and_price(administrator, catalogue):
    assert matches(administrator, "pick_products", "beans") == [
        ("BEAN-2", "BEAN-2 · ¥98.00"), ("BEAN-1", "BEAN-1 · ¥88.00"), ("OLD-1", "OLD-1"),
    ]  # fmt: skip
    page = administrator.get(reverse("pick_products"), {"picker_q": "cup", "field": "rule.sku"}).content.decode()
    assert '<img class="thumb"' in page
    assert 'name="rule.sku"' in page
    assert "Nothing matches." in administrator.get(reverse("pick_products"), {"picker_q": "zzz"}).content.decode()


def test_categories_are_offered_alone_or_with_their_branches(administrator, catalogue):
    assert matches(administrator, "pick_categories", "") == [
        ("Coffee", "1 product"), ("Coffee/Beans", "2 products"), ("Ware", "1 product"),
    ]  # fmt: skip
    assert matches(administrator, "pick_branches", "coffee") == [
        ("Coffee", "3 products"), ("Coffee/Beans", "2 products"),
    ]  # fmt: skip


FIELDS = [
    Field("skus", "words", "Products", picker="product", required=False),
    Field("category", "text", "Category", picker="category_branch", required=False),
]


class Form(forms.Form):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields.update(form_fields(FIELDS))


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        ("skus=BEAN-1&skus=CUP-1&category=Coffee", {"skus": ["BEAN-1", "CUP-1"], "category": "Coffee"}),
        # as typed without a script: one a line, besides the check boxes
        ("skus=BEAN-1&skus=BEAN-2%0ABEAN-1&category=Coffee&category=Ware", {
            "skus": ["BEAN-1", "BEAN-2"], "category": "Ware"}),
        ("", {"skus": [], "category": ""}),
    ],
)  # fmt: skip
def test_picked_values_are_read_as_typed_ones_were(catalogue, sent, values):
    form = Form(QueryDict(sent))
    assert form.is_valid()
    assert read_values(FIELDS, form.cleaned_data) == values


def test_stored_values_are_shown_with_their_names(catalogue):
    form = Form(initial=shown_values(FIELDS, {"skus": ["bean-1", "GONE"], "category": "Coffee"}))
    page = form.as_p()
    assert "House beans" in page
    assert 'value="bean-1"' in page
    assert "not in the catalogue" in page
    assert "3 products" in page


def test_the_builder_of_segments_offers_pickers(administrator, catalogue):
    rule = {
        "name": "Bean buyers", "rule.op": "and", "rule.children.0.condition": "bought_product",
        "rule.children.0.was": "bought_product", "rule.children.0.operator": "has",
        # the empty value is the field for browsers without scripts
        "rule.children.0.sku": ["BEAN-1", ""],
        "rule.children.0.times": "1", "rule.children.0.days": "365",
        "rule.children.1.condition": "bought_category", "rule.children.1.was": "bought_category",
        "rule.children.1.operator": "has", "rule.children.1.values": ["Ware", "Coffee/Beans", ""],
        "rule.children.1.times": "1", "rule.children.1.days": "365",
    }  # fmt: skip
    page = administrator.post(reverse("segment_new"), {**rule, "do": "look"}).content.decode()
    assert "House beans" in page
    assert "Coffee / Beans" in page
    assert f'hx-get="{reverse("pick_products")}?field=rule.children.0.sku"' in page
    administrator.post(reverse("segment_new"), {**rule, "do": "save"})
    children = Segment.objects.get().rule["children"]
    assert (children[0]["sku"], children[1]["values"]) == ("BEAN-1", ["Coffee/Beans", "Ware"])
