"""Tickets, as the storefront and its customers see them: public messages only."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.schema import OPTIONAL_KEY
from core.api.views import ApiViewSet
from core.base.errors import Invalid, NotFound
from core.db import idempotency
from crm.customers.api.authentication import MemberToken
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer
from crm.desk.api import member_shapes as members
from crm.desk.api import serializers as shapes
from crm.desk.models import Ticket, TicketOrigin, TicketPriority
from crm.desk.services import open_ticket, reply_to_ticket
from crm.orders.models import Order


class TicketFilter(django_filters.FilterSet):
    customer = django_filters.CharFilter("customer__number", max_length=20)

    class Meta:
        model = Ticket
        fields = ["customer", "status"]


class TicketPages(KeysetPagination):
    ordering = "-id"


class TicketsViewSet(ApiViewSet):
    scopes = {"list": "tickets:read", "retrieve": "tickets:read", "create": "tickets:write", "reply": "tickets:write"}
    member_actions = ("list", "retrieve", "create", "reply")
    member_shapes = {
        "list": members.MemberTicket,
        **dict.fromkeys(("retrieve", "create", "reply"), members.MemberTicketDetail),
    }
    pagination_class = TicketPages
    filterset_class = TicketFilter
    serializer_class = shapes.TicketOut
    queryset = Ticket.objects.none()

    def get_queryset(self) -> QuerySet[Ticket]:
        # Internal tickets are for staff only: the shop's pages show customers everything that this endpoint returns.
        tickets = Ticket.objects.filter(internal=False)
        if isinstance(self.request.auth, MemberToken):
            return tickets.filter(customer_id=self.request.auth.customer_id)
        return tickets

    def _ticket(self, number: str) -> Ticket:
        ticket = self.get_queryset().filter(number=number).first()
        if ticket is None:
            raise NotFound(code="unknown_ticket")
        return ticket

    @extend_schema(responses=shapes.TicketOut(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.shape(request, shapes.TicketOut)(page, many=True).data)

    @extend_schema(responses=shapes.TicketDetailOut)
    def retrieve(self, request: Request, number: str) -> Response:
        return Response(self._detail(request, self._ticket(number)))

    @extend_schema(request=shapes.TicketIn, parameters=[OPTIONAL_KEY], responses={201: shapes.TicketDetailOut})
    def create(self, request: Request) -> Response:
        is_member = isinstance(request.auth, MemberToken)
        data = self.valid(shapes.MemberTicketIn if is_member else shapes.TicketIn, request)
        customer = self._customer(request, data)
        order = None
        if data.get("order"):
            order = Order.objects.filter(number=data["order"], customer=customer).first()
            if order is None:
                raise Invalid(_("This customer has no such order."), code="unknown_order", field="order")

        def command() -> str:
            return open_ticket(
                customer=customer,
                subject=data["subject"],
                text=data["text"],
                priority=data.get("priority", TicketPriority.NORMAL),
                order=order,
                origin=TicketOrigin.API,
                actor=self.actor_of(request),
            ).number

        number = idempotency.run_once(
            self.scope_of(request), request.headers.get("Idempotency-Key"), {"ticket": dict(request.data)}, command
        )
        return Response(self._detail(request, Ticket.objects.get(number=number)), status=201)

    @extend_schema(request=shapes.ReplyIn, parameters=[OPTIONAL_KEY], responses={201: shapes.TicketDetailOut})
    def reply(self, request: Request, number: str) -> Response:
        """Add the customer's reply. A resolved ticket is opened again; a closed one answers 409 `ticket_closed`."""
        ticket = self._ticket(number)
        text = self.valid(shapes.ReplyIn, request)["text"]

        def command() -> int:
            return reply_to_ticket(ticket=ticket, text=text, actor=self.actor_of(request), from_customer=True).pk

        idempotency.run_once(
            self.scope_of(request), request.headers.get("Idempotency-Key"), {"reply": number, "text": text}, command
        )
        return Response(self._detail(request, self._ticket(number)), status=201)

    def _detail(self, request: Request, ticket: Ticket) -> dict:
        return self.shape(request, shapes.TicketDetailOut)(ticket).data

    def _customer(self, request: Request, data: dict) -> Customer:
        if isinstance(request.auth, MemberToken):
            customer = Customer.objects.active().filter(pk=request.auth.customer_id).first()
            if customer is None:
                raise NotFound(_("There is no such customer."), code="unknown_customer")
            return customer
        if not data.get("customer"):
            raise Invalid(_("Name the customer of the ticket."), code="required", field="customer")
        return customer_of(request, data["customer"])
