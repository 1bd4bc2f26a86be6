"""Define the form of a care rule. It reads and shows; the service validates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.calendar.selectors import occasion_choices
from campaigns.care.models import CareRule, CareTrigger
from campaigns.experiments.console.campaign_form import ATTRIBUTION_DAYS, CampaignForm
from core.console.forms import look_again

DAYS = {
    CareTrigger.BIRTHDAY: (_("Days before the birthday"), _("0: on the birthday.")),
    CareTrigger.AFTER_PURCHASE: (_("Days after the purchase"), _("0: right after the payment.")),
    CareTrigger.NO_ORDER: (_("Days without an order"), _("Counted from the last paid order.")),
    CareTrigger.POINTS_EXPIRING: (
        _("Days before points expire"),
        _("0: on the last day on which they can be spent. The template has expiring.points and expiring.on."),
    ),
    CareTrigger.OCCASION: (_("Days before the day"), _("0: on the day itself, in the customer's time zone.")),
}
DEFAULT_DAYS = {CareTrigger.AFTER_PURCHASE: 7, CareTrigger.NO_ORDER: 90, CareTrigger.POINTS_EXPIRING: 14}


class CareForm(CampaignForm):
    trigger = forms.ChoiceField(label=pgettext_lazy("trigger", "When"), choices=CareTrigger.choices)
    occasion = forms.ChoiceField(
        label=_("Festival or day"),
        help_text=_("The festivals of the shop's calendar, its own days and the member day."),
    )
    days = forms.IntegerField(label=_("Days"), min_value=0, max_value=1095)
    send_at = forms.TimeField(
        label=_("Send at"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("In the customer's time zone. Empty: as soon as it is due."),
    )

    def __init__(
        self, data: Any = None, *, rule: CareRule | None, action: str, typed: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={**_initial(rule), **(typed or {})})
        named = (data or {}).get("trigger") or self.initial.get("trigger")
        self.chosen = CareTrigger(named) if named in CareTrigger.values else CareTrigger.BIRTHDAY
        trigger = self.fields["trigger"]
        trigger.widget.attrs = look_again(action, "#care-fields")
        self.offer(rule)
        self._suit()
        if typed and typed.get("shown") not in {None, "", self.chosen.value}:
            # The days of another trigger have another meaning.
            self.initial["days"] = DEFAULT_DAYS.get(self.chosen, 0)

    def _suit(self) -> None:
        """Keep only the fields of this trigger."""
        segment = self.fields["segment"]
        if self.chosen == CareTrigger.OCCASION:
            self.fields["occasion"].choices = occasion_choices(self.initial.get("occasion"))  # type: ignore[attr-defined]
        else:
            del self.fields["occasion"]
        if self.chosen == CareTrigger.SEGMENT_ENTERED:
            del self.fields["days"]
            segment.required = True
            segment.help_text = _("Customers who enter it get the message, once per entry.")
            return
        segment.required = False
        self.fields["days"].label, self.fields["days"].help_text = DAYS[self.chosen]
        segment.label = _("Only in this segment")
        segment.empty_label = _("Everyone")  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Return the values for the services; without a number of days it is 0."""
        return {"days": 0, "occasion": "", **super().values()}


def _initial(rule: CareRule | None) -> dict[str, Any]:
    if rule is None:
        return {
            "trigger": CareTrigger.BIRTHDAY,
            "days": 0,
            "holdout_percent": 0,
            "send_at": "10:00",
            "attribution_days": ATTRIBUTION_DAYS,
        }
    names = (
        "name",
        "trigger",
        "days",
        "occasion",
        "segment",
        "template",
        "coupon",
        "experiment",
        "send_at",
        "holdout_percent",
        "attribution_days",
    )
    return {name: getattr(rule, name) for name in names}
