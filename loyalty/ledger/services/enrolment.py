"""Services of enrolment: members and their accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import SYSTEM, Actor
from core.base.errors import Invalid
from core.db.locks import require_transaction
from core.events.bus import emit_from_select
from crm.customers.models import Customer
from crm.customers.services.customers import require_active
from loyalty.ledger.models import Account
from loyalty.program import events
from loyalty.program.models import Member, Program

Accounts = dict[tuple[int, int], int]


def enrol_member(*, customer: Customer, program: Program, actor: Actor, referrer: Member | None = None) -> Member:
    """Make a customer a member. An existing member and their referrer stay unchanged.

    Raises Conflict `customer_not_active`, and Invalid when the referrer is the customer or belongs to another program.
    """
    if referrer is not None and (referrer.program_id != program.pk or referrer.customer_id == customer.pk):
        raise Invalid(_("This member can't refer this customer."), code="invalid_referrer", field="referred_by")
    with transaction.atomic():
        require_active(customer.pk)
        new_count = enrol_many(program=program, customer_ids=[customer.pk], since=[None], actor=actor)
        if new_count and referrer is not None:
            Member.objects.filter(program=program, customer=customer).update(referred_by=referrer)
    return Member.objects.select_related("tier", "customer", "program").get(program=program, customer=customer)


def enrol_many(
    *, program: Program, customer_ids: Sequence[int], since: Sequence[datetime | None], actor: Actor = SYSTEM
) -> int:
    """Enrol the customers who are not members yet, each with an account per point type. Returns how many were new."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_member (program_id, customer_id, state, qualifying, enrolled_at)
               SELECT %s, given.customer, 'active', 0, coalesce(given.since, now())
               FROM unnest(%s::bigint[], %s::timestamptz[]) AS given(customer, since) ORDER BY given.customer
               ON CONFLICT (program_id, customer_id) DO NOTHING RETURNING id""",
            [program.pk, list(customer_ids), list(since)],
        )
        members = [row[0] for row in cursor.fetchall()]
        if not members:
            return 0
    open_accounts(program=program, member_ids=members)
    emit_from_select(
        events.MEMBER_ENROLLED,
        """SELECT customer_id, jsonb_build_object('member', id, 'program', program_id), enrolled_at
           FROM loyalty_member WHERE id = ANY(%s)""",
        [members],
        actor=actor,
    )
    return len(members)


def accounts_of(*, program: Program, member_ids: Sequence[int], point_types: Collection[int]) -> Accounts:
    """Return {(member, point type): account}. A point type newer than a member gets its account now."""
    accounts = _accounts(member_ids)
    if any((member, point_type) not in accounts for member in member_ids for point_type in point_types):
        open_accounts(program=program, member_ids=member_ids)
        accounts = _accounts(member_ids)
    return accounts


def open_accounts(*, program: Program, member_ids: Sequence[int] | None = None) -> None:
    """Open the missing accounts per point type for these members; None means all members."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_account (member_id, point_type_id, available, pending, held, debt)
               SELECT m.id, t.id, 0, 0, 0, 0 FROM loyalty_member m
               JOIN loyalty_pointtype t ON t.program_id = m.program_id
               WHERE m.program_id = %s AND (%s OR m.id = ANY(%s)) ORDER BY m.id, t.id ON CONFLICT DO NOTHING""",
            [program.pk, member_ids is None, list(member_ids or [])],
        )


def _accounts(member_ids: Sequence[int]) -> Accounts:
    rows = Account.objects.filter(member__in=member_ids).values_list("member_id", "point_type_id", "pk")
    return {(member, point_type): pk for member, point_type, pk in rows}
