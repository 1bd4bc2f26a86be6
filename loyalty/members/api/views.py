"""Views of members."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from core.api.views import ApiView
from core.base.errors import Invalid
from crm.customers.api.lookup import customer_of
from loyalty.ledger.api.lookup import PEOPLE
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.members.api import member_shapes as members_member_shapes
from loyalty.members.api import serializers as members_serializers
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member
from loyalty.program.services.suspensions import resume_member, suspend_member
from loyalty.tiers.selectors import standing as tier_standing


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
    program = program_selectors.default_program()
    member = Member.objects.active().filter(program=program, customer__number=number, customer__state="active").first()
    if member is None:
        raise Invalid(_("There is no such member."), code="unknown_referrer", field="referred_by")
    return member


class MembersView(ApiView):
    scopes = {"post": "members:write"}

    @extend_schema(request=members_serializers.EnrolIn, responses=members_serializers.MemberOut)
    def post(self, request: Request) -> Response:
        """Make a customer a member. An existing member is returned unchanged."""
        data = self.valid(members_serializers.EnrolIn, request)
        customer = customer_of(request, data["customer"], PEOPLE)
        member = enrol_member(
            customer=customer,
            program=program_selectors.default_program(),
            actor=self.actor_of(request),
            referrer=referrer_of(data["referred_by"]),
        )
        return Response(members_serializers.MemberOut(member_body(member)).data)


class MemberView(ApiView):
    scopes = {"get": "members:read"}
    member_actions = ("get",)
    member_shapes = {"get": members_member_shapes.Membership}

    @extend_schema(responses=members_serializers.MemberOut)
    def get(self, request: Request, number: str) -> Response:
        """Return the member's tier and the progress to the next one."""
        body = member_body(program_selectors.member_of(customer_of(request, number, PEOPLE)))
        return Response(self.shape(request, members_serializers.MemberOut)(body).data)


class _SuspensionView(ApiView):
    """Change the state of a member by one service."""

    scopes = {"post": "members:write"}
    serializer: type[Serializer]
    service: Callable[..., object]

    def post(self, request: Request, number: str) -> Response:
        data = self.valid(self.serializer, request)
        member = program_selectors.member_of(customer_of(request, number, PEOPLE))
        self.service(member=member, actor=self.actor_of(request), **data)
        return Response(member_body(program_selectors.member_of(member.customer)))


class SuspendView(_SuspensionView):
    serializer = members_serializers.SuspendIn
    service = staticmethod(suspend_member)

    @extend_schema(request=members_serializers.SuspendIn, responses=members_serializers.MemberOut)
    def post(self, request: Request, number: str) -> Response:
        """Suspend a member: they earn and redeem nothing until they are resumed. 409 `already_suspended`."""
        return super().post(request, number)


class ResumeView(_SuspensionView):
    serializer = members_serializers.ResumeIn
    service = staticmethod(resume_member)

    @extend_schema(request=members_serializers.ResumeIn, responses=members_serializers.MemberOut)
    def post(self, request: Request, number: str) -> Response:
        """Make a suspended member active again. 409 `not_suspended`."""
        return super().post(request, number)
