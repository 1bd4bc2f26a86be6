"""Give coupons as tier benefits: on entering a tier, every month, on the birthday."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import CodeMode, Coupon
from campaigns.coupons.services.codes import check_issuable, issue_to_many
from core.base.actor import Actor
from core.fields import Field
from loyalty.tiers.models import TierBenefit
from loyalty.tiers.registry import Benefit, Due, Occasion

LABELS = {
    Occasion.ENTRY: _("Coupon on entry"),
    Occasion.MONTHLY: _("Coupon every month"),
    Occasion.BIRTHDAY: _("Birthday coupon"),
}
HELP = {
    Occasion.ENTRY: _("Each member gets a code of the coupon when they are upgraded to the tier."),
    Occasion.MONTHLY: _(
        "Each member gets a code of the coupon every month, starting with the first month in the tier."
    ),
    Occasion.BIRTHDAY: _("Each member gets a code of the coupon on their birthday, once a year, in their time zone."),
}


def _choices() -> list[tuple[str, str]]:
    coupons = Coupon.objects.filter(mode=CodeMode.UNIQUE, active=True).order_by("name")
    return [(str(coupon.pk), coupon.name) for coupon in coupons]


class CouponBenefit(Benefit):
    icon = "ticket"
    settings = (Field("coupon", "choice", _("Coupon"), _("A coupon with a code for each customer."), choices=_choices),)

    def __init__(self, occasion: Occasion) -> None:
        self.occasion = occasion
        self.label, self.help = LABELS[occasion], HELP[occasion]

    def words(self, benefit: TierBenefit) -> str:
        name = Coupon.objects.filter(pk=int(benefit.settings["coupon"])).values_list("name", flat=True).first()
        texts = {
            Occasion.ENTRY: _t("Welcome coupon: %(name)s"),
            Occasion.MONTHLY: _t("A coupon every month: %(name)s"),
            Occasion.BIRTHDAY: _t("A coupon on your birthday: %(name)s"),
        }
        return texts[self.occasion] % {"name": name or "–"}

    def check(self, benefit: TierBenefit) -> None:
        check_issuable(Coupon.objects.get(pk=int(benefit.settings["coupon"])))

    def give(self, benefit: TierBenefit, due: Sequence[Due], actor: Actor) -> list[dict[str, Any]]:
        coupon = Coupon.objects.get(pk=int(benefit.settings["coupon"]))
        pairs = [(one.member.customer_id, one.cause) for one in due]
        issued = issue_to_many(coupon=coupon, wanted=pairs, actor=actor)
        return [{"coupon_code": issued[pair].pk} for pair in pairs]
