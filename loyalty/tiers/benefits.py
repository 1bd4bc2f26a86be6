"""Kinds of tier benefits that loyalty delivers itself; coupons come from campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base import clock
from core.base.actor import Actor
from core.fields import Field
from core.text.formatting import money, number
from crm.customers.models import Customer
from crm.desk.models import TicketPriority
from loyalty.ledger.models import Account
from loyalty.ledger.services.granting import Grant, grant_points
from loyalty.program.rules.products import listed
from loyalty.tiers.models import Tier, TierBenefit
from loyalty.tiers.registry import Benefit, Due, Occasion

URGENCIES = (TicketPriority.HIGH, TicketPriority.URGENT)


class Multiplier(Benefit):
    label = _("Points multiplier")
    icon = "coins"
    derived = True

    def derived_words(self, tiers: Sequence[Tier]) -> dict[int, str]:
        return {
            tier.pk: _t("%(times)s× points on orders") % {"times": number(tier.multiplier)}
            for tier in tiers
            if tier.multiplier != 1
        }


class BirthdayPoints(Benefit):
    label = _("Birthday points")
    help = _("A gift of points on the birthday, once a year, in the member's time zone.")
    icon = "cake"
    occasion = Occasion.BIRTHDAY
    settings = (Field("points", "number", _("Points"), least=1, most=1_000_000),)

    def words(self, benefit: TierBenefit) -> str:
        points = benefit.settings["points"]
        text = ngettext("%(count)s point on your birthday", "%(count)s points on your birthday", points)
        return text % {"count": number(points)}

    def give(self, benefit: TierBenefit, due: Sequence[Due], actor: Actor) -> list[dict[str, Any]]:
        now, points = clock.now(), benefit.settings["points"]
        rows = Account.objects.filter(member__in=[one.member.pk for one in due], point_type__spendable=True)
        accounts = {row.member_id: row.pk for row in rows.order_by("-point_type_id")}
        grants = [Grant(accounts[one.member.pk], points, one.key, now) for one in due]
        grant_points(program=benefit.tier.program, grants=grants, actor=actor)
        return [{"points": points} for _one in due]


class FreeShipping(Benefit):
    label = _("Free shipping")
    help = _("The storefront reads this benefit and charges no shipping. The quote of a cart says whether it applies.")
    icon = "truck-delivery"
    settings = (Field("from_amount", "money", _("For carts from"), _("0: for every cart.")),)

    def words(self, benefit: TierBenefit) -> str:
        least = benefit.settings["from_amount"]
        if not least:
            return _t("Free shipping")
        return _t("Free shipping from %(amount)s") % {"amount": money(least, benefit.tier.program.currency)}


class ExclusiveProducts(Benefit):
    label = _("Exclusive products")
    help = _("Only members of this tier or a higher one may buy them; the storefront asks the API.")
    icon = "diamond"
    settings = (
        Field("name", "text", _("Name for members"), _("For example: Reserve beans")),
        Field(
            "category",
            "text",
            _("Category"),
            _("Everything below a category counts too."),
            required=False,
            picker="category_branch",
        ),
        Field("skus", "words", _("or these products"), most=64, required=False, picker="product"),
    )

    def words(self, benefit: TierBenefit) -> str:
        return _t("%(name)s, for this tier and higher ones") % {"name": benefit.settings["name"]}

    def details(self, benefit: TierBenefit) -> dict[str, Any]:
        return {"category": benefit.settings["category"], "skus": listed(benefit.settings["skus"])}


def _urgencies() -> list[tuple[str, str]]:
    return [(str(int(urgency)), str(urgency.label)) for urgency in URGENCIES]


class PriorityService(Benefit):
    label = _("Priority service")
    help = _("A new ticket of a member has at least this priority.")
    icon = "headset"
    settings = (Field("priority", "choice", _("Priority"), choices=_urgencies),)

    def words(self, benefit: TierBenefit) -> str:
        return _t("Your questions are answered first")

    def details(self, benefit: TierBenefit) -> dict[str, Any]:
        return {"priority": int(benefit.settings["priority"])}


def ticket_priority(customer: Customer) -> int:
    """Return the lowest priority that the customer's tier gives to a new ticket; crm calls it for each new ticket."""
    benefits = TierBenefit.objects.filter(
        kind="priority_service",
        active=True,
        tier__members__customer=customer,
        tier__members__state="active",
        tier__program__is_default=True,
    )
    return max((int(settings["priority"]) for settings in benefits.values_list("settings", flat=True)), default=0)
