"""Form for a tier by hand. The customer page shows it; the console reads it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from loyalty.program.models import Program
from loyalty.tiers.models import SetTierReason, Tier


class GivenForm(forms.Form):
    """Tier by hand; `until` is a whole day in the program's time zone."""

    tier = forms.ModelChoiceField(label=_("Tier"), queryset=Tier.objects.none(), empty_label="—")
    until = forms.DateField(label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.ChoiceField(label=_("Reason"), choices=[("", "—"), *SetTierReason.choices])
    lock = forms.BooleanField(
        label=_("Locked"),
        required=False,
        help_text=_("The tier moves neither up nor down before that day. Without a lock it may still go up."),
    )
    note = forms.CharField(label=_("Remark"), max_length=400, required=False)

    def __init__(self, data: Any = None, *, program: Program) -> None:
        self.zone = ZoneInfo(program.time_zone)
        super().__init__(data)
        fields: Any = self.fields
        fields["tier"].queryset = Tier.objects.filter(program=program).order_by("-rank")
        fields["until"].widget.attrs["min"] = f"{timezone.localdate(timezone=self.zone):%Y-%m-%d}"

    def values(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        values["until"] = datetime.combine(values["until"] + timedelta(days=1), time(), self.zone)
        return values
