"""Django admin of rewards."""

from django.contrib import admin

from core.console.admin import ConfigurationAdmin, ReadOnlyAdmin, plain_fields
from loyalty.rewards.models import Reward, RewardCategory


@admin.register(RewardCategory)
class RewardCategoryAdmin(ConfigurationAdmin):
    list_display = ("name", "name_zh", "code", "program", "position")
    list_select_related = ("program",)
    fields = plain_fields(RewardCategory)


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    """Read-only: rewards are made and changed in the console.

    Its service keeps sales made during the change and asks the kind for its settings.
    """

    list_display = ("name", "kind", "points", "stock", "active", "starts_at", "ends_at")
    list_filter = ("active", "kind")
    fields = plain_fields(Reward)
