"""The catalogue: products from the storefront or from order lines."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row, require_transaction
from core.db.statements import statement
from core.http import pictures
from crm.orders.models import Product
from crm.orders.rules.products import link_problem, tags_problem
from crm.orders.selectors.skus import products_by_sku

PICTURE_BYTES = 3 * 1024 * 1024
LARGEST = 2**53
LENGTHS = {
    "name": 300, "name_zh": 300, "description": 4000, "description_zh": 4000, "category": 200, "brand": 120, "url": 500,
}  # fmt: skip
CHANGEABLE = frozenset([*LENGTHS, "tags", "tags_zh", "price", "cost", "active", "picture"])
PROBLEMS = {
    "not_a_link": _("Enter an address that begins with http:// or https://."),
    "too_long": _("An address can have at most 500 characters."),
    "too_many_tags": _("A product can have at most 20 tags."),
    "wrong_tag": _("A tag has 1 to 40 characters."),
    "negative": _("The cost can't be negative."),
}


@dataclass(frozen=True)
class ProductInput:
    """The values of a product. The price and the cost are in minor units. Tags None keep the stored ones."""

    sku: str
    name: str = ""
    category: str = ""
    brand: str = ""
    price: int | None = None
    active: bool = True
    name_zh: str = ""
    description: str = ""
    description_zh: str = ""
    tags: Sequence[str] | None = None
    tags_zh: Sequence[str] | None = None
    url: str = ""
    picture_url: str = ""
    cost: int | None = None


def save_products(items: Iterable[ProductInput]) -> dict[str, int]:
    """Create or update products by SKU, case-insensitive, with one statement. Empty texts keep the stored value.

    Returns {sku: id}. Raises Invalid naming the row and the field: `not_a_link`, `too_long`, `negative`,
    `too_many_tags`, `wrong_tag`.
    """
    require_transaction()
    requested = list(items)
    if not requested:
        return {}
    for place, item in enumerate(requested):
        _check(item, f"products.{place}")
    spelling: dict[str, str] = {}
    for item in requested:
        spelling.setdefault(item.sku.lower(), item.sku)
    latest = {item.sku.lower(): item for item in requested}
    rows = [replace(item, sku=spelling[key]) for key, item in latest.items()]
    with connection.cursor() as cursor:
        cursor.execute(statement(__package__, "save_products"), {"products": json.dumps([asdict(row) for row in rows])})
    return products_by_sku(item.sku for item in requested)


def _check(item: ProductInput, where: str) -> None:
    for name, problem in (
        ("url", link_problem(item.url)),
        ("picture_url", link_problem(item.picture_url)),
        ("tags", tags_problem(item.tags or ())),
        ("tags_zh", tags_problem(item.tags_zh or ())),
        ("cost", "negative" if item.cost is not None and item.cost < 0 else ""),
    ):
        if problem:
            raise Invalid(PROBLEMS[problem], code=problem, field=f"{where}.{name}")


def set_product_picture(*, product: Product, upload: UploadedFile | None) -> Product:
    """Store a picture of a product, encoded again; None removes it. Raises Invalid naming the field."""
    content = checked_picture(upload) if upload is not None else None
    with transaction.atomic():
        locked = lock_row(Product.objects.filter(pk=product.pk))
        _set_picture(locked, content)
        locked.updated_at = Now()  # type: ignore[assignment]
        locked.save(update_fields=["picture", "updated_at"])
    locked.refresh_from_db()
    return locked


def update_product(*, product: Product, actor: Actor, **values: Any) -> Product:
    """Change a product by hand; its SKU stays. `picture` is an upload, None removes it.

    Raises Invalid naming the field.
    """
    for name in values.keys() - CHANGEABLE:
        raise Invalid(_("This can't be changed here."), code="fixed", field=name)
    has_picture, picture = "picture" in values, values.pop("picture", None)
    cleaned = {name: _cleaned(name, value) for name, value in values.items()}
    content = checked_picture(picture) if picture is not None else None
    with transaction.atomic():
        locked = lock_row(Product.objects.filter(pk=product.pk))
        for name, value in cleaned.items():
            setattr(locked, name, value)
        if has_picture:
            _set_picture(locked, content)
        locked.updated_at = Now()  # type: ignore[assignment]
        locked.save(update_fields=[*cleaned, "updated_at", *(["picture"] if has_picture else [])])
    locked.refresh_from_db()
    return locked


def _cleaned(name: str, value: Any) -> Any:
    if name in LENGTHS:
        text = str(value).strip() if name.startswith("description") else " ".join(str(value).split())
        if len(text) > LENGTHS[name] or "\x00" in text:
            raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
        if name == "category":
            text = "/".join(part.strip() for part in text.split("/") if part.strip())
        if name == "url" and (problem := link_problem(text)):
            raise Invalid(PROBLEMS[problem], code=problem, field=name)
        return text
    if name in {"tags", "tags_zh"}:
        if problem := tags_problem(value):
            raise Invalid(PROBLEMS[problem], code=problem, field=name)
        return list(dict.fromkeys(value))
    if name in {"price", "cost"}:
        if value is not None and not 0 <= value <= LARGEST:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
        return value
    return bool(value)


def _set_picture(product: Product, content: tuple[str, bytes] | None) -> None:
    storage, old = product.picture.storage, product.picture.name or ""
    if content:
        extension, body = content
        product.picture.save(f"{uuid.uuid4().hex}.{extension}", ContentFile(body), save=False)
    else:
        product.picture = ""
    if old:
        transaction.on_commit(lambda: storage.delete(old))


def checked_picture(upload: UploadedFile) -> tuple[str, bytes]:
    """Return (extension, content) of a picture that is encoded again. Raises Invalid naming the field."""
    if (upload.size or 0) > PICTURE_BYTES:
        raise Invalid(_("A picture can have at most 3 MB."), code="too_large", field="picture")
    return pictures.checked(upload.read(PICTURE_BYTES + 1), "picture")


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
