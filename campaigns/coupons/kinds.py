"""Deliver coupons as rewards: each member gets a code of their own; an unused one can be returned."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import CodeMode, Coupon
from campaigns.coupons.rules import codes
from campaigns.coupons.services.codes import issue_coupon, withdraw_code
from core.base.actor import Actor
from core.fields import Field
from loyalty.rewards.models import Reward, RewardRedemption
from loyalty.rewards.registry import Delivery, Fulfilment, not_cancellable


def _choices() -> list[tuple[str, str]]:
    coupons = Coupon.objects.filter(mode=CodeMode.UNIQUE, active=True).order_by("name")
    return [(str(coupon.pk), coupon.name) for coupon in coupons]


class CouponReward(Fulfilment):
    label = _("Coupon")
    help = _("Each member gets a code of the coupon. An unused code can be returned for the points.")
    returnable = True
    settings = (Field("coupon", "choice", _("Coupon"), _("A coupon with a code for each customer."), choices=_choices),)

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        coupon = Coupon.objects.get(pk=int(reward.settings["coupon"]))
        code = issue_coupon(
            customer=redemption.member.customer, coupon=coupon, cause=f"reward:{redemption.pk}", actor=actor
        )
        return Delivery(code=codes.shown(code.code), reference=coupon.name, outcome={"coupon_code": code.pk})

    def take_back(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
        if not withdraw_code(code_id=redemption.outcome["coupon_code"]):
            raise not_cancellable(redemption)
