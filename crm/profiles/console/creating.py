"""The page that creates a customer by hand, with a warning about customers who may be the same person."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import show_refusal
from core.console.views import page
from crm.customers import selectors as profile
from crm.customers.models import Customer
from crm.customers.services.identities import GivenIdentity
from crm.customers.services.registration import create_customer
from crm.profiles import selectors


class NewCustomerForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    email = forms.CharField(label=_("E-mail"), max_length=200, required=False)
    birthday = forms.DateField(label=_("Birthday"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    region = forms.CharField(label=_("Region"), max_length=120, required=False)
    verified = forms.BooleanField(label=_("Verified: the customer proved that the contacts are theirs"), required=False)

    def identities(self) -> list[GivenIdentity]:
        values = self.cleaned_data
        return [
            GivenIdentity(kind, values[kind], values["verified"]) for kind in ("phone", "email") if values[kind].strip()
        ]

    def profile(self) -> dict[str, Any]:
        values = self.cleaned_data
        return {name: values[name] for name in ("name", "region", "birthday") if values[name]}

    def refuse(self, error: DomainError) -> None:
        name = error.field or ""
        if name.startswith("identities"):
            name = "phone" if self.cleaned_data.get("phone") or not self.cleaned_data.get("email") else "email"
        show_refusal(self, error, name)


@page("crm.add_customer", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    """Show the form. Before a customer is created who may be known, show the known ones and ask."""
    form = NewCustomerForm(request.POST or None)
    similar: list[selectors.SimilarCustomer] = []
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        similar = selectors.similar_customers(values["name"], values["phone"], values["email"])
        if not similar or request.POST.get("do") == "save":
            customer = _create(request, form)
            if customer is not None:
                messages.success(request, _t("Customer %(number)s is created.") % {"number": customer.number})
                return redirect("customer", customer.number)
    heading = _t("New customer")
    context = {
        "form": form,
        "similar": similar,
        "taken": any(item.same_contact for item in similar),
        "title": heading,
        "heading": heading,
        "back_url": reverse("customers"),
        "back_label": _t("Customers"),
    }
    return render(request, "crm/profiles/customer_new.html", context)


def _create(request: HttpRequest, form: NewCustomerForm) -> Customer | None:
    try:
        return create_customer(
            identities=form.identities(),
            profile=form.profile(),
            actor=of_user(request.user),
            source="console",
            country=profile.default_country(),
        )
    except DomainError as error:
        form.refuse(error)
        return None
