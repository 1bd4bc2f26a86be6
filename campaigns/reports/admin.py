"""Django admin of the calendar's own days, which the page of the calendar shows beside festivals and broadcasts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.calendar.console import DayForm
from campaigns.calendar.models import ShopDay
from campaigns.calendar.services import add_shop_day, change_shop_day, remove_shop_day
from core.base.actor import Actor
from core.console.service_admin import Command, ServiceAdmin, calls
from core.text.formatting import month_day

PERMISSION = "campaigns.change_broadcast"


def _removal(day: ShopDay) -> str:
    return _t("This day is removed from the calendar. Broadcasts that were planned for it stay.")


@admin.register(ShopDay)
class ShopDayAdmin(ServiceAdmin):
    """Days of the calendar. As in the console, all who may change broadcasts plan them."""

    console_list = "calendar"
    list_display = ("name", "date", "lunar", "year")
    list_filter = ("lunar",)
    search_fields = ("name",)
    ordering = ("month", "day", "name")
    state_field = "id"
    commands = (Command("remove", _("Remove from the calendar"), calls(remove_shop_day, "day"), _removal),)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("campaigns.view_broadcast")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)

    def make_form(self, request: HttpRequest, obj: ShopDay | None, data: Any, files: Any, typed: Any) -> DayForm:
        if obj is None:
            return DayForm(data)
        initial = {"name": obj.name, "month": obj.month, "day": obj.day, "by_lunar": obj.lunar, "year": obj.year}
        return DayForm(data, initial=initial)

    def save_form_by_service(self, request: HttpRequest, obj: ShopDay | None, form: Any, actor: Actor) -> ShopDay:
        if obj is None:
            return add_shop_day(actor=actor, **form.cleaned_data)
        return change_shop_day(shop_day=obj, actor=actor, **form.cleaned_data)

    @admin.display(description=_("date"), ordering="month")
    def date(self, day: ShopDay) -> str:
        if day.lunar:
            return _t("month %(month)s, day %(day)s") % {"month": day.month, "day": day.day}
        return month_day(day.month, day.day)
