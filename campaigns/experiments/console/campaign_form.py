"""Define the shared form of care rules and broadcasts: message, audience, and measurement of the effect."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.segments.models import Segment, SegmentState
from campaigns.channels.labels import channel_label
from campaigns.coupons.labels import worth
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.experiments.models import Experiment, ExperimentScope, ExperimentState
from campaigns.templates.models import MessageClass, Template
from core.console.forms import RefusableForm

ATTRIBUTION_DAYS = 7


class TemplateChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Template) -> str:  # type: ignore[override]
        return f"{obj.name} · {channel_label(obj.channel)}"


class CouponChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Coupon) -> str:  # type: ignore[override]
        return f"{obj.name} · {worth(obj)}"


class CampaignForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    segment = forms.ModelChoiceField(label=_("Segment"), queryset=Segment.objects.none())
    template = TemplateChoice(label=_("Template"), queryset=Template.objects.none())
    coupon = CouponChoice(
        label=_("Coupon"),
        queryset=Coupon.objects.none(),
        required=False,
        empty_label=_("No coupon"),
        help_text=_("Each customer gets a code of their own; the template shows it as coupon.code."),
    )
    experiment = forms.ModelChoiceField(
        label=_("Experiment"),
        queryset=Experiment.objects.none(),
        required=False,
        empty_label=_("None"),
        help_text=_("The templates and coupons of its arms replace these."),
    )
    holdout_percent = forms.IntegerField(
        label=_("Holdout (%)"),
        min_value=0,
        max_value=90,
        help_text=_("This share of customers gets no message, so that the effect can be measured."),
    )
    attribution_days = forms.IntegerField(
        label=_("Orders count for (days)"),
        required=False,
        min_value=1,
        max_value=90,
        help_text=_("An order within this number of days after the message counts for it."),
    )

    def offer(self, campaign: Model | None) -> None:
        """Set the choices, including the current choice of this campaign."""

        def or_own(condition: Q, name: str) -> Q:
            return condition | Q(pk=getattr(campaign, f"{name}_id", None))

        offered = {
            "segment": Segment.objects.filter(or_own(Q(state=SegmentState.ACTIVE), "segment")),
            "coupon": Coupon.objects.filter(or_own(Q(mode=CodeMode.UNIQUE, active=True, archived_at=None), "coupon")),
            # A transactional template would bypass consent, caps and quiet hours.
            "template": Template.objects.filter(
                or_own(Q(message_class=MessageClass.MARKETING, archived_at=None), "template")
            ),
            "experiment": Experiment.objects.filter(
                or_own(
                    Q(scope=ExperimentScope.CAMPAIGNS, archived_at=None) & ~Q(state=ExperimentState.ENDED), "experiment"
                )
            ),
        }
        for name, queryset in offered.items():
            self.fields[name].queryset = queryset.order_by("name")  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {**cleaned, "attribution_days": cleaned["attribution_days"] or ATTRIBUTION_DAYS}
