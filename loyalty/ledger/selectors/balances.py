"""Reads of a member's points: the balance and its expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.base.errors import NotFound
from crm.customers.models import Customer
from loyalty.ledger.models import Account
from loyalty.program.models import Member, Program


@dataclass(frozen=True)
class Dated:
    points: int
    at: datetime


@dataclass(frozen=True)
class Balance:
    """Balance of an account, as of now by the database's clock.

    A passed window or an expired lot counts before any sweep has run (L2, L4).
    """

    available: int
    pending: int
    held: int
    debt: int
    becoming_available: list[Dated]
    expiring: list[Dated]
    worth: int
    currency: str

    @property
    def balance(self) -> int:
        return self.available + self.held


def spendable_account(member: Member) -> Account:
    account = (
        Account.objects.select_related("member__program", "point_type")
        .filter(member=member, point_type__spendable=True)
        .order_by("point_type_id")
        .first()
    )
    if account is None:
        raise NotFound(_("This customer is not a member."), code="not_a_member")
    return account


def spendable_account_of(number: str) -> Account:
    """Return the default program's spendable account of a customer number, in one query. Raises NotFound.

    The number of a customer who was merged into another leads to the other's account.
    """
    named = Customer.objects.filter(number=number)
    account = (
        Account.objects.select_related("member__program")
        .filter(
            member__customer__in=named.values(current=Coalesce("merged_into_id", "pk")),
            member__customer__state="active",
            member__program__is_default=True,
            point_type__spendable=True,
        )
        .order_by("point_type_id")
        .first()
    )
    if account is None:
        raise NotFound(_("This customer is not a member."), code="not_a_member")
    return account


def balance_of(account: Account) -> Balance:
    """Read the balance with one query over the lots (L4, L10).

    It has the available points, the pending points with their dates, and the dated amounts that will expire.
    """
    program = account.member.program
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT sum(remaining)::bigint, CASE WHEN available_from > now() THEN available_from END AS waits,
                      expires_at
               FROM loyalty_lot WHERE account_id = %s AND open AND (expires_at IS NULL OR expires_at > now())
               GROUP BY waits, expires_at ORDER BY expires_at NULLS LAST""",
            [account.pk],
        )
        rows = cursor.fetchall()
    ready = sum(points for points, waits, _at in rows if waits is None)
    pending: dict[datetime, int] = {}
    for points, waits, _at in rows:
        if waits is not None:
            pending[waits] = pending.get(waits, 0) + points
    settled = min(account.debt, ready)
    available = ready - settled
    expiring, debt_left = [], settled
    for points, waits, at in rows:
        if waits is not None:
            continue
        paid = min(debt_left, points)
        debt_left -= paid
        if at is not None and points > paid:
            expiring.append(Dated(points - paid, at))
    return Balance(
        available,
        sum(pending.values()),
        account.held,
        account.debt - settled,
        [Dated(points, at) for at, points in sorted(pending.items())],
        expiring,
        points_worth(program, available),
        program.currency,
    )


def points_worth(program: Program, points: int) -> int:
    """Return the amount in minor units that so many points pay for."""
    return points * program.redeem_amount // program.redeem_points
