"""Endpoints for members and their points. Every command that moves points takes an Idempotency-Key (L7)."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.renderers import RenderedResponse
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView, ApiViewSet
from core.security.api_keys import KeyIdentity
from loyalty.ledger.api import member_shapes as members
from loyalty.ledger.api import serializers as shapes
from loyalty.ledger.api.lookup import account_of
from loyalty.ledger.models import Entry
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.selectors import history
from loyalty.ledger.services.redemption import Answer, capture_hold, hold_points, redeem_points, release_hold
from loyalty.ledger.services.transfers import transfer_points
from loyalty.program import selectors as program_selectors

HOLD_FIELDS = ("hold", "state", "points", "captured", "available", "held", "balance", "reference", "expires_at")


def answer_body(answer: Answer) -> dict:
    """Return the fields in a fixed order. A stored answer then has the same bytes as a fresh one."""
    return {name: answer[name] for name in HOLD_FIELDS}


class BalanceView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.Balance}

    @extend_schema(responses=shapes.BalanceOut)
    def get(self, request: Request, number: str) -> Response:
        """Return the available points, the pending points with their dates, and the amounts that will expire."""
        balance = selectors.balance_of(account_of(request, number))
        return Response(self.shape(request, shapes.BalanceOut)(balance).data)


class EntryPages(KeysetPagination):
    ordering = "-id"


class HistoryViewSet(ApiViewSet):
    scopes = {"list": "members:read"}
    member_actions = ("list",)
    member_shapes = {"list": members.HistoryEntry}
    pagination_class = EntryPages
    serializer_class = shapes.EntryOut
    queryset = Entry.objects.none()
    filter_backends = []

    @extend_schema(responses=shapes.EntryOut(many=True))
    def list(self, request: Request, number: str) -> Response:
        """List every ledger entry, newest first. A member's token gets them in words, with the balance after each."""
        account = account_of(request, number)
        page = self.paginate_queryset(Entry.objects.filter(account=account).select_related("order")) or []
        rows = page if isinstance(request.auth, KeyIdentity) else history.history(account, page)
        return self.get_paginated_response(self.shape(request, shapes.EntryOut)(rows, many=True).data)


class HoldsView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False

    @extend_schema(request=shapes.HoldIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.HoldOut})
    def post(self, request: Request, number: str) -> HttpResponse:
        """Set points aside for a purchase. 422 `insufficient_points` says how many are available."""
        data = self.valid(shapes.HoldIn, request)
        answer = hold_points(account=number, key=self.key_of(request), actor=self.actor_of(request), **data)
        return RenderedResponse(answer_body(answer), status=201)


class RedemptionsView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False

    @extend_schema(request=shapes.RedeemIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.HoldOut})
    def post(self, request: Request, number: str) -> HttpResponse:
        """Spend points in one step."""
        data = self.valid(shapes.RedeemIn, request)
        answer = redeem_points(account=number, key=self.key_of(request), actor=self.actor_of(request), **data)
        return RenderedResponse(answer_body(answer), status=201)


class TransfersView(ApiView):
    scopes = {"post": "points:redeem"}
    member_actions = ("post",)
    member_shapes = {"post": members.Transfer}
    keeps_history = False

    @extend_schema(request=shapes.TransferIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.TransferOut})
    def post(self, request: Request, number: str) -> Response:
        """Transfer points to another member. They keep their expiry. 422 `transfer_limit` says what is left today."""
        sender = account_of(request, number)
        data = self.valid(shapes.TransferIn, request)
        answer = transfer_points(
            sender=sender,
            receiver=selectors.spendable_account_of(data["to"]),
            points=data["points"],
            note=data["note"],
            key=self.key_of(request),
            actor=self.actor_of(request),
        )
        return Response(self.shape(request, shapes.TransferOut)(answer).data, status=201)


class CaptureView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False

    @extend_schema(request=shapes.CaptureIn, parameters=[IDEMPOTENCY_KEY], responses=shapes.HoldOut)
    def post(self, request: Request, hold: uuid.UUID) -> HttpResponse:
        """Spend a hold, all or part; the rest is released."""
        data = self.valid(shapes.CaptureIn, request)
        answer = capture_hold(
            program=program_selectors.default_program(),
            hold=hold,
            points=data.get("points"),
            key=self.key_of(request),
            actor=self.actor_of(request),
        )
        return RenderedResponse(answer_body(answer))


class ReleaseView(ApiView):
    scopes = {"post": "points:redeem"}
    without_body = ("post",)
    keeps_history = False

    @extend_schema(request=None, parameters=[IDEMPOTENCY_KEY], responses=shapes.HoldOut)
    def post(self, request: Request, hold: uuid.UUID) -> HttpResponse:
        """Release a hold and give its points back."""
        answer = release_hold(
            program=program_selectors.default_program(),
            hold=hold,
            key=self.key_of(request),
            actor=self.actor_of(request),
        )
        return RenderedResponse(answer_body(answer))
