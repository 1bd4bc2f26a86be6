"""Panels of customers on the customer page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.console.views import may
from crm.customers import selectors as profile
from crm.customers.models import Customer, CustomerState
from crm.customers.registry import action, panel

NOTES_SHOWN = 5


@panel(
    "contacts",
    title=_("Contacts and identities"),
    template="crm/customers/panels/contacts.html",
    permission="crm.view_identity",
    order=10,
)
def _contacts(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    active = customer.state == CustomerState.ACTIVE
    return {
        "contacts": profile.contacts(customer),
        "may_unmask": may(request.user, "crm.unmask_customer"),
        "may_add": active and may(request.user, "crm.add_identity"),
        "may_verify": active and may(request.user, "crm.change_identity"),
        "may_remove": active and may(request.user, "crm.delete_identity"),
    }


@panel("notes", title=_("Notes"), template="crm/customers/panels/notes.html", permission="crm.view_note", order=30)
def _notes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    newest = customer.notes.select_related("author").order_by("-pinned", "-created_at")[: NOTES_SHOWN + 1]
    notes = list(newest)
    return {
        "notes": notes[:NOTES_SHOWN],
        "more": len(notes) > NOTES_SHOWN,
        "may_write": may(request.user, "crm.add_note"),
    }


@panel("profile", title=_("Profile"), template="crm/customers/panels/profile.html", order=80)
def _attributes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    return {
        "birthday": profile.masked_birthday(customer),
        "attributes": profile.attributes(customer),
        "may_edit": may(request.user, "crm.change_customer"),
    }


@panel(
    "consents",
    title=_("Consents"),
    template="crm/customers/panels/consents.html",
    permission="crm.view_consent",
    order=15,
)
def _consents(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    may_record = customer.state == CustomerState.ACTIVE and may(request.user, "crm.add_consent")
    return {"consents": profile.consents(customer), "may_record": may_record}


@action("edit", label=_("Edit"), icon="pencil", permission="crm.change_customer", order=90)
def _edit(customer: Customer) -> str:
    return reverse("customer_edit", args=[customer.number])
