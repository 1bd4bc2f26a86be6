"""Coupons at the checkout, and the in-app inbox. Every command that uses a coupon takes an Idempotency-Key."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.coupons import selectors
from campaigns.coupons.api import member_shapes as members
from campaigns.coupons.api import serializers as shapes
from campaigns.coupons.models import Coupon
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.uses import Answer, redeem_coupon, release_coupon, reserve_coupon, validate_coupon
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.base import clock
from core.base.errors import NotFound
from core.http.addresses import address_block
from crm.customers.api.authentication import MemberToken
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer

PEOPLE = Customer.objects.all()
FIELDS = (
    "reservation", "state", "coupon", "code", "discount", "cart_amount", "currency", "reference", "expires_at",
)  # fmt: skip


def answer_body(answer: Answer) -> dict:
    """Return the fields in a fixed order, for fresh and stored answers, so that a repeat gets the same bytes."""
    return {name: answer[name] for name in FIELDS}


def buyer(request: Request, number: str) -> Customer | None:
    """Return the customer of the cart; a member's token is limited to its own customer. Raises NotFound."""
    if isinstance(request.auth, MemberToken):
        own = PEOPLE.filter(pk=request.auth.customer_id).first()
        return customer_of(request, number or (own.number if own else ""), PEOPLE)
    return customer_of(request, number, PEOPLE) if number else None


def cart_shape(request: Request) -> type[shapes.CartIn]:
    """Return the request's shape: a member is never a guest."""
    return shapes.MemberCartIn if isinstance(request.auth, MemberToken) else shapes.GuestCartIn


class ValidateView(ApiView):
    scopes = {"post": "coupons:read"}
    member_actions = ("post",)
    member_shapes = {"post": members.CouponQuote}

    @extend_schema(request=shapes.GuestCartIn, responses=shapes.CouponQuoteOut)
    def post(self, request: Request) -> Response:
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
    def post(self, request: Request) -> Response:
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

    @extend_schema(request=shapes.CouponRedeemIn, parameters=[IDEMPOTENCY_KEY], responses=shapes.ReservationOut)
    def post(self, request: Request, reservation: uuid.UUID) -> Response:
        """Redeem the reservation of a paid order. 409 `reservation_expired`: reserve again.

        A new reservation checks the limits again. With `cart_amount` the discount is computed again. 422
        `condition_failed` or `budget_spent` when the coupon does not allow it; the reservation then stays.
        """
        data = self.valid(shapes.CouponRedeemIn, request)
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
    def post(self, request: Request, reservation: uuid.UUID) -> Response:
        """Release the use of an abandoned cart or a reversed payment. A member's token only releases its own open
        reservations.
        """
        answer = release_coupon(reservation=reservation, key=self.key_of(request), actor=self.actor_of(request))
        return Response(self.shape(request, shapes.ReservationOut)(answer_body(answer)).data)


class IssueView(ApiView):
    scopes = {"post": "coupons:write"}

    @extend_schema(request=shapes.IssueIn, responses=shapes.HeldCouponOut)
    def post(self, request: Request, coupon: int) -> Response:
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
    def get(self, request: Request, number: str) -> Response:
        """Return the customer's own codes, newest first, at most 200."""
        coupons = selectors.coupons_of(customer_of(request, number, PEOPLE), clock.now())
        return Response(self.shape(request, shapes.HeldCouponOut)(coupons, many=True).data)
