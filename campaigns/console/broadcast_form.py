"""The form of a broadcast. It reads and shows; the service decides what is a valid one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.models import Segment, SegmentState
from campaigns.console.care_form import ATTRIBUTION_DAYS, TemplateChoice
from campaigns.models import (
    Broadcast,
    CodeMode,
    Coupon,
    Experiment,
    ExperimentScope,
    ExperimentState,
    MessageClass,
    Template,
)
from campaigns.services.broadcasts import FIELDS
from core.errors import DomainError


class BroadcastForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    segment = forms.ModelChoiceField(
        label=_("Segment"),
        queryset=Segment.objects.none(),
        help_text=_("Who is in it when the broadcast starts, and still when their message is sent."),
    )
    template = TemplateChoice(label=_("Template"), queryset=Template.objects.none())
    coupon = forms.ModelChoiceField(
        label=_("Coupon"),
        queryset=Coupon.objects.none(),
        required=False,
        empty_label=_("No coupon"),
        help_text=_("Each customer gets a code of their own; the template shows it as coupon.code."),
    )
    send_on = forms.DateField(
        label=_("Date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: as soon as it is started."),
    )
    send_time = forms.TimeField(
        label=_("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    customer_zone = forms.BooleanField(
        label=_("In each customer's time zone"),
        required=False,
        help_text=_("Where that hour is over already, it goes out at once."),
    )
    per_minute = forms.IntegerField(
        label=_("At most a minute"), required=False, min_value=0, help_text=_("Empty or 0: as fast as it goes.")
    )
    holdout_percent = forms.IntegerField(
        label=_("Holdout (%)"),
        min_value=0,
        max_value=90,
        help_text=_("This share gets nothing, so that the effect can be measured."),
    )
    experiment = forms.ModelChoiceField(
        label=_("Experiment"),
        queryset=Experiment.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("Its arms' templates and coupons stand in for these."),
    )
    attribution_days = forms.IntegerField(
        label=_("Orders count for (days)"),
        required=False,
        min_value=1,
        max_value=90,
        help_text=_("An order within so many days of the message counts for it."),
    )

    def __init__(self, data: Any = None, *, broadcast: Broadcast | None, given: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial={**_initial(broadcast), **(given or {})})
        segments = Segment.objects.filter(
            Q(state=SegmentState.ACTIVE) | Q(pk=broadcast.segment_id if broadcast else None)
        )
        coupons = Coupon.objects.filter(
            Q(mode=CodeMode.UNIQUE, active=True) | Q(pk=broadcast.coupon_id if broadcast else None)
        )
        # A transactional template would pass consent, caps and quiet hours.
        templates = Template.objects.filter(
            Q(message_class=MessageClass.MARKETING) | Q(pk=broadcast.template_id if broadcast else None)
        )
        experiments = Experiment.objects.filter(
            Q(scope=ExperimentScope.CAMPAIGNS) & ~Q(state=ExperimentState.ENDED)
            | Q(pk=broadcast.experiment_id if broadcast else None)
        )
        offered = (
            ("segment", segments), ("coupon", coupons), ("template", templates), ("experiment", experiments),
        )  # fmt: skip
        for name, queryset in offered:
            self.fields[name].queryset = queryset.order_by("name")  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            **given,
            "per_minute": given["per_minute"] or 0,
            "attribution_days": given["attribution_days"] or ATTRIBUTION_DAYS,
        }

    def refuse(self, error: DomainError) -> None:
        self.add_error(error.field if error.field in self.fields else None, str(error.message))


def _initial(broadcast: Broadcast | None) -> dict[str, Any]:
    if broadcast is None:
        return {"holdout_percent": 0, "attribution_days": ATTRIBUTION_DAYS}
    values = {name: getattr(broadcast, name) for name in FIELDS}
    return {**values, "per_minute": broadcast.per_minute or None}
