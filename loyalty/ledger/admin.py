"""Django admin of the points ledger."""

from django.contrib import admin

from core.console.admin import ReadOnlyAdmin, plain_fields
from loyalty.ledger.models import GivingLimit


@admin.register(GivingLimit)
class GivingLimitAdmin(ReadOnlyAdmin):
    """Read-only: limits are changed in the console, where the defaults and the history are."""

    list_display = ("role", "points_per_act", "points_per_day", "coupons_per_day")
    fields = plain_fields(GivingLimit)
