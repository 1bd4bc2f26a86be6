"""Endpoints for a member's tier, its benefits, and tiers that are paid for."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.base.errors import NotFound
from loyalty.ledger.api.lookup import member_in
from loyalty.program import selectors
from loyalty.program.models import Member
from loyalty.tiers.api import member_shapes as members
from loyalty.tiers.api import serializers as shapes
from loyalty.tiers.models import Tier
from loyalty.tiers.rules import TierGoal
from loyalty.tiers.selectors import standing as tier_standing
from loyalty.tiers.selectors.standing import TierStanding
from loyalty.tiers.services.bought_tiers import buy_tier, refund_tier, tiers_for_sale


def progress_body(standing: TierStanding) -> dict[str, Any] | None:
    if standing.progress is None or standing.next is None:
        return None
    return {
        "tier": standing.next.code,
        "name": standing.next.label,
        **_goal(standing, standing.progress),
        "text": standing.progress_text,
    }


def benefits_body(tier: Tier | None) -> list[dict[str, Any]]:
    return [
        {"kind": one.kind, "name": one.label, "words": one.words, "details": one.details}
        for one in tier_standing.benefits_of(tier)
    ]


def standing_body(member: Member) -> dict[str, Any]:
    standing = tier_standing.standing(member)
    return {
        "tier": member.tier,
        "since": member.tier_since if member.tier else None,
        "until": standing.until,
        "reason": standing.period.reason if standing.period else "",
        "locked": standing.is_locked,
        "currency": member.program.currency,
        "benefits": benefits_body(member.tier),
        "progress": progress_body(standing),
        "stay": {**_goal(standing, standing.stay), "text": standing.stay_text} if standing.stay else None,
    }


def _goal(standing: TierStanding, goal: TierGoal) -> dict[str, Any]:
    return {
        "metric": standing.member.program.tier_metric,
        "have": goal.have,
        "need": goal.need,
        "left": goal.left,
        "by": goal.by,
    }


class MemberTierView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.TierStanding}

    @extend_schema(operation_id="member_tier", responses=shapes.MemberTierOut)
    def get(self, request: Request, number: str) -> Response:
        """Return the tier with its reason and benefits, and what is missing to move up and to stay, with the dates."""
        return Response(self.shape(request, shapes.MemberTierOut)(standing_body(member_in(request, number))).data)


class TiersForSaleView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.TierForSale}

    @extend_schema(operation_id="tiers_for_sale", responses=shapes.TierForSaleOut(many=True))
    def get(self, request: Request) -> Response:
        """List the tiers for sale, lowest first, each with its price and benefits. Empty when none is for sale."""
        program = selectors.default_program()
        rows = [
            {"tier": tier, "currency": program.currency, "benefits": benefits_body(tier)}
            for tier in tiers_for_sale(program)
        ]
        return Response(self.shape(request, shapes.TierForSaleOut)(rows, many=True).data)


class TierPurchaseView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(
        operation_id="tier_buy",
        request=shapes.BuyTierIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.BoughtTierOut},
    )
    def post(self, request: Request, number: str) -> Response:
        """Record a tier that was paid for. Another purchase extends it; the same reference is the same purchase.

        422 `tier_not_for_sale`; 409 `reference_used` when another purchase has the reference.
        """
        member = member_in(request, number)
        data = self.valid(shapes.BuyTierIn, request)
        tier = Tier.objects.filter(program=member.program, code=data["tier"]).first()
        if tier is None:
            raise NotFound(_("There is no such tier."), code="unknown_tier", field="tier")
        answer = buy_tier(
            member=member,
            tier=tier,
            reference=data["reference"],
            amount=data.get("amount"),
            key=self.key_of(request),
            actor=self.actor_of(request),
        )
        return Response(shapes.BoughtTierOut({**answer, "currency": member.program.currency}).data, status=201)


class TierRefundView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(operation_id="tier_refund", request=shapes.RefundTierIn, responses=shapes.BoughtTierOut)
    def post(self, request: Request, number: str) -> Response:
        """End a bought tier whose money was refunded. The member's tier changes at the end of the day. Idempotent."""
        member = member_in(request, number)
        reference = self.valid(shapes.RefundTierIn, request)["reference"]
        bought = refund_tier(member=member, reference=reference, actor=self.actor_of(request))
        body = {
            "tier": bought.tier.code,
            "reference": bought.reference,
            "amount": bought.amount,
            "currency": member.program.currency,
            "starts_at": bought.starts_at,
            "ends_at": bought.ended_at,
        }
        return Response(shapes.BoughtTierOut(body).data)


class TierProductsView(ApiView):
    scopes = {"post": "members:read"}
    member_actions = ("post",)
    member_shapes = {"post": members.Allowed}
    keeps_history = False

    @extend_schema(operation_id="tier_products", request=shapes.ProductsIn, responses=shapes.AllowedOut(many=True))
    def post(self, request: Request, number: str) -> Response:
        """Return which of these products the member may buy; some need a minimum tier. Changes nothing."""
        member = member_in(request, number)
        products = tier_standing.may_buy(member, self.valid(shapes.ProductsIn, request)["skus"])
        rows = [
            {"sku": one.sku, "may_buy": one.may_buy, "from_tier": one.tier.code if one.tier else None}
            for one in products
        ]
        return Response(self.shape(request, shapes.AllowedOut)(rows, many=True).data)
