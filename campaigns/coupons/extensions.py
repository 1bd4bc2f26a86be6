"""Registrations of coupons."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

import campaigns.coupons.console.listing
import campaigns.coupons.console.uses
import campaigns.coupons.events
import campaigns.coupons.handlers
import campaigns.coupons.webhooks  # noqa: F401
from analytics.segments.registry import SEGMENT_ACTIONS, SegmentAction
from campaigns.coupons.benefits import CouponBenefit
from campaigns.coupons.kinds import CouponReward
from campaigns.coupons.models import GENERATE, ISSUE, Coupon
from campaigns.coupons.services import codes as coupon_codes
from campaigns.coupons.services import imports as coupon_imports
from core.audit.log import BY_NAME, LOGGED, OBJECTS, by_route
from core.base.facts import FACTS, count_of
from core.jobs.services import WORK
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from crm.customers.registry import CURRENCY_USES, CurrencyUse
from crm.imports.registry import ImportType, register_import
from loyalty.rewards.registry import FULFILMENTS
from loyalty.tiers.registry import BENEFITS, Occasion

FULFILMENTS.register("coupon", CouponReward())
for _occasion in (Occasion.ENTRY, Occasion.MONTHLY, Occasion.BIRTHDAY):
    BENEFITS.register(
        f"coupon_on_{_occasion}" if _occasion is Occasion.ENTRY else f"coupon_{_occasion}", CouponBenefit(_occasion)
    )


def _coupons() -> dict[str, int]:
    """Count over all coupons; `discount` is in minor units of the shop's currency."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), coalesce(sum(issued_count), 0)::bigint, coalesce(sum(reserved_count), 0)::bigint,
                      coalesce(sum(redeemed_count), 0)::bigint, coalesce(sum(redeemed_amount), 0)::bigint
               FROM campaigns_coupon"""
        )
        return dict(zip(("campaigns", "issued", "reserved", "redeemed", "discount"), cursor.fetchone(), strict=True))


def _currency_refusal(_currency: str) -> str | Promise:
    exist = Coupon.objects.exists()
    return _("Coupons have amounts in the present currency, so it can't be changed.") if exist else ""


CURRENCY_USES.register("coupons", CurrencyUse(_currency_refusal))
FACTS.register("coupons", _coupons)
FACTS.register("coupon_uses", count_of("SELECT count(*) FROM campaigns_couponuse WHERE state = 'redeemed'"))
SCOPES.register("coupons:read", _("Read coupons and check codes"))
SCOPES.register("coupons:write", _("Reserve, use and give coupons"))
WORK.register(ISSUE, coupon_codes.issue_to_segment)
WORK.register(GENERATE, coupon_codes.generate_codes)
grant(
    "campaigns.view_coupon",
    "campaigns.view_couponcode",
    "campaigns.view_couponuse",
    to=EVERYONE,
)
grant("campaigns.issue_coupon", to=[Role.AGENT, Role.LEAD, Role.MARKETER])
grant("campaigns.add_coupon", "campaigns.change_coupon", to=[Role.MARKETER])
OBJECTS.register("campaigns.coupon", by_route("coupon"))
LOGGED.register("campaigns.coupon_codes_exported", BY_NAME)
register_import(
    "coupons",
    ImportType(
        _("Coupons and their uses"),
        coupon_imports.CouponImport,
        coupon_imports.FIELDS,
        coupon_imports.LABELS,
        permission="campaigns.add_coupon",
        grown="campaigns_couponcode, campaigns_couponuse",
    ),
)
SEGMENT_ACTIONS.register(
    "coupon",
    SegmentAction(
        _("Give a coupon"), "ticket", lambda segment: reverse("coupon_for_segment", args=[segment.pk]),
        "campaigns.change_coupon",
    ),
)  # fmt: skip
