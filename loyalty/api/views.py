"""Endpoints for members and their points. Every command that moves points takes an Idempotency-Key (L7)."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.renderers import RenderedResponse
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView, ApiViewSet
from core.errors import Invalid
from core.services.api_keys import KeyIdentity
from crm.api.customers import customer_of
from crm.models import Customer
from loyalty import public_words, selectors, tier_standing
from loyalty.api import member_shapes as members
from loyalty.api import serializers as shapes
from loyalty.models import Account, Entry, Member
from loyalty.quotes import CartLine, quote_cart
from loyalty.services.enrolment import enrol_member
from loyalty.services.redemption import Answer, capture_hold, hold_points, redeem_points, release_hold
from loyalty.services.suspensions import resume_member, suspend_member
from loyalty.services.transfers import transfer_points

PEOPLE = Customer.objects.all()
HOLD_FIELDS = ("hold", "state", "points", "captured", "available", "held", "balance", "reference", "expires_at")


def answer_body(answer: Answer) -> dict:
    """Return the fields in a fixed order. A stored answer then has the same bytes as a fresh one."""
    return {name: answer[name] for name in HOLD_FIELDS}


def account_of(request, number: str) -> Account:
    """Return the member's spendable account. A member's token reaches only its own account. Raises NotFound."""
    if isinstance(request.auth, KeyIdentity):
        return selectors.spendable_account_of(number)
    return selectors.spendable_account(selectors.member_of(customer_of(request, number, PEOPLE)))


def member_body(member: Member) -> dict:
    standing = tier_standing.standing(member)
    goal, following = standing.progress, standing.next
    return {
        "customer": member.customer.number,
        "state": member.state,
        "tier": member.tier,
        "next_tier": following
        and goal
        and {"code": following.code, "name": following.label, "missing": goal.left, "text": standing.progress_text},
        "qualifying": member.qualifying,
        "currency": member.program.currency,
        "enrolled_at": member.enrolled_at,
    }


def referrer_of(number: str) -> Member | None:
    """Return the active member with this customer number, or None for an empty one.

    Raises Invalid when there is no such member.
    """
    if not number:
        return None
    program = selectors.default_program()
    member = Member.objects.active().filter(program=program, customer__number=number, customer__state="active").first()
    if member is None:
        raise Invalid(_("There is no such member."), code="unknown_referrer", field="referred_by")
    return member


class MembersView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(request=shapes.EnrolIn, responses=shapes.MemberOut)
    def post(self, request):
        """Make a customer a member. An existing member is returned unchanged."""
        data = self.valid(shapes.EnrolIn, request)
        customer = customer_of(request, data["customer"], PEOPLE)
        member = enrol_member(
            customer=customer,
            program=selectors.default_program(),
            actor=self.actor_of(request),
            referrer=referrer_of(data["referred_by"]),
        )
        return Response(shapes.MemberOut(member_body(member)).data)


class MemberView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.Membership}

    @extend_schema(responses=shapes.MemberOut)
    def get(self, request, number: str):
        """Return the member's tier and the progress to the next one."""
        body = member_body(selectors.member_of(customer_of(request, number, PEOPLE)))
        return Response(self.shape(request, shapes.MemberOut)(body).data)


class SuspendView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(request=shapes.SuspendIn, responses=shapes.MemberOut)
    def post(self, request, number: str):
        """Suspend a member: they earn and redeem nothing until they are resumed. 409 `already_suspended`."""
        data = self.valid(shapes.SuspendIn, request)
        member = selectors.member_of(customer_of(request, number, PEOPLE))
        suspend_member(member=member, actor=self.actor_of(request), **data)
        return Response(member_body(selectors.member_of(member.customer)))


class ResumeView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(request=shapes.ResumeIn, responses=shapes.MemberOut)
    def post(self, request, number: str):
        """Make a suspended member active again. 409 `not_suspended`."""
        data = self.valid(shapes.ResumeIn, request)
        member = selectors.member_of(customer_of(request, number, PEOPLE))
        resume_member(member=member, actor=self.actor_of(request), **data)
        return Response(member_body(selectors.member_of(member.customer)))


class BalanceView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.Balance}

    @extend_schema(responses=shapes.BalanceOut)
    def get(self, request, number: str):
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
    def list(self, request, number: str):
        """List every ledger entry, newest first. A member's token gets them in words, with the balance after each."""
        account = account_of(request, number)
        page = self.paginate_queryset(Entry.objects.filter(account=account).select_related("order")) or []
        rows = page if isinstance(request.auth, KeyIdentity) else public_words.history(account, page)
        return self.get_paginated_response(self.shape(request, shapes.EntryOut)(rows, many=True).data)


class QuoteView(ApiView):
    scopes = {"post": "members:read"}
    member_actions = ("post",)
    member_shapes = {"post": members.Quote}

    @extend_schema(request=shapes.QuoteIn, responses=shapes.QuoteOut)
    def post(self, request, number: str):
        """Return how much of a cart points can pay, and what the rest would earn. Changes nothing."""
        account = account_of(request, number)
        data = self.valid(shapes.QuoteIn, request)
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
            body["earned"] = public_words.earned(quote.earned)
        return Response(self.shape(request, shapes.QuoteOut)(body).data)


class HoldsView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False

    @extend_schema(request=shapes.HoldIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.HoldOut})
    def post(self, request, number: str):
        """Set points aside for a purchase. 422 `insufficient_points` says how many are available."""
        data = self.valid(shapes.HoldIn, request)
        answer = hold_points(account=number, key=self.key_of(request), actor=self.actor_of(request), **data)
        return RenderedResponse(answer_body(answer), status=201)


class RedemptionsView(ApiView):
    scopes = {"post": "points:redeem"}
    keeps_history = False

    @extend_schema(request=shapes.RedeemIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.HoldOut})
    def post(self, request, number: str):
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
    def post(self, request, number: str):
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
    def post(self, request, hold: uuid.UUID):
        """Spend a hold, all or part; the rest is released."""
        data = self.valid(shapes.CaptureIn, request)
        answer = capture_hold(
            program=selectors.default_program(),
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
    def post(self, request, hold: uuid.UUID):
        """Release a hold and give its points back."""
        answer = release_hold(
            program=selectors.default_program(), hold=hold, key=self.key_of(request), actor=self.actor_of(request)
        )
        return RenderedResponse(answer_body(answer))
