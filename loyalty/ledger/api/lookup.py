"""Lookup of customers and members for the API of the points ledger."""

from __future__ import annotations

from rest_framework.request import Request

from core.security.api_keys import KeyIdentity
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer
from loyalty.ledger.models import Account
from loyalty.ledger.selectors import balances as selectors
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member

PEOPLE = Customer.objects.all()


def member_in(request: Request, number: str) -> Member:
    """Return the member with this number. A member's token reaches only its own member. Raises NotFound."""
    return program_selectors.member_of(customer_of(request, number, PEOPLE))


def account_of(request: Request, number: str) -> Account:
    """Return the member's spendable account. A member's token reaches only its own account. Raises NotFound."""
    if isinstance(request.auth, KeyIdentity):
        return selectors.spendable_account_of(number)
    return selectors.spendable_account(program_selectors.member_of(customer_of(request, number, PEOPLE)))
