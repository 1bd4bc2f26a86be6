"""Texts, tags, links, cost and pictures of products: written by API and services, refused with field and reason."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation
from PIL import Image

from core.base.errors import Invalid
from crm.orders.models import Product
from crm.orders.rules.products import link_problem, tags_problem
from crm.orders.services.products import ProductInput, set_product_picture, update_catalogue

pytestmark = pytest.mark.django_db
FULL = {
    "sku": "CF-9", "name": "Huila", "name_zh": "慧兰", "description": "Plum and honey.",
    "description_zh": "李子与蜂蜜。",
    "category": "Coffee", "brand": "Camellia", "price": 6800, "cost": 2900, "tags": ["coffee", "filter"],
    "tags_zh": ["咖啡", "手冲"], "url": "https://shop.example/cf-9", "picture_url": "https://img.example/cf-9.png",
    "active": True,
}  # fmt: skip


def png(colour: str = "red") -> SimpleUploadedFile:
    output = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(output, "PNG")
    return SimpleUploadedFile("a.png", output.getvalue(), "image/png")


def test_the_api_stores_and_returns_all_fields(api, store):
    assert api.post("/api/v1/products", {"products": [FULL]}, format="json").json() == {"saved": 1}

    row = api.get("/api/v1/products?sku=cf-9").json()["results"][0]

    assert row == {**FULL, "picture": "https://img.example/cf-9.png"}


def test_missing_values_keep_the_stored_ones(api, store):
    api.post("/api/v1/products", {"products": [FULL]}, format="json")

    api.post("/api/v1/products", {"products": [{"sku": "CF-9", "price": 7000, "tags_zh": []}]}, format="json")

    row = api.get("/api/v1/products?sku=CF-9").json()["results"][0]
    assert row == {**FULL, "price": 7000, "tags_zh": [], "picture": "https://img.example/cf-9.png"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("url", "javascript:alert(1)", "not_a_link"),
        ("url", "shop.example/cf-9", "not_a_link"),
        ("picture_url", "ftp://img.example/a.png", "not_a_link"),
        ("url", "https://shop.example/" + "a" * 480, "too_long"),
        ("tags", ["a"] * 21, "too_many_tags"),
        ("tags_zh", ["长" * 41], "wrong_tag"),
        ("cost", -1, "negative"),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_is_saved(field, value, code):
    items = [ProductInput("CF-1"), ProductInput("CF-2", **{field: value})]

    with pytest.raises(Invalid) as error:
        update_catalogue(items=items)

    assert (error.value.code, error.value.field) == (code, f"products.1.{field}")
    assert not Product.objects.exists()


def test_the_rules_accept_web_addresses_and_twenty_tags():
    assert [link_problem(address) for address in ("", "http://a.example", "https://[::1", "https://a b")] == [
        "", "", "not_a_link", "not_a_link",
    ]  # fmt: skip
    assert tags_problem(["a" * 40] * 20) == ""
    assert tags_problem([" "]) == "wrong_tag"


def test_the_name_follows_the_language_of_the_viewer():
    product = Product(sku="CF-9", name="Huila", name_zh="慧兰", description="Plum.", description_zh="李子。")

    with translation.override("zh-hans"):
        assert (product.label, product.description_label) == ("慧兰", "李子。")
    with translation.override("en"):
        assert (str(product), product.description_label) == ("Huila", "Plum.")


def test_a_picture_is_stored_served_and_replaced(
    api, client, store, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.MEDIA_ROOT = str(tmp_path)
    update_catalogue(items=[ProductInput("CF-9", picture_url="https://img.example/cf-9.png")])
    product = set_product_picture(product=Product.objects.get(), upload=png())
    first = product.picture.name.rpartition("/")[2]

    answer = client.get(reverse("product_picture", args=[first]))

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert api.get("/api/v1/products").json()["results"][0]["picture"].endswith(f"/products/pictures/{first}")
    with django_capture_on_commit_callbacks(execute=True):
        set_product_picture(product=product, upload=png("blue"))
    assert client.get(reverse("product_picture", args=[first])).status_code == 404
    assert len(list((tmp_path / "products").iterdir())) == 1


def test_a_file_that_is_no_picture_is_refused(store):
    update_catalogue(items=[ProductInput("CF-9")])

    with pytest.raises(Invalid) as error:
        set_product_picture(product=Product.objects.get(), upload=SimpleUploadedFile("a.png", b"<svg/>"))

    assert (error.value.code, error.value.field) == ("invalid", "picture")
    assert Product.objects.get().picture.name == ""
