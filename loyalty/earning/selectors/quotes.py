"""Quotes of a cart: what it would earn and how much of it points can pay. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Q

from core.base import clock
from crm.customers.models import Store
from crm.orders.selectors.skus import products_by_sku
from loyalty.earning.models import EarningUse
from loyalty.earning.registry import Subject
from loyalty.earning.rules.caps import Counters, Key
from loyalty.earning.rules.earning import OrderAmounts, OrderLine
from loyalty.earning.selectors.evaluation import Evaluation, RuleOutcome
from loyalty.earning.selectors.rules import current_versions
from loyalty.ledger.models import Account
from loyalty.ledger.selectors.balances import balance_of, points_worth
from loyalty.program.models import Member, MemberState


@dataclass(frozen=True)
class CartLine:
    """One line of a cart. `amount` is in minor units, after the line's discount."""

    sku: str
    amount: int


@dataclass(frozen=True)
class Earned:
    """Points by one rule; `cut` is what a limit holds back."""

    rule: str
    name: str
    point_type: str
    points: int
    cut: int


@dataclass(frozen=True)
class Quote:
    """Quote of a cart. `points_earned` is for the account's point type; `earned` lists all rules of all point types."""

    points_available: int
    points_usable: int
    amount: int
    price_after: int
    points_earned: int
    earned: list[Earned]


def quote_cart(
    member: Member,
    account: Account,
    cart_amount: int,
    *,
    lines: Sequence[CartLine] = (),
    channel: str = "",
    store: str = "",
) -> Quote:
    """Quote a cart.

    Usable points are limited by the balance, the program's share of a cart and its smallest redemption. Points are
    earned for the amount left to pay, by all rules; rules for categories or products need the lines. A member who is
    not active spends and earns nothing.
    """
    program = member.program
    available = balance_of(account).available
    if member.state != MemberState.ACTIVE:
        return Quote(available, 0, 0, cart_amount, 0, [])
    payable = cart_amount * program.redeem_share_percent // 100
    usable = min(available, payable * program.redeem_points // program.redeem_amount)
    if usable < program.redeem_minimum:
        usable = 0
    amount = points_worth(program, usable)
    left = max(cart_amount - amount, 0)
    outcomes = _outcomes(member, cart_amount, min(amount, cart_amount), lines, channel, store)
    earned = [
        Earned(
            one.version.rule.code,
            one.version.rule.name,
            one.version.rule.point_type.code,
            one.given.points,
            one.given.cut,
        )
        for one in outcomes
    ]
    points = sum(one.given.points for one in outcomes if one.version.rule.point_type_id == account.point_type_id)
    return Quote(available, usable, amount, left, points, earned)


def _outcomes(
    member: Member, cart: int, paid_with_points: int, lines: Sequence[CartLine], channel: str, store: str
) -> list[RuleOutcome]:
    program, now = member.program, clock.now()
    local = now.astimezone(ZoneInfo(program.time_zone))
    shop = Store.objects.filter(code=store).first() if store else Store.objects.default_or_none()
    known = products_by_sku((line.sku for line in lines), "category") if lines else {}
    subject = Subject(
        key=0,
        member=member.pk,
        customer=member.customer_id,
        at=now,
        local=local,
        tier=member.tier,
        amounts=OrderAmounts(cart, 0, paid_with_points, 0, 0, 0, cart - paid_with_points),
        lines=[OrderLine(place, line.amount, line.sku, known.get(line.sku, "")) for place, line in enumerate(lines)],
        channel=channel,
        store=shop.pk if shop else None,
    )
    versions = [version for version in current_versions(program) if version.rule.trigger == "order"]
    evaluation = Evaluation(program, versions, [subject])
    return evaluation.give(subject, counters_now(evaluation.counters_for([subject])))


def counters_now(keys: set[Key]) -> Counters:
    """Read the counters without locking them: good enough to show, not to award."""
    if not keys:
        return Counters()
    rows = EarningUse.objects.filter(rule__in={key[0] for key in keys}, starts_on__in={key[3] for key in keys})
    uses = rows.filter(Q(member=None) | Q(member__in={key[1] for key in keys if key[1]}))
    used = {
        (rule, member, period, starts_on): points
        for rule, member, period, starts_on, points in uses.values_list(
            "rule_id", "member_id", "period", "starts_on", "points"
        )
    }
    return Counters({key: used[key] for key in keys if key in used})
