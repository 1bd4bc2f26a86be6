"""Reads of the loyalty program."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.base.errors import NotFound
from crm.customers.models import Customer
from loyalty.program.models import Member, Program


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
