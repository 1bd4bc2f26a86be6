"""Pages that add, verify and remove the contact details of a customer."""

from __future__ import annotations

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
from core.console.views import form_errors, page, stays
from core.text.formatting import number as format_number
from crm.customers import selectors as profile
from crm.customers.models import Customer, Identity, IdentityKind
from crm.customers.services.contacts import remove_identity, verify_identity
from crm.customers.services.identities import add_identity

# A device is recognised by the storefront; staff can't know it.
BY_HAND = [(code, label) for code, label in IdentityKind.choices if code != IdentityKind.DEVICE]


class ContactForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=BY_HAND)
    value = forms.CharField(label=_("Number, address or id"), max_length=200)
    verified = forms.BooleanField(
        label=_("Verified: the customer proved that it is theirs"),
        required=False,
        help_text=_("A verified contact identifies the customer. One that another customer only claimed moves here."),
    )

    def refuse(self, error: DomainError) -> None:
        show_refusal(self, error, (error.field or "").rpartition(".")[2], "value")


@page("crm.add_identity", methods=("GET", "POST"))
def add(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    form = ContactForm(request.POST or None)
    if request.method == "POST":
        if form.is_valid():
            values = form.cleaned_data
            try:
                add_identity(
                    customer=customer,
                    kind=values["kind"],
                    value=values["value"],
                    verified=values["verified"],
                    actor=of_user(request.user),
                    country=profile.default_country(),
                )
            except DomainError as error:
                form.refuse(error)
            else:
                messages.success(request, _t("The contact is added."))
                return redirect("customer", number)
        if stays(request):
            return form_errors(form)
    heading = _t("Add a contact")
    context = {
        "customer": customer,
        "form": form,
        "title": heading,
        "heading": heading,
        "back_url": reverse("customer", args=[number]),
        "back_label": customer,
    }
    return render(request, "crm/profiles/contact_add.html", context)


def _identity(number: str, pk: int) -> Identity:
    return get_object_or_404(
        Identity.objects.select_related("customer").filter(customer__state="active"), pk=pk, customer__number=number
    )


@page("crm.change_identity", methods=("GET", "POST"))
def verify(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Show the effect of verifying a contact, then verify it."""
    identity = _identity(number, pk)
    if request.method == "POST":
        verify_identity(identity=identity, actor=of_user(request.user))
        messages.success(request, _t("The contact is verified."))
        return redirect("customer", number)
    effects = [
        Effect(_t("State"), _t("not verified"), _t("verified")),
        Effect(_t("Orders and requests with this contact find this customer, and no other customer can claim it.")),
    ]
    return _confirm(request, identity, _t("Verify the contact"), _t("Verify"), effects)


@page("crm.delete_identity", methods=("GET", "POST"))
def remove(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Show the effect of removing a contact, then remove it."""
    identity = _identity(number, pk)
    if request.method == "POST":
        remove_identity(identity=identity, actor=of_user(request.user))
        messages.success(request, _t("The contact is removed."))
        return redirect("customer", number)
    same = identity.customer.identities.of_kind(identity.kind).count()
    effects = [
        Effect(identity.get_kind_display(), format_number(same), format_number(same - 1)),
        Effect(_t("Orders and requests with this contact no longer find this customer.")),
    ]
    if same == 1 and identity.kind in {IdentityKind.PHONE, IdentityKind.EMAIL}:
        effects.append(Effect(_t("It is the only one of its kind: messages that need it are not sent."), tone="bad"))
    return _confirm(request, identity, _t("Remove the contact"), _t("Remove"), effects, danger=True)


def _confirm(
    request: HttpRequest, identity: Identity, heading: str, button: str, effects: list[Effect], *, danger: bool = False
) -> HttpResponse:
    context = {
        "customer": identity.customer,
        "contact": profile.contact(identity),
        "effects": effects,
        "button": button,
        "danger": danger,
        "title": heading,
        "heading": heading,
        "back_url": reverse("customer", args=[identity.customer.number]),
        "back_label": identity.customer,
    }
    return render(request, "crm/profiles/contact_confirm.html", context)
