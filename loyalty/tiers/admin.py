"""Django admin of tiers."""

from django.contrib import admin

from core.console.admin import ReadOnlyAdmin, plain_fields
from loyalty.tiers.models import TierBenefit


@admin.register(TierBenefit)
class TierBenefitAdmin(ReadOnlyAdmin):
    """Read-only: benefits are made and changed in the console, which asks the kind for its settings."""

    list_display = ("tier", "kind", "settings", "active", "error")
    list_select_related = ("tier",)
    list_filter = ("kind", "active")
    fields = plain_fields(TierBenefit)
