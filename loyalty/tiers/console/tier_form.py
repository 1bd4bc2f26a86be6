"""Forms of tiers. Money is typed in major units; each kind of benefit says which settings it has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.errors import DomainError
from core.console.forms import look_again, show_refusal
from core.fields import Field, form_fields, read_values, shown_values
from crm.orders.rules.money import to_major, to_minor
from loyalty.program.models import Program, TierDowngrade, TierMetric, TierPolicy
from loyalty.tiers.models import Tier, TierBenefit
from loyalty.tiers.registry import BENEFITS

SETTING = "setting_"


def derived_kinds() -> set[str]:
    return {name for name, kind in BENEFITS.items() if kind.derived}


def benefit_line(benefit: TierBenefit) -> tuple[str, str]:
    """Return (label of the kind, words for members)."""
    kind = BENEFITS.get(benefit.kind)
    return (str(kind.label), kind.words(benefit)) if kind else (benefit.kind, "")


class _Form(forms.Form):
    def refuse(self, error: DomainError) -> None:
        show_refusal(self, error, error.field, f"{SETTING}{error.field}")


class TierForm(_Form):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80, required=False)
    rank = forms.IntegerField(
        label=pgettext_lazy("tier", "Rank"), min_value=1, max_value=100, help_text=_("1 is the lowest.")
    )
    threshold = forms.DecimalField()
    multiplier = forms.DecimalField(
        label=_("Points multiplier"), min_value=0, max_digits=5, decimal_places=2, help_text=_("1 is the normal rate.")
    )
    paid_price = forms.DecimalField(required=False)
    paid_days = forms.IntegerField(label=_("Bought for (days)"), min_value=1, max_value=3660)

    def __init__(self, data: Any = None, *, program: Program, tier: Tier | None) -> None:
        self.program = program
        self.in_money = program.tier_metric == TierMetric.SPEND
        super().__init__(data, initial=self._initial(tier))
        labels = {TierMetric.ORDERS: _t("Number of orders from"), TierMetric.GROWTH: _t("Growth value from")}
        fields = [
            Field("threshold", "money", _t("Spend from"))
            if self.in_money
            else Field("threshold", "number", labels[TierMetric(program.tier_metric)]),
            Field("paid_price", "money", _t("Price"), _t("Empty means that it is not for sale."), required=False),
        ]
        self.fields.update(form_fields(fields, currency=program.currency))

    def _initial(self, tier: Tier | None) -> dict[str, Any]:
        if tier is None:
            last = Tier.objects.filter(program=self.program).order_by("-rank").first()
            return {"rank": last.rank + 1 if last else 1, "multiplier": "1", "paid_days": 365}
        values = {name: getattr(tier, name) for name in ("name", "name_zh", "rank", "multiplier", "paid_days")}
        values["threshold"] = self._major(tier.threshold) if self.in_money else tier.threshold
        values["paid_price"] = "" if tier.paid_price is None else self._major(tier.paid_price)
        return values

    def _major(self, amount: int) -> str:
        return f"{to_major(amount, self.program.currency):f}"

    def values(self) -> dict[str, Any]:
        """Return the values for the services, money in minor units."""
        values = dict(self.cleaned_data)
        currency = self.program.currency
        values["threshold"] = to_minor(values["threshold"], currency) if self.in_money else values["threshold"]
        values["paid_price"] = None if values["paid_price"] is None else to_minor(values["paid_price"], currency)
        values["multiplier"] = Decimal(values["multiplier"])
        return values


class PolicyForm(_Form):
    tier_metric = forms.ChoiceField(
        label=_("Tiers follow"),
        choices=TierMetric.choices,
        help_text=_(
            "Spendable points never count, so redeeming never lowers a tier. Check the thresholds after a change."
        ),
    )
    tier_period = forms.ChoiceField(label=pgettext_lazy("tier", "Over"), choices=TierPolicy.choices)
    tier_window_days = forms.IntegerField(
        label=_("Days"), min_value=1, max_value=3660, help_text=_("Only for the rolling period.")
    )
    tier_downgrade = forms.ChoiceField(label=_("When the period ends"), choices=TierDowngrade.choices)
    tier_grace_days = forms.IntegerField(
        label=_("Grace (days)"),
        min_value=0,
        max_value=366,
        help_text=_("During these days after a period, no member moves down and purchases still count."),
    )

    def __init__(self, data: Any = None, *, program: Program) -> None:
        super().__init__(data, initial={name: getattr(program, name) for name in self.base_fields})

    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class BenefitForm(_Form):
    kind = forms.ChoiceField(label=_("Kind"))
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, required=False, help_text=_("Smaller numbers come first.")
    )

    def __init__(
        self,
        data: Any = None,
        *,
        tier: Tier,
        action: str,
        benefit: TierBenefit | None = None,
        typed: dict[str, Any] | None = None,
    ) -> None:
        self.currency, self.benefit = tier.program.currency, benefit
        super().__init__(data, initial={**self._initial(), **(typed or {})})
        choices = [(name, kind.label) for name, kind in BENEFITS.items() if not kind.derived]
        chosen = benefit.kind if benefit else str((data or self.initial).get("kind") or "")
        self.kind_of = BENEFITS.get(chosen)
        fields: Any = self.fields
        fields["kind"].choices = choices
        if self.kind_of:
            self.fields.update(form_fields(self.kind_of.settings, prefix=SETTING, currency=self.currency))
        if benefit:
            del self.fields["kind"]
        else:
            self.fields["kind"].widget.attrs = look_again(action, "#kind-fields")

    def _initial(self) -> dict[str, Any]:
        if self.benefit is None:
            return {"kind": next((name for name, kind in BENEFITS.items() if not kind.derived), ""), "position": 0}
        kind = BENEFITS.get(self.benefit.kind)
        settings = kind.settings if kind else ()
        values = shown_values(settings, self.benefit.settings, prefix=SETTING, currency=self.currency)
        return {**values, "position": self.benefit.position}

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(SETTING)]

    def values(self) -> dict[str, Any]:
        fields = self.kind_of.settings if self.kind_of else ()
        settings = read_values(fields, self.cleaned_data, prefix=SETTING, currency=self.currency)
        values = {"settings": settings, "position": self.cleaned_data.get("position") or 0}
        return values if self.benefit else {**values, "kind": self.cleaned_data["kind"]}
