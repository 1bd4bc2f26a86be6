"""Helpers shared by the tests of earning rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.base.actor import SYSTEM
from crm.orders.services.refunds import record_refund
from loyalty.earning.models import Earning, EarningRule, EarningUse
from loyalty.earning.services.rules import create_rule
from loyalty.ledger.models import Account
from loyalty.program.models import PointType

# A Wednesday noon in Shanghai.
NOON = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


@pytest.fixture
def make_rule(program):
    """Return make_rule(points=5, per_amount=100, conditions=[...]), which publishes a rule.

    `rule` are fields of the rule itself.
    """

    def make(name: str = "Extra", *, point_type: PointType | None = None, rule: dict | None = None, **terms: Any):
        kind = point_type or PointType.objects.get(program=program, code="points")
        rule_terms = {"tier_multiplier": False, **terms}
        return create_rule(program=program, point_type=kind, name=name, terms=rule_terms, actor=SYSTEM, **(rule or {}))

    return make


@pytest.fixture
def only(program):
    """Switch the default rule off, so that a test has only its own rules."""
    EarningRule.objects.filter(program=program).update(active=False)


def earned(order=None, **filters) -> dict[str, int]:
    """Return {rule's name: points} of an order, or of the earnings that the filters select."""
    rows = Earning.objects.filter(**({"order": order} if order else {}), **filters)
    return {row.rule.name: row.points for row in rows.select_related("rule")}


def net_points(order) -> dict[str, int]:
    return {
        row.rule.name: row.points - row.taken_back for row in Earning.objects.filter(order=order).select_related("rule")
    }


def uses(rule: EarningRule) -> dict[tuple[str, bool], int]:
    """Return {(period, whether it is the shared counter): points}."""
    return {(row.period, row.member_id is None): row.points for row in EarningUse.objects.filter(rule=rule)}


def balance(customer, code: str = "points") -> tuple[int, int, int]:
    account = Account.objects.get(member__customer=customer, point_type__code=code)
    return account.available, account.pending, account.debt


def refund(order, amount: int | None = None, number: str = "R1", **values) -> None:
    record_refund(order_number=order.number, number=number, source=order.source, amount=amount, actor=SYSTEM, **values)
