"""Django admin of tiers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.console.admin import ReadOnlyAdmin
from core.console.service_admin import ServiceAdmin
from core.text.formatting import money, number
from loyalty.program.models import Program
from loyalty.program.selectors import default_program
from loyalty.tiers.console.tier_form import TierForm, benefit_line
from loyalty.tiers.models import Tier, TierBenefit
from loyalty.tiers.selectors.standing import metric_text
from loyalty.tiers.services.setup import create_tier, update_tier


@admin.register(Tier)
class TierAdmin(ServiceAdmin):
    """Changed thresholds apply at a member's next order and every night."""

    console_page, console_list = "loyalty_tier", "loyalty_tiers"
    list_display = ("label", "code", "rank", "from_threshold", "times", "price")
    list_select_related = ("program",)
    search_fields = ("name", "name_zh", "=code")
    ordering = ("program", "rank")
    facts = ("code", "program")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(self, request: HttpRequest, obj: Tier | None, data: Any, files: Any, typed: Any) -> TierForm:
        return TierForm(data, program=obj.program if obj else default_program(), tier=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Tier | None, form: Any, actor: Actor) -> Tier:
        if obj is None:
            return create_tier(program=form.program, actor=actor, **form.values())
        return update_tier(tier=obj, actor=actor, **form.values())

    @admin.display(description=_("name"), ordering="name")
    def label(self, tier: Tier) -> str:
        return tier.label

    @admin.display(description=_("threshold"), ordering="threshold")
    def from_threshold(self, tier: Tier) -> str:
        return metric_text(tier.program, tier.threshold)

    @admin.display(description=_("points multiplier"), ordering="multiplier")
    def times(self, tier: Tier) -> str:
        return number(tier.multiplier)

    @admin.display(description=_("price"), ordering="paid_price")
    def price(self, tier: Tier) -> str:
        return money(tier.paid_price, tier.program.currency) or "–"


@admin.register(TierBenefit)
class TierBenefitAdmin(ReadOnlyAdmin):
    """Read-only: benefits are made and changed on the page of their tier, which asks the kind for its settings."""

    console_list, linked = "loyalty_tiers", False
    list_display = ("tier", "kind_label", "words", "active", "error")
    list_select_related = ("tier__program",)
    list_filter = ("active",)
    fields = readonly_fields = ("tier", "kind_label", "words", "active", "error")

    @admin.display(description=_("kind"), ordering="kind")
    def kind_label(self, benefit: TierBenefit) -> str:
        return benefit_line(benefit)[0]

    @admin.display(description=_("What it gives"))
    def words(self, benefit: TierBenefit) -> str:
        return benefit_line(benefit)[1]
