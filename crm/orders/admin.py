"""Django admin of orders."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile

from core.base.errors import Invalid
from core.console.admin import ConfigurationAdmin, ReadOnlyAdmin
from crm.orders.models import Product, SpendAdjustment
from crm.orders.rules.products import link_problem, tags_problem
from crm.orders.services.products import PROBLEMS, checked_picture


class ProductForm(forms.ModelForm):
    """Check links, tags and the picture of a product as the API does."""

    class Meta:
        model = Product
        fields = "__all__"  # noqa: DJ007 - the admin names the fields

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
    form = ProductForm
    list_display = ("sku", "name", "category", "brand", "price", "active")
    list_filter = ("active",)
    search_fields = ("sku", "name")
    fields = (
        "sku", "name", "name_zh", "category", "brand", "price", "cost", "description", "description_zh", "tags",
        "tags_zh", "url", "picture", "picture_url", "active",
    )  # fmt: skip


@admin.register(SpendAdjustment)
class SpendAdjustmentAdmin(ReadOnlyAdmin):
    list_display = ("reference", "item", "customer", "amount", "currency", "occurred_at", "source")
    list_filter = ("source",)
    list_select_related = ("customer",)
    search_fields = ("=reference", "=customer__number")
