"""Settings of the shop: its profile and the check of its mail domain."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.actor import of_user
from core.base.errors import NotFound
from core.console import editing
from core.console.forms import RefusableForm
from core.console.views import page
from core.text.currencies import currency_choices
from core.text.formatting import locale
from crm.customers.models import Store
from crm.customers.selectors import logo_path
from crm.customers.services.mail_domain import check_domain, sender_address
from crm.customers.services.shop import update_shop

TEXTS = ("name", "address", "brand_colour", "accent_colour", "sender_name", "sender_email", "reply_to", "dkim_selector")
PLACE = ("time_zone", "currency")


class ShopForm(RefusableForm):
    name = forms.CharField(label=_("Name of the shop"), max_length=120)
    logo = forms.FileField(label=_("Logo"), required=False, help_text=_("PNG, JPEG, WebP or GIF, at most 1 MB."))
    remove_logo = forms.BooleanField(label=_("Remove logo"), required=False)
    brand_colour = forms.CharField(
        label=_("Brand colour"), max_length=7, required=False, help_text=_("A code such as #1f5fbf.")
    )
    accent_colour = forms.CharField(
        label=_("Second colour"), max_length=7, required=False, help_text=_("For buttons and accents of messages.")
    )
    address = forms.CharField(
        label=_("Postal address"),
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("Many countries require it in marketing e-mails."),
    )
    sender_name = forms.CharField(
        label=_("Sender name"), max_length=120, required=False, help_text=_("The name that customers see.")
    )
    sender_email = forms.CharField(label=_("Sender address"), max_length=254, required=False)
    reply_to = forms.CharField(
        label=_("Reply-to address"), max_length=254, required=False, help_text=_("Empty: replies go to the sender.")
    )
    dkim_selector = forms.CharField(
        label=_("DKIM selector"),
        max_length=63,
        required=False,
        help_text=_("Your e-mail provider shows it, for example s1. It is needed only for the check of the domain."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"))
    currency = forms.ChoiceField(label=pgettext_lazy("money", "Currency"))

    def __init__(self, data: Any = None, files: Any = None, *, store: Store) -> None:
        super().__init__(data, files, initial={name: getattr(store, name) for name in (*TEXTS, *PLACE)})
        fields: Any = self.fields
        zones = sorted({name for name in zoneinfo.available_timezones() if "/" in name} | {store.time_zone})
        fields["time_zone"].choices = [(name, name.replace("_", " ")) for name in zones]
        known = currency_choices(locale())
        if store.currency not in dict(known):
            known.insert(0, (store.currency, store.currency))
        fields["currency"].choices = known
        fields["currency"].help_text = _("Can be changed only while no order exists.")
        fields["logo"].widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})
        fields["sender_email"].help_text = _("Empty: %(address)s, the address of the server.") % {
            "address": sender_address(None)
        }
        if not store.logo:
            del self.fields["remove_logo"]

    def values(self) -> dict[str, Any]:
        values = {name: self.cleaned_data[name] for name in (*TEXTS, *PLACE)}
        if self.cleaned_data.get("logo"):
            values["logo"] = self.cleaned_data["logo"]
        elif self.cleaned_data.get("remove_logo"):
            values["logo"] = ""
        return values


def _store() -> Store:
    store = Store.objects.default_or_none()
    if store is None:
        raise NotFound(_("The shop is not set up yet."), code="no_store")
    return store


@page("crm.change_store", methods=("GET", "POST"))
def show(request: HttpRequest) -> HttpResponse:
    store = _store()
    form = ShopForm(request.POST or None, request.FILES or None, store=store)
    if request.method == "POST" and editing.save_or_refuse(
        form, lambda: update_shop(store=store, actor=of_user(request.user), **form.values())
    ):
        messages.success(request, _t("The shop is saved."))
        return redirect("settings_shop")
    heading = _t("Shop")
    context = {
        "form": form,
        "store": store,
        "logo": logo_path(store),
        "sender": sender_address(store),
        "title": heading,
        "heading": heading,
        "action": reverse("settings_shop"),
        "back_url": reverse("settings"),
        "back_label": _t("Settings"),
    }
    return render(request, "crm/customers/shop.html", context)


@page("crm.change_store")
def domain(request: HttpRequest) -> HttpResponse:
    """Ask the name servers and show the records to publish."""
    store = _store()
    context = {"store": store, "sender": sender_address(store), "check": check_domain(store)}
    return render(request, "crm/customers/mail_domain.html", context)
