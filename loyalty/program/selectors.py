"""Reads of the loyalty program."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from core.base.errors import NotFound
from crm.customers.models import Customer
from loyalty.program.models import Member, Program
from loyalty.program.rules.member_days import MemberDay


def default_program() -> Program:
    program = Program.objects.default()
    if program is None:
        raise NotFound(_("The shop has no loyalty program yet."), code="no_program")
    return program


def member_of(customer: Customer, program: Program | None = None) -> Member:
    """Return the membership of a customer. Raises NotFound `not_a_member`."""
    rows = Member.objects.select_related("program", "tier", "customer")
    if program is None:
        rows = rows.filter(program__is_default=True)
    else:
        rows = rows.filter(program=program)
    member = rows.filter(customer=customer).first()
    if member is None:
        raise NotFound(_("This customer is not a member."), code="not_a_member")
    return member


def member_day() -> MemberDay | None:
    """Return the shop's member day, a setting of the default program; None when there is none.

    Earning rules, coupons, care rules, journeys and the calendar all read the member day here.
    """
    row = Program.objects.filter(is_default=True).exclude(member_day_kind="")
    setting = row.values_list("member_day_kind", "member_day_number", "member_day_weekday").first()
    return MemberDay(*setting) if setting else None


def program_day(at: datetime) -> date:
    """Return the date of a moment in the zone of the default program."""
    return at.astimezone(ZoneInfo(default_program().time_zone)).date()
