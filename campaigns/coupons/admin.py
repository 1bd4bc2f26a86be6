"""Django admin of coupons."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.labels import terms
from campaigns.coupons.models import Coupon
from core.console.admin import ConfigurationAdmin, console_link


@admin.register(Coupon)
class CouponAdmin(ConfigurationAdmin):
    """Limits and dates are changed in the console, whose service protects codes that customers already have."""

    list_display = ("name", "gives", "mode", "active", "issued_count", "redeemed_count")
    list_filter = ("active", "mode")
    search_fields = ("name",)
    fields = (
        "name",
        "active",
        "console",
        "gives",
        "kind",
        "currency",
        "mode",
        "give_back",
        "issued_count",
        "redeemed_count",
    )
    readonly_fields = ("console", "gives", "kind", "currency", "mode", "give_back", "issued_count", "redeemed_count")

    @admin.display(description=_("What it gives"))
    def gives(self, coupon: Coupon) -> str:
        return terms(coupon)

    @admin.display(description=_("console"))
    def console(self, coupon: Coupon) -> str:
        return console_link("coupon", coupon.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
