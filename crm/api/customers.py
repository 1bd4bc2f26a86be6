"""Endpoints of customers, identities, consents, spending and member tokens."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from core.api.views import ApiView
from core.errors import Invalid, NotFound
from crm.api import member_shapes as members
from crm.api import serializers as shapes
from crm.api.authentication import MemberToken, make_member_token
from crm.models import Customer, CustomerState, IdentityKind, Store
from crm.rules.identities import normalise
from crm.selectors.customers import spending
from crm.services.consents import record_consent
from crm.services.customers import update_customer
from crm.services.identities import REASONS, GivenIdentity, add_identity, find
from crm.services.registration import register_customer

FULL = Customer.objects.prefetch_related("identities", "customer_tags__tag")


def customer_of(request, number: str, queryset=None) -> Customer:
    """Return the customer with this number; a merged number leads to the customer that remained.

    A member's token finds only its own customer. Raises NotFound.
    """
    rows = (FULL if queryset is None else queryset).filter(number=number)
    customer = rows.first()
    if customer is not None and customer.state == CustomerState.MERGED:
        customer = (FULL if queryset is None else queryset).filter(pk=customer.merged_into_id).first()
    if (
        customer is None
        or customer.state != CustomerState.ACTIVE
        or (isinstance(request.auth, MemberToken) and request.auth.customer_id != customer.pk)
    ):
        raise NotFound(_("There is no such customer."), code="unknown_customer")
    return customer


def shop_country() -> str:
    store = Store.objects.filter(is_default=True).first()
    return store.country if store else "CN"


def given(items) -> list[GivenIdentity]:
    return [GivenIdentity(item["kind"], item["value"], item["verified"]) for item in items]


class CustomersView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}
    parameters = {"get": ("kind", "value")}

    @extend_schema(
        operation_id="customers_find",
        parameters=[
            OpenApiParameter("kind", str, enum=IdentityKind.values, required=True),
            OpenApiParameter("value", str, required=True, description="As the customer wrote it."),
        ],
        responses=shapes.CustomerOut,
    )
    def get(self, request):
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
        return Response(shapes.CustomerOut(FULL.get(pk=identity.customer_id)).data)

    @extend_schema(request=shapes.CustomerIn, responses={200: shapes.CustomerCreated, 201: shapes.CustomerCreated})
    def post(self, request):
        """Create a customer, or find and update the customer that the identities name."""
        data = self.valid(shapes.CustomerIn, request)
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
        body = {**shapes.CustomerOut(customer).data, "created": created}
        return Response(body, status=201 if created else 200)


class CustomerView(ApiView):
    scopes = {"get": "customers:read", "patch": "customers:write"}
    member_actions = ("get", "patch")
    member_shapes = dict.fromkeys(member_actions, members.MemberCustomer)

    @extend_schema(responses=shapes.CustomerOut)
    def get(self, request, number: str):
        return Response(self.shape(request, shapes.CustomerOut)(customer_of(request, number)).data)

    @extend_schema(request=shapes.ProfileIn, responses=shapes.CustomerOut)
    def patch(self, request, number: str):
        """Change the given fields and leave the others unchanged.

        With a member's token, 409 `birthday_set`: a member sets the birthday once; later changes are made by the shop.
        """
        customer = customer_of(request, number)
        update_customer(customer=customer, changes=self.valid(shapes.ProfileIn, request), actor=self.actor_of(request))
        return Response(self.shape(request, shapes.CustomerOut)(customer_of(request, number)).data)


class IdentitiesView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}

    @extend_schema(responses=shapes.IdentityOut(many=True))
    def get(self, request, number: str):
        return Response(shapes.IdentityOut(customer_of(request, number).identities.all(), many=True).data)

    @extend_schema(request=shapes.IdentityIn, responses={201: shapes.IdentityOut})
    def post(self, request, number: str):
        """Attach one more identity. Answers 409 `identity_taken` when it belongs to another customer."""
        data = self.valid(shapes.IdentityIn, request)
        identity = add_identity(
            customer=customer_of(request, number),
            kind=data["kind"],
            value=data["value"],
            verified=data["verified"],
            actor=self.actor_of(request),
            country=shop_country(),
        )
        identity.refresh_from_db()
        return Response(shapes.IdentityOut(identity).data, status=201)


class ConsentsView(ApiView):
    scopes = {"get": "customers:read", "post": "customers:write"}
    member_actions = ("get", "post")
    member_shapes = dict.fromkeys(member_actions, members.MemberConsent)

    @extend_schema(responses=shapes.ConsentOut(many=True))
    def get(self, request, number: str):
        """List every consent decision, newest first."""
        rows = customer_of(request, number).consents.order_by("-given_at", "-pk")[:500]
        return Response(self.shape(request, shapes.ConsentOut)(rows, many=True).data)

    @extend_schema(request=shapes.ConsentIn, responses={201: shapes.ConsentOut})
    def post(self, request, number: str):
        """Record a decision. With a member's token, the source is that of the token and the time is now."""
        customer = customer_of(request, number)
        if isinstance(request.auth, MemberToken):
            data = self.valid(shapes.MemberConsentIn, request)
            data |= {"source": request.auth.source or "member", "evidence": "member token"}
        else:
            data = self.valid(shapes.ConsentIn, request)
        consent = record_consent(customer=customer, actor=self.actor_of(request), **data)
        return Response(self.shape(request, shapes.ConsentOut)(consent).data, status=201)


class SpendView(ApiView):
    scopes = {"get": "orders:read"}

    @extend_schema(responses=shapes.SpendOut)
    def get(self, request, number: str):
        """Return what the customer spent by currency, net of refunds, with the newest 500 adjustments outside of
        orders.
        """
        customer = customer_of(request, number)
        rows = customer.spend_adjustments.order_by("-occurred_at", "-pk")[:500]
        spent = spending([customer.pk]).get(customer.pk, [])
        return Response(shapes.SpendOut({"currencies": spent, "adjustments": rows}).data)


class MemberTokensView(ApiView):
    scopes = {"post": "tokens:write"}

    @extend_schema(request=shapes.TokenIn, responses={201: shapes.TokenOut})
    def post(self, request):
        """Make a short-lived token with which the shop's own pages speak for one customer."""
        data = self.valid(shapes.TokenIn, request)
        customer = customer_of(request, data["customer"])
        token = make_member_token(customer, source=self.source_of(request), seconds=data["seconds"])
        return Response({"token": token, "expires_in": data["seconds"]}, status=201)
