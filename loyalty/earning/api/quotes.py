"""Quotes of earning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from core.security.api_keys import KeyIdentity
from loyalty.earning.api import member_shapes as earning_member_shapes
from loyalty.earning.api import quote_serializers as earning_quote_serializers
from loyalty.earning.selectors.quotes import CartLine, Earned, quote_cart
from loyalty.ledger.api.lookup import account_of
from loyalty.tiers.selectors import standing as tier_standing


def earned(parts: Sequence[Earned]) -> list[dict]:
    """Sum what a cart earns by point type.

    Rules are left out because one may be for a segment, which members must not see.
    """
    sums: dict[str, int] = {}
    for part in parts:
        sums[part.point_type] = sums.get(part.point_type, 0) + part.points
    return [{"point_type": code, "points": points} for code, points in sums.items()]


class QuoteView(ApiView):
    scopes = {"post": "members:read"}
    member_actions = ("post",)
    member_shapes = {"post": earning_member_shapes.Quote}

    @extend_schema(request=earning_quote_serializers.QuoteIn, responses=earning_quote_serializers.QuoteOut)
    def post(self, request: Request, number: str) -> Response:
        """Return how much of a cart points can pay, and what the rest would earn. Changes nothing."""
        account = account_of(request, number)
        data = self.valid(earning_quote_serializers.QuoteIn, request)
        quote = quote_cart(
            account.member,
            account,
            data["amount"],
            lines=[CartLine(line["sku"], line["amount"]) for line in data["lines"]],
            channel=data["channel"],
            store=data["store"],
        )
        least = tier_standing.free_shipping_from(account.member.tier)
        shipping = {"free_shipping": least is not None and data["amount"] >= least, "free_shipping_from": least}
        body = {**asdict(quote), **shipping, "currency": account.member.program.currency}
        if not isinstance(request.auth, KeyIdentity):
            body["earned"] = earned(quote.earned)
        return Response(self.shape(request, earning_quote_serializers.QuoteOut)(body).data)
