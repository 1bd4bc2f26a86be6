"""Django admin of orders."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet, Value
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from core.base.errors import Invalid
from core.console.admin import ConfigurationAdmin, ReadOnlyAdmin
from core.console.service_admin import moment
from core.text.currencies import exponent
from core.text.formatting import money
from crm.customers.selectors import shop_currency
from crm.orders.models import Product, SpendAdjustment
from crm.orders.rules.money import to_major, to_minor
from crm.orders.rules.products import link_problem, tags_problem
from crm.orders.services.products import PROBLEMS, checked_picture


class ProductForm(forms.ModelForm):
    """Check links, tags and the picture of a product as the API does. Amounts are entered in the shop's currency."""

    class Meta:
        model = Product
        fields = "__all__"  # noqa: DJ007 - the admin names the fields

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.currency = shop_currency()
        for name in ("price", "cost"):
            amount = getattr(self.instance, name)
            self.initial[name] = None if amount is None else f"{to_major(amount, self.currency):f}"
            self.fields[name] = forms.DecimalField(
                label=f"{Product._meta.get_field(name).verbose_name} ({self.currency})",  # type: ignore[union-attr]
                required=False,
                min_value=0,
                max_digits=15,
                decimal_places=exponent(self.currency),
                widget=UnfoldAdminDecimalFieldWidget(),
            )

    def clean_price(self) -> int | None:
        return self._minor("price")

    def clean_cost(self) -> int | None:
        return self._minor("cost")

    def clean_url(self) -> str:
        return self._link("url")

    def clean_picture_url(self) -> str:
        return self._link("picture_url")

    def clean_tags(self) -> list[str]:
        return self._tags("tags")

    def clean_tags_zh(self) -> list[str]:
        return self._tags("tags_zh")

    def clean_picture(self) -> Any:
        upload = self.cleaned_data["picture"]
        if not isinstance(upload, UploadedFile):
            return upload
        try:
            extension, content = checked_picture(upload)
        except Invalid as error:
            raise forms.ValidationError(str(error.message)) from None
        return ContentFile(content, name=f"{uuid.uuid4().hex}.{extension}")

    def _minor(self, name: str) -> int | None:
        amount = self.cleaned_data[name]
        return None if amount is None else to_minor(amount, self.currency)

    def _link(self, name: str) -> str:
        address = self.cleaned_data[name]
        if problem := link_problem(address):
            raise forms.ValidationError(PROBLEMS[problem])
        return address

    def _tags(self, name: str) -> list[str]:
        tags = self.cleaned_data[name] or []
        if problem := tags_problem(tags):
            raise forms.ValidationError(PROBLEMS[problem])
        return tags


@admin.register(Product)
class ProductAdmin(ConfigurationAdmin):
    group = "settings"
    form = ProductForm
    list_display = ("sku", "name", "category", "brand", "price_shown", "active")
    list_filter = ("active",)
    search_fields = ("sku", "name")
    fields = (
        "sku", "name", "name_zh", "category", "brand", "price", "cost", "description", "description_zh", "tags",
        "tags_zh", "url", "picture", "picture_url", "active",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).annotate(shop_currency=Value(shop_currency()))

    @admin.display(description=_("price"), ordering="price")
    def price_shown(self, product: Any) -> str:
        return money(product.price, product.shop_currency) or "–"


@admin.register(SpendAdjustment)
class SpendAdjustmentAdmin(ReadOnlyAdmin):
    list_display = ("reference", "item", "customer", "amount_shown", "occurred", "source")
    occurred = moment("occurred_at", _("occurred"))
    fields = readonly_fields = ("reference", "item", "customer", "amount_shown", "occurred", "source")
    list_filter = ("source",)
    list_select_related = ("customer",)
    search_fields = ("=reference", "=customer__number")

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, row: SpendAdjustment) -> str:
        return money(row.amount, row.currency)
