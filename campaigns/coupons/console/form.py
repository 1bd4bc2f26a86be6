"""Define the forms of coupons. Amounts are entered in major units; the service validates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.coupons.models import CodeMode, Coupon, DiscountKind
from campaigns.coupons.rules.discounts import percent_off
from core.base.errors import DomainError
from core.console.forms import look_again, show_refusal
from core.text.currencies import exponent
from core.text.formatting import in_chinese
from crm.orders.rules.money import to_major, to_minor

AMOUNTS = ("max_discount", "minimum_spend", "budget")
KEPT = (
    "name", "starts_at", "ends_at", "valid_days", "limit_total", "limit_per_customer", "budget", "minimum_spend",
    "max_discount", "give_back", "member_day_only",
)  # fmt: skip


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


def _limit(label: Any, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=2**31 - 1, required=False, help_text=help_text)


class CouponForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("thing", "Name"), max_length=120, help_text=_("Customers read it in the shop.")
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=DiscountKind.choices)
    value = forms.DecimalField(label=_("Value"))
    zhe = forms.DecimalField(
        label=_("Discount in 折"),
        min_value=0,
        max_value=Decimal("9.9"),
        max_digits=2,
        decimal_places=1,
        help_text=_("8.5 means that customers pay 85%: 15% off. 0 is free."),
    )
    max_discount = forms.DecimalField(label=_("Largest discount"), required=False)
    minimum_spend = forms.DecimalField(label=_("Minimum spend"), required=False)
    mode = forms.ChoiceField(label=_("Codes"), choices=CodeMode.choices)
    code = forms.CharField(
        label=_("Code"), max_length=40, required=False, help_text=_("4 to 20 letters and digits, such as SUMMER25.")
    )
    valid_days = _limit(_("Days valid after issue"), _("Counted from the day a customer gets the code."))
    starts_at = _moment(_("Starts"))
    ends_at = _moment(_("Ends"))
    limit_total = _limit(_("Uses in all"))
    limit_per_customer = _limit(_("Uses per customer"))
    limit_per_code = _limit(_("Uses per code"))
    budget = forms.DecimalField(label=_("Budget"), required=False, help_text=_("Total of all discounts."))
    give_back = forms.BooleanField(
        label=_("Give back after full refund"),
        required=False,
        help_text=_("The use is free again once its order is refunded in full. A partial refund leaves it used."),
    )
    member_day_only = forms.BooleanField(
        label=_("Valid on the member day only"),
        required=False,
        help_text=_(
            "The member day is a setting of the loyalty program. A code reserved on this day can be paid later."
        ),
    )
    large_discount_confirmed = forms.BooleanField(
        label=_("Confirm a discount of more than half of the price"), required=False
    )

    def __init__(
        self,
        data: Any = None,
        *,
        currency: str,
        action: str,
        coupon: Coupon | None = None,
        typed: dict[str, Any] | None = None,
    ) -> None:
        self.currency = coupon.currency if coupon else currency
        super().__init__(data, initial={**self._initial(coupon), **(typed or {})})
        values = data or self.initial
        self.gives = coupon.kind if coupon else values.get("kind") or DiscountKind.AMOUNT
        self.coded = coupon.mode if coupon else values.get("mode") or CodeMode.UNIQUE
        # In Chinese a percentage is the share left to pay; a submitted value is read in the form in which it was
        # requested.
        self.tenths = "zhe" in data if data else in_chinese()
        again = look_again(action, "#coupon-fields")
        for name in ("kind", "mode"):
            self.fields[name].widget.attrs = again
        self._suit(fixed=coupon is not None)
        if not values.get("large_discount_confirmed"):
            # This field is shown only when it is needed: see `refuse`.
            self._asked = self.fields.pop("large_discount_confirmed")

    def _initial(self, coupon: Coupon | None) -> dict[str, Any]:
        if coupon is None:
            return {
                "kind": DiscountKind.AMOUNT,
                "mode": CodeMode.UNIQUE,
                "limit_per_customer": 1,
                "valid_days": 30,
                "give_back": True,
            }
        values = {name: getattr(coupon, name) for name in KEPT}
        return values | {name: self._typed(values[name]) for name in AMOUNTS}

    def _typed(self, minor: int | None) -> str:
        return f"{to_major(minor, self.currency):f}" if minor else ""

    def _suit(self, *, fixed: bool) -> None:
        """Keep only the fields of this kind of coupon; the discount of an existing coupon is fixed."""
        removed = {"kind", "value", "zhe", "mode", "code", "limit_per_code"} if fixed else set()
        percent = self.gives == DiscountKind.PERCENT
        removed |= {"max_discount"} if not percent else set()
        removed |= {"value"} if percent and self.tenths else {"zhe"}
        removed |= {"valid_days"} if self.coded == CodeMode.PUBLIC else {"code"}
        for name in removed:
            self.fields.pop(name, None)
        for name in ("value", *AMOUNTS):
            if name in self.fields:
                self.fields[name] = self._amount(name, self.fields[name])
        if "code" in self.fields:
            self.fields["code"].required = True

    def _amount(self, name: str, field: forms.Field) -> forms.DecimalField:
        """Return the field with the currency's number of decimals; a percentage is whole."""
        percent = name == "value" and self.gives == DiscountKind.PERCENT
        return forms.DecimalField(
            label=_("Percent off") if percent else f"{field.label} ({self.currency})",
            required=field.required,
            help_text=_("15 means that customers pay 85%.") if percent else field.help_text,
            min_value=0,
            max_digits=15,
            decimal_places=0 if percent else exponent(self.currency),
        )

    def values(self) -> dict[str, Any]:
        """Return the values for the services, with amounts in minor units."""
        values = dict(self.cleaned_data)
        for name in ("value", *AMOUNTS):
            if values.get(name) is not None:
                percent = name == "value" and self.gives == DiscountKind.PERCENT
                values[name] = int(values[name]) if percent else to_minor(values[name], self.currency)
        if "minimum_spend" in values:
            values["minimum_spend"] = values["minimum_spend"] or 0
        if "zhe" in values:
            values["value"] = percent_off(values.pop("zhe"))
        return values

    def refuse(self, error: DomainError) -> None:
        if error.code == "large_discount":
            self.fields["large_discount_confirmed"] = self._asked
        if error.field == "value" and "zhe" in self.fields:
            error.field = "zhe"
        show_refusal(self, error)
