"""Panels of customers on the customer page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.console.views import may
from crm.customers import selectors as profile
from crm.customers.models import Customer
from crm.customers.registry import ACTIONS, CustomerAction, register

NOTES_SHOWN = 5


def _contacts(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    return {"contacts": profile.contacts(customer), "may_unmask": may(request.user, "crm.unmask_customer")}


def _notes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    newest = customer.notes.select_related("author").order_by("-pinned", "-created_at")[: NOTES_SHOWN + 1]
    notes = list(newest)
    return {
        "notes": notes[:NOTES_SHOWN],
        "more": len(notes) > NOTES_SHOWN,
        "may_write": may(request.user, "crm.add_note"),
    }


def _attributes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    return {
        "birthday": profile.masked_birthday(customer),
        "attributes": profile.attributes(customer),
        "may_edit": may(request.user, "crm.change_customer"),
    }


register(
    "contacts",
    title=_("Contacts and identities"),
    template="crm/customers/panels/contacts.html",
    context=_contacts,
    permission="crm.view_identity",
    order=10,
)
register(
    "notes",
    title=_("Notes"),
    template="crm/customers/panels/notes.html",
    context=_notes,
    permission="crm.view_note",
    order=30,
)
register("profile", title=_("Profile"), template="crm/customers/panels/profile.html", context=_attributes, order=80)
register(
    "consents",
    title=_("Consents"),
    template="crm/customers/panels/consents.html",
    context=lambda customer, _request: {"consents": profile.consents(customer)},
    permission="crm.view_consent",
    order=90,
)
ACTIONS.register(
    "edit",
    CustomerAction(
        _("Edit"),
        "pencil",
        lambda customer: reverse("customer_edit", args=[customer.number]),
        "crm.change_customer",
        order=90,
    ),
)
