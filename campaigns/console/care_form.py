"""The form of a care rule. It reads and shows; the service decides what is a valid rule."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.models import Segment, SegmentState
from campaigns.labels import channel_label
from campaigns.models import (
    CareRule,
    CareTrigger,
    CodeMode,
    Coupon,
    Experiment,
    ExperimentScope,
    ExperimentState,
    MessageClass,
    Template,
)
from core.console.forms import look_again
from core.errors import DomainError

DAYS = {
    CareTrigger.BIRTHDAY: (_("Days before the birthday"), _("0 is the day itself.")),
    CareTrigger.AFTER_PURCHASE: (_("Days after the purchase"), _("0 is right after it was paid.")),
    CareTrigger.NO_ORDER: (_("Days without an order"), _("Counted from the last paid order.")),
    CareTrigger.POINTS_EXPIRING: (
        _("Days before points expire"),
        _("0 is the last day on which they can be spent. The template has expiring.points and expiring.on."),
    ),
}
DEFAULT_DAYS = {CareTrigger.AFTER_PURCHASE: 7, CareTrigger.NO_ORDER: 90, CareTrigger.POINTS_EXPIRING: 14}


ATTRIBUTION_DAYS = 7


class TemplateChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Template) -> str:  # type: ignore[override]
        return f"{obj.name} · {channel_label(obj.channel)}"


class CareForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    trigger = forms.ChoiceField(label=pgettext_lazy("trigger", "When"), choices=CareTrigger.choices)
    days = forms.IntegerField(label=_("Days"), min_value=0, max_value=1095)
    segment = forms.ModelChoiceField(label=_("Segment"), queryset=Segment.objects.none(), required=False)
    template = TemplateChoice(label=_("Template"), queryset=Template.objects.none())
    coupon = forms.ModelChoiceField(
        label=_("Coupon"),
        queryset=Coupon.objects.none(),
        required=False,
        empty_label=_("No coupon"),
        help_text=_("Each customer gets a code of their own; the template shows it as coupon.code."),
    )
    send_at = forms.TimeField(
        label=_("Send at"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("In the customer's time zone. Empty: as soon as it is due."),
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

    def __init__(
        self, data: Any = None, *, rule: CareRule | None, action: str, typed: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={**_initial(rule), **(typed or {})})
        named = (data or {}).get("trigger") or self.initial.get("trigger")
        self.chosen = CareTrigger(named) if named in CareTrigger.values else CareTrigger.BIRTHDAY
        trigger = self.fields["trigger"]
        trigger.widget.attrs = look_again(action, "#care-fields")
        self._offer(rule)
        self._suit()
        if typed and typed.get("shown") not in {None, "", self.chosen.value}:
            # The days of another trigger mean something else.
            self.initial["days"] = DEFAULT_DAYS.get(self.chosen, 0)

    def _offer(self, rule: CareRule | None) -> None:
        segments = Segment.objects.filter(Q(state=SegmentState.ACTIVE) | Q(pk=rule.segment_id if rule else None))
        coupons = Coupon.objects.filter(Q(mode=CodeMode.UNIQUE, active=True) | Q(pk=rule.coupon_id if rule else None))
        # A transactional template would pass consent, caps and quiet hours.
        templates = Template.objects.filter(
            Q(message_class=MessageClass.MARKETING) | Q(pk=rule.template_id if rule else None)
        )
        experiments = Experiment.objects.filter(
            Q(scope=ExperimentScope.CAMPAIGNS) & ~Q(state=ExperimentState.ENDED)
            | Q(pk=rule.experiment_id if rule else None)
        )
        offered = (
            ("segment", segments), ("coupon", coupons), ("template", templates), ("experiment", experiments),
        )  # fmt: skip
        for name, queryset in offered:
            self.fields[name].queryset = queryset.order_by("name")  # type: ignore[attr-defined]

    def _suit(self) -> None:
        """Only what this trigger asks for."""
        segment = self.fields["segment"]
        if self.chosen == CareTrigger.SEGMENT_ENTERED:
            del self.fields["days"]
            segment.required = True
            segment.help_text = _("Who enters it gets the message, once each time.")
            return
        self.fields["days"].label, self.fields["days"].help_text = DAYS[self.chosen]
        segment.label = _("Only in this segment")
        segment.empty_label = _("Everyone")  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the services are given; without a number of days it is 0."""
        given = self.cleaned_data
        return {"days": 0, **given, "attribution_days": given["attribution_days"] or ATTRIBUTION_DAYS}

    def refuse(self, error: DomainError) -> None:
        self.add_error(error.field if error.field in self.fields else None, str(error.message))


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
        "segment",
        "template",
        "coupon",
        "experiment",
        "send_at",
        "holdout_percent",
        "attribution_days",
    )
    return {name: getattr(rule, name) for name in names}
