"""Pages on which staff redeem a reward for a member: the choice with pictures, then the effect, then the redemption."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.effects import Effect
from core.console.forms import show_refusal
from core.console.views import page
from core.text.formatting import money, number
from crm.customers.models import Customer
from crm.customers.registry import action
from loyalty.ledger.selectors import balances
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.console.rewards import kind_label, picture_url, price
from loyalty.rewards.models import Reward
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.rules import ADDRESS_NEEDS, ADDRESS_PARTS
from loyalty.rewards.services.redemptions import REASONS, redeem_reward

OFFERED = 60
MORE_REASONS: dict[str, str | Promise] = {
    "member_not_active": _("The membership is not active."),
    "insufficient_points": _("Not enough points."),
}
PARTS = {
    "name": _("Recipient"),
    "phone": _("Phone"),
    "line": _("Street and number"),
    "city": _("City"),
    "region": _("Region"),
    "postcode": _("Postcode"),
    "country": _("Country"),
}


@dataclass(frozen=True)
class OfferedReward:
    """A reward as a tile. `reason` says why the member can't have it; empty when they can."""

    reward: Reward
    picture: str
    price: str
    kind: str
    reason: str | Promise


class RedeemForm(forms.Form):
    """The address of a gift and the reference of a payment, if the reward needs them. `key` makes repeats harmless."""

    key = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, reward: Reward) -> None:
        super().__init__(data, initial={"key": uuid.uuid4().hex})
        fulfilment = FULFILMENTS.get(reward.kind)
        self.parts = ADDRESS_PARTS if fulfilment is not None and fulfilment.needs_address else ()
        for part in self.parts:
            self.fields[part] = forms.CharField(label=PARTS[part], max_length=200, required=part in ADDRESS_NEEDS)
        if reward.money:
            self.fields["reference"] = forms.CharField(
                label=_("Reference of the payment"),
                max_length=200,
                help_text=_("The customer pays %(amount)s with the points.")
                % {"amount": money(reward.money, reward.program.currency)},
            )

    def refuse(self, error: DomainError) -> None:
        name = (error.field or "").removeprefix("address.")
        show_refusal(self, error, name)


def _member(number_: str) -> Member:
    return program_selectors.member_of(get_object_or_404(Customer.objects.active(), number=number_))


@page("loyalty.add_rewardredemption")
def choose(request: HttpRequest, number: str) -> HttpResponse:
    """Show the rewards of the member, first those that they can have."""
    member = _member(number)
    rewards = list(catalogue.shown_to(member).order_by("position", "-id")[:OFFERED])
    offers = [
        OfferedReward(
            item.reward, picture_url(item.reward), price(item.reward), kind_label(item.reward), _why(item.reason)
        )
        for item in catalogue.offers(member, rewards)
    ]
    context = {
        "customer": member.customer,
        "balance": balances.balance_of(balances.spendable_account(member)),
        "offers": sorted(offers, key=lambda item: bool(item.reason)),
    }
    return render(request, "loyalty/rewards/redeem_choose.html", context)


def _why(reason: str) -> str | Promise:
    return (REASONS.get(reason) or MORE_REASONS.get(reason) or reason) if reason else ""


@page("loyalty.add_rewardredemption", methods=("GET", "POST"))
def redeem(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Show what redeeming this reward changes, then redeem it."""
    member = _member(number)
    reward = get_object_or_404(catalogue.shown_to(member), pk=pk)
    form = RedeemForm(request.POST or None, reward=reward)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            answer = redeem_reward(
                member=member,
                reward=reward,
                key=values["key"],
                actor=of_user(request.user),
                address={part: values[part] for part in form.parts},
                reference=values.get("reference", ""),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("“%(reward)s” is redeemed.") % {"reward": reward.label})
            return redirect("redemption", answer["redemption"])
    offered = catalogue.offers(member, [reward])[0]
    heading = reward.label
    context = {
        "customer": member.customer,
        "reward": reward,
        "picture": picture_url(reward),
        "kind": kind_label(reward),
        "price": price(reward),
        "reason": _why(offered.reason),
        "effects": _effects(offered),
        "form": form,
        "title": heading,
        "heading": heading,
        "back_url": reverse("loyalty_redeem", args=[number]),
        "back_label": _t("Redeem a reward"),
    }
    return render(request, "loyalty/rewards/redeem.html", context)


def _effects(offered: catalogue.Offered) -> list[Effect]:
    reward, available = offered.reward, offered.available or 0
    effects = [Effect(_t("Available points"), number(available), number(available - reward.points))]
    if reward.stock is not None:
        effects.append(Effect(_t("In stock"), number(reward.stock), number(reward.stock - 1)))
    if offered.codes_left is not None:
        effects.append(Effect(_t("Codes left"), number(offered.codes_left), number(offered.codes_left - 1)))
    if offered.limit is not None:
        most = number(offered.limit)
        text = _t("%(count)s of %(most)s")
        effects.append(
            Effect(
                _t("Redeemed by this member"),
                text % {"count": number(offered.used), "most": most},
                text % {"count": number(offered.used + 1), "most": most},
            )
        )
    return effects


@action("redeem", label=_("Redeem a reward"), icon="gift", permission="loyalty.add_rewardredemption", order=40)
def _redeem_for(customer: Customer) -> str:
    return reverse("loyalty_redeem", args=[customer.number])
