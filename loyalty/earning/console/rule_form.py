"""Form of an earning rule. Money is typed in major units; each condition declares its settings as fields."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.console.forms import RefusableForm, look_again
from core.fields import form_fields, read_values, shown_values
from core.text.currencies import exponent
from crm.orders.rules.money import to_major, to_minor
from loyalty.earning.labels import PERIOD_LABELS
from loyalty.earning.models import EarningRule, EarningRuleVersion, Stacking
from loyalty.earning.registry import CONDITIONS, Condition
from loyalty.earning.rules.caps import SCOPES
from loyalty.earning.rules.terms import ConditionTerms, EarningTerms, condition_of
from loyalty.program.models import PointType, Program
from loyalty.program.rules.periods import PERIODS
from loyalty.triggers.registry import TRIGGERS

RULE = ("name", "position", "budget", "starts_at", "ends_at")
MOMENT = "%Y-%m-%dT%H:%M"


def _whole(label: Any, least: int = 0, most: int = 2**31 - 1, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, required=False, help_text=help_text)


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
    return forms.DateTimeField(label=label, required=False, widget=widget)


class RuleSettingsForm(RefusableForm):
    """Settings of the rule itself. They take effect at once, without a new version."""

    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    position = _whole(
        _("Position"),
        0,
        32767,
        _("When two best-of rules give equal points, the rule with the smaller position counts."),
    )
    budget = _whole(
        _("Budget (points)"), 0, 2**53, _("The most points that the rule may ever give. Empty means no limit.")
    )
    starts_at = _moment(_("Starts"))
    ends_at = _moment(_("Ends"))

    def values(self) -> dict[str, Any]:
        values = {name: self.cleaned_data[name] for name in RULE}
        return {**values, "position": values["position"] or 0}

    @classmethod
    def of(cls, rule: EarningRule, data: Any = None) -> RuleSettingsForm:
        return cls(data, initial={name: getattr(rule, name) for name in RULE})


@dataclass(frozen=True)
class Section:
    """Fields of one condition."""

    label: Any
    fields: list[forms.BoundField]
    used: bool


class EarningRuleForm(RuleSettingsForm):
    """Form of a new rule, or with `rule` only the terms of its next version."""

    point_type = forms.ModelChoiceField(label=_("Gives"), queryset=PointType.objects.none(), empty_label=None)
    trigger = forms.ChoiceField(label=_("Earned by"))
    event_kind = forms.ChoiceField(label=_("Activity type"), required=False)
    stacking = forms.ChoiceField(label=_("Together with other rules"), choices=Stacking.choices)
    factor = forms.DecimalField(
        label=_("Factor"),
        required=False,
        max_digits=5,
        decimal_places=2,
        help_text=_("For a rule that multiplies: 2 doubles."),
    )
    points = _whole(_("Points"), 1)
    per_amount = forms.DecimalField(required=False)
    include_tax = forms.BooleanField(label=_("Tax counts"), required=False)
    include_shipping = forms.BooleanField(label=_("Shipping counts"), required=False)
    tier_multiplier = forms.BooleanField(label=_("Multiplied by the member's tier"), required=False)
    streak_days = _whole(
        _("Days in a row"), 0, 31, _("Empty: each time. Otherwise once when so many days in a row are reached.")
    )

    def __init__(
        self,
        data: Any = None,
        *,
        program: Program,
        action: str,
        rule: EarningRule | None = None,
        version: EarningRuleVersion | None = None,
        typed: dict[str, Any] | None = None,
    ) -> None:
        self.program, self.rule = program, rule
        initial = {**self._initial(version), **(typed or {})}
        super().__init__(data, initial=initial)
        source = data if data is not None else initial
        self.earned_by = rule.trigger if rule else str(source.get("trigger") or "order")
        self.has_amount = self.earned_by in {"order", "referral"}
        fields: Any = self.fields
        if rule is not None:
            for name in (*RULE, "point_type", "trigger", "event_kind"):
                del fields[name]
        else:
            fields["point_type"].queryset = PointType.objects.filter(program=program).order_by("pk")
            fields["trigger"].choices = [(name, trigger.label) for name, trigger in TRIGGERS.items()]
            fields["trigger"].widget.attrs = look_again(action, "#rule-fields")
            kinds = trigger.kinds if (trigger := TRIGGERS.get(self.earned_by)) else None
            if kinds is None:
                del fields["event_kind"]
            else:
                fields["event_kind"].choices = [("", "—"), *kinds()]
        if self.earned_by == "order":
            del fields["streak_days"]
        else:
            del fields["include_tax"], fields["include_shipping"]
        if self.has_amount:
            fields["per_amount"] = self._money(
                _("Per amount"), _("The points for every such amount. Empty: the points each time.")
            )
        else:
            del fields["per_amount"]
        self._add_conditions()
        for scope in ("member", "rule"):
            for period in PERIODS:
                fields[f"cap_{scope}_{period}"] = _whole(PERIOD_LABELS[period], 1, 2**53)

    def _money(self, label: Any, help_text: Any = "") -> forms.DecimalField:
        return forms.DecimalField(
            label=label, required=False, min_value=0, max_digits=15, decimal_places=exponent(self.program.currency),
            help_text=help_text,
        )  # fmt: skip

    def _initial(self, version: EarningRuleVersion | None) -> dict[str, Any]:
        if version is None:
            one = Decimal(1) if exponent(self.program.currency) else Decimal(100)
            return {
                "trigger": "order", "points": 1, "per_amount": f"{one:f}", "tier_multiplier": True,
                "stacking": "sum", "position": 0,
            }  # fmt: skip
        values: dict[str, Any] = {
            "points": version.points or "",
            "include_tax": version.include_tax,
            "include_shipping": version.include_shipping,
            "tier_multiplier": version.tier_multiplier,
            "stacking": version.stacking,
            "factor": version.factor if version.stacking == Stacking.MULTIPLY else "",
            "streak_days": version.streak_days or "",
        }
        if version.per_amount:
            values["per_amount"] = f"{to_major(version.per_amount, self.program.currency):f}"
        for one in version.conditions:
            condition = CONDITIONS.get(one["kind"])
            fields = condition.settings_of(self.program) if condition else ()
            # The values of a flag are not stored: the condition itself says that it is set.
            flags = {field.name: True for field in fields if field.kind == "flag"}
            values |= shown_values(
                fields, {**one, **flags}, prefix=f"on_{one['kind']}_", currency=self.program.currency
            )
        values |= {f"cap_{cap['scope']}_{cap['period']}": cap["points"] for cap in version.caps}
        return values

    def _conditions(self) -> list[tuple[str, Condition]]:
        orders = self.earned_by == "order"
        return [(kind, one) for kind, one in CONDITIONS.items() if (one.orders if orders else one.happenings)]

    def _add_conditions(self) -> None:
        for kind, condition in self._conditions():
            fields = condition.settings_of(self.program)
            self.fields.update(form_fields(fields, prefix=f"on_{kind}_", currency=self.program.currency, optional=True))

    @property
    def sections(self) -> list[Section]:
        sections = []
        for kind, condition in self._conditions():
            bound = [self[f"on_{kind}_{setting.name}"] for setting in condition.settings_of(self.program)]
            sections.append(
                Section(condition.label, bound, any(one.value() not in (None, "", [], False) for one in bound))
            )
        return sections

    @property
    def member_caps(self) -> list[forms.BoundField]:
        return [self[f"cap_member_{period}"] for period in PERIODS]

    @property
    def rule_caps(self) -> list[forms.BoundField]:
        return [self[f"cap_rule_{period}"] for period in PERIODS]

    @property
    def limited_members(self) -> bool:
        return any(bound.value() for bound in self.member_caps)

    @property
    def limited_rule(self) -> bool:
        return any(bound.value() for bound in self.rule_caps)

    def terms(self) -> EarningTerms:
        """Return the values for the services: whole numbers, money in minor units."""
        values = self.cleaned_data
        terms: EarningTerms = {
            "stacking": values["stacking"],
            "points": values["points"] if values["points"] is not None else 0,
            "per_amount": self._minor(values.get("per_amount")),
            "tier_multiplier": values["tier_multiplier"],
            "conditions": self._typed_conditions(),
            "caps": [
                {"scope": scope, "period": period, "points": points}
                for scope in SCOPES
                for period in PERIODS
                if (points := values.get(f"cap_{scope}_{period}")) is not None
            ],
        }
        if values["stacking"] == Stacking.MULTIPLY:
            terms["factor"] = str(values["factor"] if values["factor"] is not None else "")
        if self.earned_by == "order":
            terms["include_tax"], terms["include_shipping"] = values["include_tax"], values["include_shipping"]
        else:
            terms["streak_days"] = values["streak_days"] or 0
        return terms

    def rule_values(self) -> dict[str, Any]:
        """Return the values of a new rule that are no part of its version."""
        values = self.cleaned_data
        return {**self.values(), "trigger": values["trigger"], "event_kind": values.get("event_kind", "")}

    def _minor(self, amount: Decimal | None) -> int | None:
        return to_minor(amount, self.program.currency) if amount else None

    def _typed_conditions(self) -> list[ConditionTerms]:
        conditions = []
        for kind, condition in self._conditions():
            fields = condition.settings_of(self.program)
            values = read_values(fields, self.cleaned_data, prefix=f"on_{kind}_", currency=self.program.currency)
            if any(value not in (None, "", [], False) for value in values.values()):
                conditions.append(condition_of(kind, values))
        return conditions
