"""Endpoints for the rewards that a member can have and for their redemptions."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView, ApiViewSet
from core.base.errors import NotFound
from crm.customers.api.authentication import MemberToken
from loyalty.ledger.api.lookup import member_in
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.api import member_shapes as members
from loyalty.rewards.api import serializers as shapes
from loyalty.rewards.models import Reward, RewardRedemption
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.selectors import Offered
from loyalty.rewards.services.redemptions import cancel_redemption, redeem_reward, redemption_values


def reward_body(request: Request, offered: Offered) -> dict[str, Any]:
    reward = offered.reward
    fulfilment = FULFILMENTS.get(reward.kind)
    left = [count for count in (reward.stock, offered.codes_left) if count is not None]
    picture = (reward.picture.name or "").rpartition("/")[2]
    return {
        "code": reward.code,
        "kind": reward.kind,
        "name": reward.label,
        "description": reward.description_label,
        "category": reward.category and {"code": reward.category.code, "name": reward.category.label},
        "picture": request.build_absolute_uri(reverse("reward_picture", args=[picture])) if picture else None,
        "points": reward.points,
        "money": reward.money,
        "currency": reward.program.currency,
        "left": min(left) if left else None,
        "limit": offered.limit,
        "used": offered.used,
        "minimum_tier": reward.minimum_tier.code if reward.minimum_tier else None,
        "starts_at": reward.starts_at,
        "ends_at": reward.ends_at,
        "needs_address": bool(fulfilment and fulfilment.needs_address),
        "can_redeem": not offered.reason,
        "reason": offered.reason,
        "missing": offered.missing,
    }


def redemption_body(redemption: RewardRedemption, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of a redemption.

    `values` are a stored answer: a retry gets the first answer, with the code that is stored encrypted.
    """
    body = values or redemption_values(redemption)
    return {**body, "code": redemption.code if body["state"] == "fulfilled" else None}


class CataloguePages(KeysetPagination):
    ordering = ("position", "id")


class RewardsViewSet(ApiViewSet):
    scopes = {"list": "members:read"}
    member_actions = ("list",)
    member_shapes = {"list": members.Reward}
    pagination_class = CataloguePages
    serializer_class = shapes.RewardOut
    queryset = Reward.objects.none()
    filter_backends = []

    @extend_schema(operation_id="rewards_of_member", responses=shapes.RewardOut(many=True))
    def list(self, request: Request, number: str) -> Response:
        """List the rewards, and for each the reason when the member can't redeem it."""
        member = member_in(request, number)
        page = self.paginate_queryset(catalogue.shown_to(member)) or []
        bodies = [reward_body(request, offered) for offered in catalogue.offers(member, page)]
        return self.get_paginated_response(self.shape(request, shapes.RewardOut)(bodies, many=True).data)


class RedemptionPages(KeysetPagination):
    ordering = ("-placed_at", "-id")


class RewardRedemptionsViewSet(ApiViewSet):
    scopes = {"list": "members:read", "redeem": "points:redeem"}
    member_actions = ("list", "redeem")
    member_shapes = dict.fromkeys(member_actions, members.RewardRedemption)
    pagination_class = RedemptionPages
    serializer_class = shapes.RewardRedemptionOut
    queryset = RewardRedemption.objects.none()
    filter_backends = []

    @extend_schema(operation_id="reward_redemptions_list", responses=shapes.RewardRedemptionOut(many=True))
    def list(self, request: Request, number: str) -> Response:
        """List the member's redemptions, newest first."""
        page = self.paginate_queryset(catalogue.redemptions_of(member_in(request, number))) or []
        rows = [redemption_body(row) for row in page]
        return self.get_paginated_response(self.shape(request, shapes.RewardRedemptionOut)(rows, many=True).data)

    @extend_schema(
        operation_id="reward_redeem",
        request=shapes.RedeemRewardIn,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: shapes.RewardRedemptionOut},
    )
    def redeem(self, request: Request, number: str) -> Response:
        """Redeem a reward. 422 gives one of the catalogue's reasons, `address_required` or `payment_required`."""
        member = member_in(request, number)
        is_member = isinstance(request.auth, MemberToken)
        data = self.valid(shapes.MemberRedeemRewardIn if is_member else shapes.RedeemRewardIn, request)
        reward = Reward.objects.filter(program=member.program, code=data["reward"]).first()
        if reward is None:
            raise NotFound(_("There is no such reward."), code="unknown_reward", field="reward")
        answer = redeem_reward(
            member=member,
            reward=reward,
            key=self.key_of(request),
            actor=self.actor_of(request),
            address=data.get("address"),
            reference=data.get("reference", ""),
        )
        row = catalogue.redemptions_of(member).get(pk=answer["redemption"])
        body = redemption_body(row, answer)
        return Response(self.shape(request, shapes.RewardRedemptionOut)(body).data, status=201)


def redemption_in(request: Request, number: str, redemption: uuid.UUID) -> RewardRedemption:
    row = catalogue.redemptions_of(member_in(request, number)).filter(pk=redemption).first()
    if row is None:
        raise NotFound(_("There is no such redemption."), code="unknown_redemption")
    return row


class RewardRedemptionView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.RewardRedemption}

    @extend_schema(operation_id="reward_redemption", responses=shapes.RewardRedemptionOut)
    def get(self, request: Request, number: str, redemption: uuid.UUID) -> Response:
        """Return the state of a redemption: being prepared, sent with its tracking number, delivered with its code,
        cancelled or failed.
        """
        body = redemption_body(redemption_in(request, number, redemption))
        return Response(self.shape(request, shapes.RewardRedemptionOut)(body).data)


class CancelRewardView(ApiView):
    scopes = {"post": "points:redeem"}
    member_actions = ("post",)
    member_shapes = {"post": members.RewardRedemption}

    @extend_schema(operation_id="reward_cancel", request=shapes.CancelRewardIn, responses=shapes.RewardRedemptionOut)
    def post(self, request: Request, number: str, redemption: uuid.UUID) -> Response:
        """Cancel a redemption that was not sent or used; the points go back to the lots that they came from.
        Idempotent.

        409 `redemption_not_cancellable` when it is too late.
        """
        row = redemption_in(request, number, redemption)
        reason = self.valid(shapes.CancelRewardIn, request)["reason"]
        body = redemption_body(cancel_redemption(redemption=row, actor=self.actor_of(request), reason=reason))
        return Response(self.shape(request, shapes.RewardRedemptionOut)(body).data)
