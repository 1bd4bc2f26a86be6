"""Django admin of rewards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from core.base.actor import Actor
from core.console.forms import RefusableForm
from core.console.service_admin import Section, ServiceAdmin, moment, switches
from core.text.formatting import money, number
from loyalty.program.models import Program
from loyalty.program.selectors import default_program
from loyalty.rewards.console.reward_form import LIMIT, SETTING, RewardForm
from loyalty.rewards.models import Reward, RewardCategory
from loyalty.rewards.services.categories import create_category, update_category
from loyalty.rewards.services.rewards import create_reward, update_reward


class CategoryForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, initial=0, help_text=_("Smaller numbers come first.")
    )

    def __init__(self, data: Any, *, category: RewardCategory | None) -> None:
        names = ("name", "name_zh", "position")
        super().__init__(data, initial={name: getattr(category, name) for name in names} if category else {})


@admin.register(RewardCategory)
class RewardCategoryAdmin(ServiceAdmin):
    list_display = ("label", "code", "program", "position")
    list_select_related = ("program",)
    search_fields = ("name", "name_zh", "=code")
    console_list, linked = "rewards", False
    facts = ("code", "program")
    ordering = ("position", "name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(
        self, request: HttpRequest, obj: RewardCategory | None, data: Any, files: Any, typed: Any
    ) -> CategoryForm:
        return CategoryForm(data, category=obj)

    def save_form_by_service(
        self, request: HttpRequest, obj: RewardCategory | None, form: Any, actor: Actor
    ) -> RewardCategory:
        if obj is None:
            return create_category(program=default_program(), actor=actor, **form.cleaned_data)
        return update_category(category=obj, actor=actor, **form.cleaned_data)

    @admin.display(description=_("name"), ordering="name")
    def label(self, category: RewardCategory) -> str:
        return category.label


@admin.register(Reward)
class RewardAdmin(ServiceAdmin):
    """The kind of an existing reward is fixed. Sales made while the form is open are kept."""

    console_page, console_list = "reward", "rewards"
    list_display = ("label", "kind", "price", "category", "left", "active", "starts", "ends")
    list_select_related = ("program", "category", "minimum_tier")
    list_filter = ("active", "kind", "category")
    search_fields = ("name", "name_zh", "=code")
    ordering = ("position", "-id")
    starts, ends = moment("starts_at", _("starts")), moment("ends_at", _("ends"))
    facts = ("code", "kind", "price", "left", "active")
    commands = switches(update_reward, "reward")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(self, request: HttpRequest, obj: Reward | None, data: Any, files: Any, typed: Any) -> RewardForm:
        program = obj.program if obj else default_program()
        return RewardForm(data, files, program=program, action="", reward=obj, typed=typed)

    def save_form_by_service(self, request: HttpRequest, obj: Reward | None, form: Any, actor: Actor) -> Reward:
        data, values = form.cleaned_data, form.values()
        if obj is None:
            return create_reward(program=form.program, kind=data["kind"], actor=actor, **values)
        return update_reward(reward=obj, actor=actor, stock_seen=data["stock_seen"], **values)

    def sections(self, form: forms.Form, obj: Reward | None) -> Iterable[Section]:
        settings = [name for name in form.fields if name.startswith(SETTING)]
        limits = [name for name in form.fields if name.startswith(LIMIT)]
        yield None, [name for name in form.fields if name not in {*settings, *limits}]
        yield _("Settings of this kind"), settings
        yield _("Limits by tier"), limits

    @admin.display(description=_("name"), ordering="name")
    def label(self, reward: Reward) -> str:
        return reward.label

    @admin.display(description=_("price"), ordering="points")
    def price(self, reward: Reward) -> str:
        text = ngettext("%(count)s point", "%(count)s points", reward.points) % {"count": number(reward.points)}
        return f"{text} + {money(reward.money, reward.program.currency)}" if reward.money else text

    @admin.display(description=_("stock"), ordering="stock")
    def left(self, reward: Reward) -> str:
        return _t("unlimited") if reward.stock is None else number(reward.stock)
