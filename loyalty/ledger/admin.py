"""Django admin of the points ledger."""

from django.contrib import admin

from core.console.admin import RawTableAdmin, ReadOnlyAdmin, plain_fields
from loyalty.ledger.models import Account, Allocation, Entry, GivingLimit, Hold, Lot, Transfer


@admin.register(GivingLimit)
class GivingLimitAdmin(ReadOnlyAdmin):
    """Read-only: limits are changed in the console, where the defaults and the history are."""

    group = "settings"
    console_list = "giving_limits"
    list_display = ("role", "points_per_act", "points_per_day", "coupons_per_day")
    fields = plain_fields(GivingLimit)


# The ledger as stored. Its database functions are the only writers.
admin.site.register([Account, Allocation, Entry, Hold, Lot, Transfer], RawTableAdmin)
