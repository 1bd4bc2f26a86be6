"""Settings of the categories of rewards."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.actor import of_user
from core.console import editing
from core.console.forms import RefusableForm
from core.console.views import page
from loyalty.program.selectors import default_program
from loyalty.rewards.models import RewardCategory
from loyalty.rewards.services import categories as services

EDITOR = editing.Editor(
    new="reward_category_new",
    edit="reward_category_edit",
    index="reward_categories",
    index_label=_("Reward categories"),
    new_heading=_("New category"),
    edit_heading=_("Edit category"),
    name="label",
)


class CategoryForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, required=False, help_text=_("Smaller numbers come first.")
    )

    def values(self) -> dict[str, Any]:
        return {**self.cleaned_data, "position": self.cleaned_data["position"] or 0}


@page("loyalty.change_rewardcategory")
def index(request: HttpRequest) -> HttpResponse:
    rows = RewardCategory.objects.filter(program=default_program()).annotate(count=Count("rewards"))
    return render(request, "loyalty/rewards/categories.html", {"rows": rows.order_by("position", "name")})


@page("loyalty.add_rewardcategory", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("loyalty.change_rewardcategory", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, get_object_or_404(RewardCategory, pk=pk))


def _form(request: HttpRequest, category: RewardCategory | None) -> HttpResponse:
    names = ("name", "name_zh", "position")
    initial = {name: getattr(category, name) for name in names} if category else {"position": 0}
    form = CategoryForm(request.POST or None, initial=initial)
    if request.method == "POST" and (
        response := EDITOR.save(request, form, lambda: _save(request, category, form.values()))
    ):
        return response
    context = {**EDITOR.values(category), "form": form, "category": category}
    return render(request, "loyalty/rewards/category_edit.html", context)


def _save(request: HttpRequest, category: RewardCategory | None, values: dict[str, Any]) -> RewardCategory:
    actor = of_user(request.user)
    if category is None:
        return services.create_category(program=default_program(), actor=actor, **values)
    return services.update_category(category=category, actor=actor, **values)


@page("loyalty.change_rewardcategory", methods=("POST",))
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    category = get_object_or_404(RewardCategory, pk=pk)
    services.delete_category(category=category, actor=of_user(request.user))
    messages.success(request, _t("“%(name)s” is deleted.") % {"name": category.label})
    return redirect("reward_categories")
