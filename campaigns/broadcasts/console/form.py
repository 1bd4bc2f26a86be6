"""Define the form of a broadcast. It reads and shows; the service validates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import FIELDS
from campaigns.experiments.console.campaign_form import ATTRIBUTION_DAYS, CampaignForm


class BroadcastForm(CampaignForm):
    send_on = forms.DateField(
        label=_("Date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: as soon as the broadcast is started."),
    )
    send_time = forms.TimeField(
        label=_("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    customer_zone = forms.BooleanField(
        label=_("In each customer's time zone"),
        required=False,
        help_text=_("In zones where this time has passed, the message goes out immediately."),
    )
    per_minute = forms.IntegerField(
        label=_("Messages per minute"), required=False, min_value=0, help_text=_("Empty or 0: no limit.")
    )

    def __init__(self, data: Any = None, *, broadcast: Broadcast | None, given: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={**_initial(broadcast), **(given or {})})
        self.fields["segment"].help_text = _(
            "Customers in the segment when the broadcast starts, and still when their message is sent."
        )
        self.offer(broadcast)

    def values(self) -> dict[str, Any]:
        cleaned = super().values()
        return {**cleaned, "per_minute": cleaned["per_minute"] or 0}


def _initial(broadcast: Broadcast | None) -> dict[str, Any]:
    if broadcast is None:
        return {"holdout_percent": 0, "attribution_days": ATTRIBUTION_DAYS}
    values = {name: getattr(broadcast, name) for name in FIELDS}
    return {**values, "per_minute": broadcast.per_minute or None}
