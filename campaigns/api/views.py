"""Coupons at the checkout, and the in-app inbox. Every command that uses a coupon takes an Idempotency-Key."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from campaigns import selectors
from campaigns.api import member_shapes as members
from campaigns.api import serializers as shapes
from campaigns.models import Coupon, Message
from campaigns.services.coupon_codes import issue_coupon
from campaigns.services.coupon_uses import (
    Answer,
    redeem_coupon,
    release_coupon,
    reserve_coupon,
    validate_coupon,
)
from campaigns.services.inbox import mark_all_read, mark_read
from core import clock
from core.addresses import address_block
from core.api.pagination import KeysetPagination
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView, ApiViewSet
from core.errors import NotFound
from crm.api.authentication import MemberToken
from crm.api.customers import customer_of
from crm.models import Customer

PEOPLE = Customer.objects.all()
FIELDS = (
    "reservation", "state", "coupon", "code", "discount", "cart_amount", "currency", "reference", "expires_at",
)  # fmt: skip


def answer_body(answer: Answer) -> dict:
    """Return the fields in a fixed order, for fresh and stored answers, so that a repeat gets the same bytes."""
    return {name: answer[name] for name in FIELDS}


def buyer(request, number: str) -> Customer | None:
    """Return the customer of the cart; a member's token is limited to its own customer. Raises NotFound."""
    if isinstance(request.auth, MemberToken):
        own = PEOPLE.filter(pk=request.auth.customer_id).first()
        return customer_of(request, number or (own.number if own else ""), PEOPLE)
    return customer_of(request, number, PEOPLE) if number else None


def cart_shape(request) -> type[shapes.CartIn]:
    """Return the request's shape: a member is never a guest."""
    return shapes.MemberCartIn if isinstance(request.auth, MemberToken) else shapes.GuestCartIn


class ValidateView(ApiView):
    scopes = {"post": "coupons:read"}
    member_actions = ("post",)
    member_shapes = {"post": members.CouponQuote}

    @extend_schema(request=shapes.GuestCartIn, responses=shapes.CouponQuoteOut)
    def post(self, request):
        """Return the discount of a code on a cart, or the reason against it. Reserves nothing."""
        data = self.valid(cart_shape(request), request)
        customer = buyer(request, data.pop("customer"))
        quote = validate_coupon(customer=customer, actor=self.actor_of(request), address=address_block(request), **data)
        body = {
            "code": quote.code,
            "valid": quote.valid,
            "discount": quote.discount,
            "reason": quote.reason,
            "details": quote.figures,
        }
        return Response(self.shape(request, shapes.CouponQuoteOut)(body).data)


class ReservationsView(ApiView):
    scopes = {"post": "coupons:write"}
    member_actions = ("post",)
    member_shapes = {"post": members.Reservation}

    @extend_schema(request=shapes.GuestCartIn, parameters=[IDEMPOTENCY_KEY], responses={201: shapes.ReservationOut})
    def post(self, request):
        """Reserve one use for an order. 422 names the reason, such as `campaign_limit`.

        With a member's token no budget is reserved: `discount` is then an estimate, and the server key that redeems
        sends the `cart_amount`.
        """
        data = self.valid(cart_shape(request), request)
        customer = buyer(request, data.pop("customer"))
        answer = reserve_coupon(
            customer=customer,
            key=self.key_of(request),
            actor=self.actor_of(request),
            address=address_block(request),
            **data,
        )
        return Response(self.shape(request, shapes.ReservationOut)(answer_body(answer)).data, status=201)


class RedeemView(ApiView):
    scopes = {"post": "coupons:write"}

    @extend_schema(request=shapes.RedeemIn, parameters=[IDEMPOTENCY_KEY], responses=shapes.ReservationOut)
    def post(self, request, reservation: uuid.UUID):
        """Redeem the reservation of a paid order. 409 `reservation_expired`: reserve again.

        A new reservation checks the limits again. With `cart_amount` the discount is computed again. 422
        `condition_failed` or `budget_spent` when the coupon does not allow it; the reservation then stays.
        """
        data = self.valid(shapes.RedeemIn, request)
        answer = redeem_coupon(
            reservation=reservation,
            key=self.key_of(request),
            actor=self.actor_of(request),
            cart_amount=data.get("cart_amount"),
        )
        return Response(answer_body(answer))


class ReleaseView(ApiView):
    scopes = {"post": "coupons:write"}
    without_body = ("post",)
    member_actions = ("post",)
    member_shapes = {"post": members.Reservation}

    @extend_schema(request=None, parameters=[IDEMPOTENCY_KEY], responses=shapes.ReservationOut)
    def post(self, request, reservation: uuid.UUID):
        """Release the use of an abandoned cart or a reversed payment. A member's token only releases its own open
        reservations.
        """
        answer = release_coupon(reservation=reservation, key=self.key_of(request), actor=self.actor_of(request))
        return Response(self.shape(request, shapes.ReservationOut)(answer_body(answer)).data)


class IssueView(ApiView):
    scopes = {"post": "coupons:write"}

    @extend_schema(request=shapes.IssueIn, responses=shapes.HeldCouponOut)
    def post(self, request, coupon: int):
        """Give one customer a code, once per cause."""
        data = self.valid(shapes.IssueIn, request)
        row = Coupon.objects.filter(pk=coupon).first()
        if row is None:
            raise NotFound(code="unknown_coupon")
        code = issue_coupon(
            customer=customer_of(request, data["customer"], PEOPLE),
            coupon=row,
            cause=f"api:{data['cause']}",
            actor=self.actor_of(request),
        )
        return Response(shapes.HeldCouponOut(selectors.held_coupon(code, clock.now())).data)


class CustomerCouponsView(ApiView):
    scopes = {"get": "coupons:read"}
    member_actions = ("get",)
    member_shapes = {"get": members.HeldCoupon}

    @extend_schema(responses=shapes.HeldCouponOut(many=True))
    def get(self, request, number: str):
        """Return the customer's own codes, newest first, at most 200."""
        coupons = selectors.coupons_of(customer_of(request, number, PEOPLE), clock.now())
        return Response(self.shape(request, shapes.HeldCouponOut)(coupons, many=True).data)


class InboxPages(KeysetPagination):
    ordering = ("-sent_at", "-id")


class InboxViewSet(ApiViewSet):
    scopes = {"list": "inbox:read", "unread": "inbox:read", "read": "inbox:read", "read_all": "inbox:read"}
    without_body = ("read", "read_all")
    member_actions = ("list", "unread", "read", "read_all")
    member_shapes = dict.fromkeys(("list", "read"), members.InboxMessage) | dict.fromkeys(
        ("unread", "read_all"), members.Unread
    )
    pagination_class = InboxPages
    serializer_class = shapes.InboxMessageOut
    queryset = Message.objects.none()
    filter_backends = []

    @extend_schema(responses=shapes.InboxMessageOut(many=True))
    def list(self, request, number: str):
        """List messages in the app, newest first."""
        page = self.paginate_queryset(selectors.inbox_of(customer_of(request, number, PEOPLE)))
        return self.get_paginated_response(self.shape(request, shapes.InboxMessageOut)(page, many=True).data)

    @extend_schema(responses=shapes.UnreadOut)
    def unread(self, request, number: str):
        """Return the number of unread messages."""
        count = selectors.unread_count(customer_of(request, number, PEOPLE))
        return Response(self.shape(request, shapes.UnreadOut)({"unread": count}).data)

    @extend_schema(request=None, responses=shapes.InboxMessageOut)
    def read(self, request, number: str, message: uuid.UUID):
        """Mark one message as read; only the first reading is stored."""
        read = mark_read(customer=customer_of(request, number, PEOPLE), message_id=message)
        return Response(self.shape(request, shapes.InboxMessageOut)(read).data)

    @extend_schema(request=None, responses=shapes.UnreadOut)
    def read_all(self, request, number: str):
        """Mark all messages as read."""
        mark_all_read(customer=customer_of(request, number, PEOPLE))
        return Response(self.shape(request, shapes.UnreadOut)({"unread": 0}).data)
