"""Define the form of an experiment: metric, certainty, and up to six arms."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.segments.models import Segment, SegmentState
from campaigns.coupons.models import Coupon
from campaigns.experiments.models import SHARE_METRICS, Experiment, ExperimentMetric, ExperimentScope, ExperimentState
from campaigns.experiments.services.experiments import MOST_ARMS, Arm
from campaigns.templates.models import Template
from core.console.forms import RefusableForm
from crm.customers.selectors import shop_currency
from crm.orders.rules.money import to_major, to_minor

SHOWN = 4


@dataclass(frozen=True)
class ArmFields:
    """Hold the fields of one arm. A running experiment has no fields for template and coupon, which are fixed."""

    label: str
    name: forms.BoundField
    weight: forms.BoundField
    template: forms.BoundField | None = None
    coupon: forms.BoundField | None = None


class ExperimentForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    scope = forms.ChoiceField(
        label=_("Applies to"),
        choices=ExperimentScope.choices,
        help_text=_("A global holdout excludes its first arm from all marketing, before any other experiment draws."),
    )
    metric = forms.ChoiceField(label=_("Metric"), choices=ExperimentMetric.choices)
    effect = forms.DecimalField(
        label=_("Smallest effect of interest"),
        min_value=0,
        max_digits=12,
        decimal_places=4,
        help_text=_("In percentage points for a share, else in orders or in money per customer."),
    )
    window_days = forms.IntegerField(
        label=_("Measurement window (days)"),
        min_value=1,
        max_value=90,
        help_text=_("Counted from the moment a customer is drawn. Results include customers whose window is over."),
    )
    any_time = forms.BooleanField(
        label=_("Results may be read at any time"),
        required=False,
        help_text=_(
            "This needs about twice as many customers. Otherwise the result is shown when the sample is complete."
        ),
    )
    error_percent = forms.IntegerField(
        label=_("False positives (%)"), min_value=1, max_value=20, help_text=_("Usually 5.")
    )
    power_percent = forms.IntegerField(label=_("Power (%)"), min_value=50, max_value=99, help_text=_("Usually 80."))
    segment = forms.ModelChoiceField(
        label=_("Planning segment"),
        queryset=Segment.objects.none(),
        required=False,
        empty_label=_("All customers with an order"),
        help_text=_("Segment used to estimate the sample size."),
    )

    def __init__(self, data: Any = None, *, experiment: Experiment | None) -> None:
        self.experiment = experiment
        self.currency = experiment.currency if experiment else shop_currency()
        arms = list(experiment.arms.select_related("template", "coupon")) if experiment else []
        super().__init__(data, initial={**self._initial(), **_initial_arms(arms)})
        fields: Any = self.fields
        fields["segment"].queryset = Segment.objects.filter(state=SegmentState.ACTIVE).order_by("name")
        self.begun = experiment is not None and experiment.state == ExperimentState.RUNNING
        if self.begun:
            for name in (
                "scope",
                "metric",
                "effect",
                "window_days",
                "any_time",
                "error_percent",
                "power_percent",
                "segment",
            ):
                del fields[name]
        self.shown = len(arms) if self.begun else max(SHOWN, min(len(arms) + 1, MOST_ARMS))
        for place in range(self.shown):
            self._add_arm(place)

    def _add_arm(self, place: int) -> None:
        self.fields[f"arm{place}_name"] = forms.CharField(
            label=pgettext_lazy("thing", "Name"), max_length=60, required=place < 2
        )
        self.fields[f"arm{place}_weight"] = forms.IntegerField(
            label=_t("Weight"), min_value=1, max_value=1000, required=place < 2
        )
        if not self.begun:
            self.fields[f"arm{place}_template"] = forms.ModelChoiceField(
                _offered(Template, self.experiment, "template"),
                label=_t("Template"),
                required=False,
                empty_label=_t("The campaign's own"),
            )
            self.fields[f"arm{place}_coupon"] = forms.ModelChoiceField(
                _offered(Coupon, self.experiment, "coupon"),
                label=_t("Coupon"),
                required=False,
                empty_label=_t("The campaign's own"),
            )

    def _initial(self) -> dict[str, Any]:
        one = self.experiment
        if one is None:
            return {
                "window_days": 14, "effect": 1, "error_percent": 5, "power_percent": 80, "any_time": True,
                "arm0_name": _t("No change"), "arm0_weight": 1, "arm1_weight": 1,
            }  # fmt: skip
        return {
            "name": one.name, "scope": one.scope, "metric": one.metric, "window_days": one.window_days,
            "any_time": one.any_time, "error_percent": one.error_percent, "power_percent": one.power_percent,
            "segment": one.segment_id, "effect": f"{effect_typed(one):f}",
        }  # fmt: skip

    @property
    def arm_fields(self) -> list[ArmFields]:
        labels = {0: _t("Control")}
        names = ("name", "weight") if self.begun else ("name", "weight", "template", "coupon")
        return [
            ArmFields(
                labels.get(place, _t("Arm %(letter)s") % {"letter": "ABCDEF"[place]}),
                *(self[f"arm{place}_{name}"] for name in names),
            )
            for place in range(self.shown)
        ]

    def values(self) -> dict[str, Any]:
        cleaned = {name: value for name, value in self.cleaned_data.items() if not name.startswith("arm")}
        if "effect" in cleaned:
            cleaned["effect"] = effect_stored(cleaned["effect"], cleaned["metric"], self.currency)
        return {**cleaned, "arms": self._arms()}

    def _arms(self) -> list[Arm]:
        data, arms = self.cleaned_data, []
        stored = (
            list(self.experiment.arms.select_related("template", "coupon")) if self.experiment and self.begun else []
        )
        for place in range(self.shown):
            name = data.get(f"arm{place}_name") or ""
            if not name.strip():
                continue
            template = stored[place].template if stored else data.get(f"arm{place}_template")
            coupon = stored[place].coupon if stored else data.get(f"arm{place}_coupon")
            arms.append(Arm(name, data.get(f"arm{place}_weight") or 1, template, coupon))
        return arms


def _offered(model: type[Model], experiment: Experiment | None, name: str) -> QuerySet[Any]:
    """Return the objects that are not archived, and those that the experiment's arms already use."""
    used = experiment.arms.values(name) if experiment else []
    return model._default_manager.filter(Q(archived_at=None) | Q(pk__in=used)).order_by("name")


def effect_stored(typed: Decimal, metric: str, currency: str) -> Decimal:
    """Convert percentage points, orders or major units to a share, orders or minor units."""
    if metric in SHARE_METRICS:
        return typed / 100
    return Decimal(to_minor(typed, currency)) if metric == ExperimentMetric.REVENUE else typed


def effect_typed(experiment: Experiment) -> Decimal:
    if experiment.metric in SHARE_METRICS:
        return (experiment.effect * 100).normalize()
    if experiment.metric == ExperimentMetric.REVENUE:
        return to_major(int(experiment.effect), experiment.currency)
    return experiment.effect.normalize()


def _initial_arms(arms: list) -> dict[str, Any]:
    return {
        f"arm{arm.position}_{name}": value
        for arm in arms
        for name, value in (
            ("name", arm.name), ("weight", arm.weight), ("template", arm.template_id), ("coupon", arm.coupon_id),
        )
    }  # fmt: skip
