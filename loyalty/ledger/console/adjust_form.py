"""Form for an adjustment by hand. The customer page and the desk show it; the console reads it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.customers.models import Customer
from crm.desk.models import Ticket
from loyalty.ledger.models import AdjustmentReason
from loyalty.ledger.services.adjustments import LARGEST, REFERENCE_LENGTH

TICKETS_OFFERED = 20


class AdjustForm(forms.Form):
    """Points, a reason, and a note or one of the customer's tickets. `key` makes a second click harmless (L7)."""

    points = forms.IntegerField(
        label=_("Points"),
        min_value=-LARGEST,
        max_value=LARGEST,
        help_text=_("Below 0 takes points."),
        error_messages={"invalid": _("Use a whole number.")},
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=[("", "—"), *AdjustmentReason.choices])
    ticket = forms.ModelChoiceField(
        label=_("Ticket"),
        queryset=Ticket.objects.none(),
        to_field_name="number",
        required=False,
        empty_label=_("No ticket"),
    )
    note = forms.CharField(
        label=_("Note"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For colleagues. Required unless you choose a ticket."),
    )
    reference = forms.CharField(
        label=_("Reference for the member"),
        max_length=REFERENCE_LENGTH,
        required=False,
        help_text=_("The member sees it in the points history. Leave it empty to show the ticket number."),
    )
    key = forms.CharField(max_length=200, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, customer: Customer, ticket: str = "") -> None:
        super().__init__(data, initial={"key": str(uuid.uuid4()), "ticket": ticket}, auto_id="adjust-%s")
        fields: Any = self.fields
        # Open tickets come first, then the newest.
        tickets = customer.tickets.order_by("status", "-created_at").values("pk")[:TICKETS_OFFERED]
        fields["ticket"].queryset = Ticket.objects.filter(pk__in=tickets).order_by("-created_at")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors.pop("key", None):
            # The field is hidden, so its own error would not be shown.
            self.add_error(None, _("This page is too old. Load it again."))
        if not (self.errors or values.get("ticket") or values.get("note", "").strip()):
            self.add_error("note", _("Write the reason in a note, or choose a ticket."))
        return values
