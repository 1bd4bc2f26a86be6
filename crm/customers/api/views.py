"""Endpoints of customers, identities, consents, spending and member tokens."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.views import ApiView
from core.base.errors import Invalid, NotFound
from crm.customers.api import member_shapes as members
from crm.customers.api import serializers as customers_serializers
from crm.customers.api.authentication import MemberToken, make_member_token
from crm.customers.api.lookup import FULL, customer_of, given, shop_country
from crm.customers.models import CustomerState, IdentityKind
from crm.customers.rules.identities import normalise
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import update_customer
from crm.customers.services.identities import REASONS, add_identity, find
from crm.customers.services.registration import register_customer


class CustomersView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}
    parameters = {"get": ("kind", "value")}

    @extend_schema(
        operation_id="customers_find",
        parameters=[
            OpenApiParameter("kind", str, enum=IdentityKind.values, required=True),
            OpenApiParameter("value", str, required=True, description="As the customer wrote it."),
        ],
        responses=customers_serializers.CustomerOut,
    )
    def get(self, request: Request) -> Response:
        """Find a customer by one identity."""
        kind, value = request.query_params.get("kind", ""), request.query_params.get("value", "")
        if kind not in IdentityKind.values:
            raise Invalid(_("Unknown kind of identity."), code="unknown_kind", field="kind")
        try:
            normal = normalise(kind, value, shop_country())
        except ValueError as error:
            raise Invalid(REASONS[str(error)], code=str(error), field="value") from None
        identity = find(kind, normal)
        if identity is None or identity.customer.state != CustomerState.ACTIVE:
            raise NotFound(_("There is no such customer."), code="unknown_customer")
        return Response(customers_serializers.CustomerOut(FULL.get(pk=identity.customer_id)).data)

    @extend_schema(
        request=customers_serializers.CustomerIn,
        responses={200: customers_serializers.CustomerCreated, 201: customers_serializers.CustomerCreated},
    )
    def post(self, request: Request) -> Response:
        """Create a customer, or find and update the customer that the identities name."""
        data = self.valid(customers_serializers.CustomerIn, request)
        identities = given(data.pop("identities"))
        anonymous_id = data.pop("anonymous_id", "")
        result, created = register_customer(
            identities=identities,
            profile=data,
            anonymous_id=anonymous_id,
            actor=self.actor_of(request),
            source=self.source_of(request),
            country=shop_country(),
        )
        customer = FULL.get(pk=result.pk)
        body = {**customers_serializers.CustomerOut(customer).data, "created": created}
        return Response(body, status=201 if created else 200)


class CustomerView(ApiView):
    scopes = {"get": "customers:read", "patch": "customers:write"}
    member_actions = ("get", "patch")
    member_shapes = dict.fromkeys(member_actions, members.MemberCustomer)

    @extend_schema(responses=customers_serializers.CustomerOut)
    def get(self, request: Request, number: str) -> Response:
        return Response(self.shape(request, customers_serializers.CustomerOut)(customer_of(request, number)).data)

    @extend_schema(request=customers_serializers.ProfileIn, responses=customers_serializers.CustomerOut)
    def patch(self, request: Request, number: str) -> Response:
        """Change the given fields and leave the others unchanged.

        With a member's token, 409 `birthday_set`: a member sets the birthday once; later changes are made by the shop.
        """
        customer = customer_of(request, number)
        update_customer(
            customer=customer,
            changes=self.valid(customers_serializers.ProfileIn, request),
            actor=self.actor_of(request),
        )
        return Response(self.shape(request, customers_serializers.CustomerOut)(customer_of(request, number)).data)


class IdentitiesView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}

    @extend_schema(responses=customers_serializers.IdentityOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        return Response(
            customers_serializers.IdentityOut(customer_of(request, number).identities.all(), many=True).data
        )

    @extend_schema(request=customers_serializers.IdentityIn, responses={201: customers_serializers.IdentityOut})
    def post(self, request: Request, number: str) -> Response:
        """Attach one more identity. Answers 409 `identity_taken` when it belongs to another customer."""
        data = self.valid(customers_serializers.IdentityIn, request)
        identity = add_identity(
            customer=customer_of(request, number),
            kind=data["kind"],
            value=data["value"],
            verified=data["verified"],
            actor=self.actor_of(request),
            country=shop_country(),
        )
        identity.refresh_from_db()
        return Response(customers_serializers.IdentityOut(identity).data, status=201)


class ConsentsView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}
    member_actions = ("get", "post")
    member_shapes = dict.fromkeys(member_actions, members.MemberConsent)

    @extend_schema(responses=customers_serializers.ConsentOut(many=True))
    def get(self, request: Request, number: str) -> Response:
        """List every consent decision, newest first."""
        rows = customer_of(request, number).consents.order_by("-given_at", "-pk")[:500]
        return Response(self.shape(request, customers_serializers.ConsentOut)(rows, many=True).data)

    @extend_schema(request=customers_serializers.ConsentIn, responses={201: customers_serializers.ConsentOut})
    def post(self, request: Request, number: str) -> Response:
        """Record a decision. With a member's token, the source is that of the token and the time is now."""
        customer = customer_of(request, number)
        if isinstance(request.auth, MemberToken):
            data = self.valid(customers_serializers.MemberConsentIn, request)
            data |= {"source": request.auth.source or "member", "evidence": "member token"}
        else:
            data = self.valid(customers_serializers.ConsentIn, request)
        consent = record_consent(customer=customer, actor=self.actor_of(request), **data)
        return Response(self.shape(request, customers_serializers.ConsentOut)(consent).data, status=201)


class MemberTokensView(ApiView):
    scopes = {"post": "tokens:write"}

    @extend_schema(request=customers_serializers.TokenIn, responses={201: customers_serializers.TokenOut})
    def post(self, request: Request) -> Response:
        """Make a short-lived token with which the shop's own pages speak for one customer."""
        data = self.valid(customers_serializers.TokenIn, request)
        customer = customer_of(request, data["customer"])
        token = make_member_token(customer, source=self.source_of(request), seconds=data["seconds"])
        return Response({"token": token, "expires_in": data["seconds"]}, status=201)
