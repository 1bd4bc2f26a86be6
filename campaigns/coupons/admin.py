"""Django admin of coupons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.console.form import CouponForm
from campaigns.coupons.labels import terms, worth
from campaigns.coupons.models import Coupon
from campaigns.coupons.services.coupons import create_coupon, update_coupon
from core.base.actor import Actor
from core.console.service_admin import ServiceAdmin, switches
from core.text.formatting import money, number
from crm.customers.selectors import shop_currency


@admin.register(Coupon)
class CouponAdmin(ServiceAdmin):
    """The discount of an existing coupon is fixed, because customers may have its codes."""

    console_page, console_list = "coupon", "coupons"
    list_display = ("name", "gives", "mode", "active", "starts_at", "ends_at", "issued", "used")
    list_filter = ("active", "mode", "kind")
    search_fields = ("name",)
    ordering = ("-created_at", "-id")
    facts = ("price", "mode", "active", "issued", "used", "discount")
    commands = switches(update_coupon, "coupon")

    def make_form(self, request: HttpRequest, obj: Coupon | None, data: Any, files: Any, typed: Any) -> CouponForm:
        return CouponForm(data, currency=shop_currency(), action="", coupon=obj, typed=typed)

    def save_form_by_service(self, request: HttpRequest, obj: Coupon | None, form: Any, actor: Actor) -> Coupon:
        if obj is None:
            return create_coupon(actor=actor, currency=form.currency, **form.values())
        return update_coupon(coupon=obj, actor=actor, **form.values())

    @admin.display(description=_("What it gives"))
    def gives(self, coupon: Coupon) -> str:
        return worth(coupon)

    @admin.display(description=_("What it gives"))
    def price(self, coupon: Coupon) -> str:
        return terms(coupon)

    @admin.display(description=_("issued"), ordering="issued_count")
    def issued(self, coupon: Coupon) -> str:
        return number(coupon.issued_count)

    @admin.display(description=_("redeemed"), ordering="redeemed_count")
    def used(self, coupon: Coupon) -> str:
        if not coupon.limit_total:
            return number(coupon.redeemed_count)
        return _t("%(used)s of %(limit)s") % {
            "used": number(coupon.redeemed_count), "limit": number(coupon.limit_total),
        }  # fmt: skip

    @admin.display(description=_("discount given"))
    def discount(self, coupon: Coupon) -> str:
        return money(coupon.redeemed_amount, coupon.currency)
