"""The page on which staff record a refund: lines or an amount, then its effect, then the refund."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.effects import Effect
from core.console.forms import show_refusal
from core.console.views import page
from core.text.formatting import money
from crm.orders.models import Order, OrderLine
from crm.orders.rules.money import exponent, to_minor
from crm.orders.selectors.orders import order_with_everything
from crm.orders.services.refunds import RefundLineInput, record_refund
from crm.orders.services.trials import try_refund

LINE = "line_"


@dataclass(frozen=True)
class ReturnableLine:
    """A line of the order, the quantity that can still be returned, and the field for it."""

    line: OrderLine
    left: Decimal
    field: forms.BoundField


class RefundForm(forms.Form):
    """Returned quantities by line, or an amount. `number` makes a second click harmless."""

    reason = forms.CharField(label=_("Reason"), max_length=200)
    number = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, order: Order) -> None:
        super().__init__(data, initial={"number": f"C-{uuid.uuid4().hex[:10].upper()}"})
        self.order = order
        self.lines = [line for line in order.lines.all() if line.quantity > line.refunded_quantity]
        for line in self.lines:
            left = line.quantity - line.refunded_quantity
            self.fields[f"{LINE}{line.position}"] = forms.DecimalField(
                label=_("Returned quantity"),
                required=False,
                min_value=0,
                max_value=left,
                max_digits=12,
                decimal_places=3,
            )
        left_amount = money(order.total - order.refunded, order.currency)
        self.fields["amount"] = forms.DecimalField(
            label=_("Amount (%(currency)s)") % {"currency": order.currency},
            required=False,
            min_value=0,
            max_digits=15,
            decimal_places=exponent(order.currency),
            help_text=_("Empty: the amount of the returned lines. At most %(left)s is left.") % {"left": left_amount},
        )

    def rows(self) -> list[ReturnableLine]:
        return [
            ReturnableLine(line, line.quantity - line.refunded_quantity, self[f"{LINE}{line.position}"])
            for line in self.lines
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and self.amount is None and not self.returned:
            self.add_error(None, _("Enter a returned quantity or an amount."))
        return values

    @property
    def amount(self) -> int | None:
        amount = self.cleaned_data.get("amount")
        return None if amount is None else to_minor(amount, self.order.currency)

    @property
    def returned(self) -> list[RefundLineInput]:
        quantities = [(line.position, self.cleaned_data.get(f"{LINE}{line.position}")) for line in self.lines]
        return [RefundLineInput(position, quantity) for position, quantity in quantities if quantity]

    def refuse(self, error: DomainError) -> None:
        name = error.field or ""
        if name.startswith("lines.") and name.split(".")[1].isdigit():
            name = f"{LINE}{self.returned[int(name.split('.')[1])].position}"
        show_refusal(self, error, name)


@page("crm.add_refund", methods=("GET", "POST"))
def refund(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form, then the effect, then record the refund."""
    order = get_object_or_404(order_with_everything(), pk=pk)
    if request.method == "POST" and order.refunds.filter(number=request.POST.get("number", "")[:64]).exists():
        # A second click: the refund is there.
        return redirect("order", pk)
    form = RefundForm(request.POST or None, order=order)
    effects: list[Effect] = []
    if request.method == "POST" and form.is_valid():
        values = {"number": form.cleaned_data["number"], "amount": form.amount, "lines": form.returned}
        actor = of_user(request.user)
        try:
            if request.POST.get("do") == "save":
                recorded = record_refund(
                    order_number=order.number,
                    source=order.source,
                    reason=form.cleaned_data["reason"],
                    actor=actor,
                    **values,
                )
                text = _t("%(amount)s of order %(number)s is recorded as refunded.")
                shown = money(recorded.refund.amount, order.currency)
                messages.success(request, text % {"amount": shown, "number": order.number})
                return redirect("order", pk)
            effects = try_refund(order=order, actor=actor, **values)
        except DomainError as error:
            form.refuse(error)
    heading = _t("Record a refund")
    context = {
        "order": order,
        "form": form,
        "effects": effects,
        "title": heading,
        "heading": heading,
        "back_url": reverse("order", args=[pk]),
        "back_label": _t("Order %(number)s") % {"number": order.number},
    }
    return render(request, "crm/orders/refund.html", context)
