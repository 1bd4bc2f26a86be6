"""Form of a reward. Money is typed in major units; the fulfilment of its kind says which settings it has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.errors import DomainError
from core.console.forms import look_again, show_refusal
from core.fields import form_fields, read_values, shown_values
from core.text.currencies import exponent
from crm.orders.rules.money import to_major, to_minor
from loyalty.program import registry as audiences
from loyalty.program.models import Program
from loyalty.rewards.models import Reward, RewardCategory
from loyalty.rewards.registry import FULFILMENTS
from loyalty.tiers.models import Tier

REWARD_FIELDS = (
    "name", "name_zh", "description", "description_zh", "category", "points", "stock", "member_limit", "minimum_tier",
    "segment", "starts_at", "ends_at", "position",
)  # fmt: skip
SETTING = "setting_"
LIMIT = "limit_"


def _count(label: Any, help_text: Any = "", least: int = 0) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=2**31 - 1, required=False, help_text=help_text)


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, required=False, widget=widget)


class RewardForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"))
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=120)
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=120, required=False)
    description = forms.CharField(
        label=_("Description"), max_length=4000, required=False, widget=forms.Textarea({"rows": 3})
    )
    description_zh = forms.CharField(
        label=_("Description in Chinese"), max_length=4000, required=False, widget=forms.Textarea({"rows": 3})
    )
    category = forms.ModelChoiceField(
        label=_("Category"),
        queryset=RewardCategory.objects.none(),
        required=False,
        empty_label="—",
        help_text=_("Categories are managed in the settings."),
    )
    picture = forms.FileField(
        label=_("Picture"), required=False, help_text=_("PNG, JPEG, WebP or GIF, at most 3 MB, ideally square.")
    )
    remove_picture = forms.BooleanField(label=_("Remove picture"), required=False)
    points = forms.IntegerField(label=_("Points"), min_value=1, max_value=2**53)
    money = forms.DecimalField(required=False)
    stock = _count(pgettext_lazy("rewards", "Stock"), _("Empty means unlimited."))
    stock_seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    member_limit = _count(_("Limit per member"), _("Empty means no limit."), least=1)
    minimum_tier = forms.ModelChoiceField(
        label=_("From tier"), queryset=Tier.objects.none(), required=False, empty_label=_("Every member")
    )
    segment = forms.TypedChoiceField(
        label=_("Only for segment"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("Other members don't see the reward."),
    )
    starts_at = _moment(_("Starts"))
    ends_at = _moment(_("Ends"))
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, required=False, help_text=_("Smaller numbers come first.")
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        program: Program,
        action: str,
        reward: Reward | None = None,
        typed: dict[str, Any] | None = None,
    ) -> None:
        self.program, self.reward = program, reward
        self.tiers = list(Tier.objects.filter(program=program).order_by("rank"))
        super().__init__(data, files, initial={**self._initial(), **(typed or {})})
        self.fulfilment = FULFILMENTS.get(self._kind(data or self.initial))
        self._fill_choices()
        self._add_settings()
        self._add_limits()
        if reward:
            del self.fields["kind"]
        else:
            self.fields["kind"].widget.attrs = look_again(action, "#kind-fields")
        if not (reward and reward.picture):
            del self.fields["remove_picture"]
        self.fields["picture"].widget = forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"})
        self.fields["money"] = forms.DecimalField(
            label=_t("And money (%(currency)s)") % {"currency": program.currency},
            required=False,
            min_value=0,
            max_digits=15,
            decimal_places=exponent(program.currency),
            help_text=_t("Paid in the storefront, in addition to the points."),
        )

    def _kind(self, values: Any) -> str:
        return self.reward.kind if self.reward else str(values.get("kind") or "")

    def _initial(self) -> dict[str, Any]:
        reward = self.reward
        if reward is None:
            return {"kind": next(iter(FULFILMENTS.names()), ""), "member_limit": 1, "position": 0}
        values: dict[str, Any] = {name: getattr(reward, name) for name in REWARD_FIELDS}
        if fulfilment := FULFILMENTS.get(reward.kind):
            values |= shown_values(fulfilment.settings, reward.settings, prefix=SETTING, currency=self.program.currency)
        values |= {f"{LIMIT}{tier}": limit for tier, limit in reward.settings.get("tier_limits", {}).items()}
        values["stock_seen"] = reward.stock
        values["money"] = f"{to_major(reward.money, self.program.currency):f}" if reward.money else ""
        return values

    def _fill_choices(self) -> None:
        fields: Any = self.fields
        fields["kind"].choices = [(name, fulfilment.label) for name, fulfilment in FULFILMENTS.items()]
        fields["category"].queryset = RewardCategory.objects.filter(program=self.program)
        fields["minimum_tier"].queryset = Tier.objects.filter(program=self.program).order_by("rank")
        fields["segment"].choices = [("", _t("Everyone")), *audiences.choices()]

    def _add_settings(self) -> None:
        if self.fulfilment:
            self.fields.update(form_fields(self.fulfilment.settings, prefix=SETTING, currency=self.program.currency))

    def _add_limits(self) -> None:
        for tier in self.tiers:
            self.fields[f"{LIMIT}{tier.code}"] = _count(tier.label)

    @property
    def setting_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(SETTING)]

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(LIMIT)]

    def values(self) -> dict[str, Any]:
        """Return the values for the services, money in minor units."""
        data = self.cleaned_data
        values = {name: data[name] for name in REWARD_FIELDS if name in data}
        values["money"] = to_minor(data["money"], self.program.currency) if data.get("money") else 0
        values["position"] = data.get("position") or 0
        settings = self.fulfilment.settings if self.fulfilment else ()
        values["settings"] = read_values(settings, data, prefix=SETTING, currency=self.program.currency)
        values["tier_limits"] = {
            name.removeprefix(LIMIT): value
            for name, value in data.items()
            if name.startswith(LIMIT) and value is not None
        }
        if data.get("picture"):
            values["picture"] = data["picture"]
        elif data.get("remove_picture"):
            values["picture"] = ""
        return values

    def refuse(self, error: DomainError) -> None:
        show_refusal(self, error, error.field, f"{SETTING}{error.field}")
