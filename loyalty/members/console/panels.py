"""Panels of loyalty on the customer page: tier, points with their expiry, the newest entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.base.errors import NotFound
from core.console.views import may, viewer
from core.security.models import User
from core.text.formatting import number
from crm.customers.models import Customer, CustomerState
from crm.customers.registry import TABS, Fact, Tab, fact, panel, tab_address
from crm.desk.console.panels import ticket_in_hand
from loyalty.growth import subscriptions
from loyalty.growth.labels import progress
from loyalty.growth.selectors import tasks as task_catalogue
from loyalty.ledger.console.adjust_form import AdjustForm
from loyalty.ledger.labels import REASON_LABELS
from loyalty.ledger.models import Account
from loyalty.ledger.selectors import allowances, figures, statements
from loyalty.ledger.selectors import balances as selectors
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member, MemberState, Program
from loyalty.rewards import selectors as reward_catalogue
from loyalty.tiers.console.set_tier_form import GivenForm
from loyalty.tiers.selectors import standing as tier_standing

EXPIRIES_SHOWN = 6
BADGES_SHOWN = 12
TASKS_SHOWN = 5
TABS.register("points", Tab(_("Points"), order=20))
TABS.register("membership", Tab(_("Membership"), order=30))


@dataclass(frozen=True)
class MembershipView:
    member: Member
    account: Account
    balance: selectors.Balance


def _membership_view(customer: Customer) -> MembershipView | None:
    """Return the data that the header and the panel share. It is read once for each customer object."""
    if "loyalty_standing" not in customer.__dict__:
        try:
            member = program_selectors.member_of(customer)
            account = selectors.spendable_account(member)
            view = MembershipView(member, account, selectors.balance_of(account))
        except NotFound:
            view = None
        customer.__dict__["loyalty_standing"] = view
    return customer.__dict__["loyalty_standing"]


@panel(
    "loyalty",
    title=_("Membership"),
    template="loyalty/members/panels/customer.html",
    permission="loyalty.view_member",
    order=5,
    tab="points",
)
def _membership(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    standing = _membership_view(customer)
    if standing is None:
        active = customer.state == CustomerState.ACTIVE
        if not active or not may(request.user, "loyalty.add_member") or Program.objects.default() is None:
            return None
        return {"member": None}
    member, balance = standing.member, standing.balance
    return {
        "member": member,
        "active": member.state == MemberState.ACTIVE,
        "program": member.program,
        "balance": balance,
        **_beside(standing, request),
        "redemptions": reward_catalogue.recent_redemptions(member)
        if may(request.user, "loyalty.view_rewardredemption")
        else [],
        **_adjusting(customer, request, standing),
        **_suspending(request, member),
    }


def _beside(standing: MembershipView, request: HttpRequest) -> dict[str, Any]:
    """Return what the panel shows beside a ticket; on the customer page the statement below it shows this in full."""
    if ticket_in_hand(request) is None:
        return {}
    expiring = standing.balance.expiring
    return {
        "in_short": True,
        "expiring": expiring[:EXPIRIES_SHOWN],
        "more_expiring": len(expiring) > EXPIRIES_SHOWN,
        "entries": figures.entries(standing.account),
    }


@panel(
    "points",
    title=_("Statement"),
    template="loyalty/members/panels/statement.html",
    permission="loyalty.view_member",
    order=6,
    tab="points",
)
def _statement(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    """Return lots, open holds and one page of the entries; the address holds the cursor of the entries."""
    standing = _membership_view(customer)
    if standing is None:
        return None
    return {
        "statement": statements.statement(standing.account, request.GET.get("entries")),
        "becoming_available": standing.balance.becoming_available,
    }


def _adjusting(customer: Customer, request: HttpRequest, standing: MembershipView) -> dict[str, Any]:
    """Return the form, the rest of the viewer's daily limit, and the newest adjustments with author and reason."""
    if not may(request.user, "loyalty.adjust_points"):
        return {"may_adjust": False}
    ticket = ticket_in_hand(request)
    return {
        "may_adjust": True,
        "adjust_form": AdjustForm(customer=customer, ticket=ticket.number if ticket else ""),
        "allowance": allowances.allowance(standing.member.program, viewer(request)),
        "adjustments": allowances.adjustments_of(standing.account),
        "reasons": REASON_LABELS,
        "next": request.get_full_path(),
    }


def _suspending(request: HttpRequest, member: Member) -> dict[str, Any]:
    """Return reason and author of a suspension, for all staff, and whether the viewer may suspend and resume."""
    kind, _colon, pk = member.suspended_by.partition(":")
    by = User.objects.filter(pk=int(pk)).first() if kind == "user" and pk.isdigit() else None
    return {
        "suspended": member.state == MemberState.SUSPENDED,
        "suspended_by": by,
        "may_suspend": may(request.user, "loyalty.suspend_member"),
    }


@panel(
    "growth",
    title=_("Tasks and badges"),
    template="loyalty/members/panels/growth.html",
    permission="loyalty.view_task",
    order=25,
    tab="membership",
)
def _growth(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    """Return the member's badges and started tasks; None while the shop has neither."""
    standing = _membership_view(customer)
    if standing is None:
        return None
    member = standing.member
    held = task_catalogue.held_badges(member)[: BADGES_SHOWN + 1]
    begun = task_catalogue.begun(member)[:TASKS_SHOWN]
    if not (held or begun or member.leaderboard_name or subscriptions.TASKS.waiting()):
        return None
    return {
        "member": member,
        "badges": held[:BADGES_SHOWN],
        "more_badges": len(held) > BADGES_SHOWN,
        "tasks": [{"standing": one, "progress": progress(one.task, one.count, one.goal)} for one in begun],
        "may_name": may(request.user, "loyalty.add_member") and member.state == MemberState.ACTIVE,
    }


@fact("tier", permission="loyalty.view_member", order=10)
def _tier(customer: Customer, _request: HttpRequest) -> Fact | None:
    standing = _membership_view(customer)
    if standing is None:
        return None
    tier = standing.member.tier
    if standing.member.state == MemberState.SUSPENDED:
        return Fact(
            _("Tier"), str(MemberState.SUSPENDED.label), url=tab_address(customer, "points", "loyalty"), tone="bad"
        )
    return Fact(_("Tier"), tier.label if tier else str(_("Member")), url=tab_address(customer, "membership", "tier"))


@panel(
    "tier",
    title=_("Tier"),
    template="loyalty/members/panels/tier.html",
    permission="loyalty.view_member",
    order=6,
    tab="membership",
)
def _tier_panel(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    known = _membership_view(customer)
    if known is None:
        return None
    member = known.member
    may_give = may(request.user, "loyalty.add_giventier") and member.state == MemberState.ACTIVE
    return {
        "member": member,
        "standing": tier_standing.standing(member),
        "benefits": tier_standing.benefits_of(member.tier),
        "intervals": tier_standing.intervals(member),
        "may_give": may_give,
        "form": GivenForm(program=member.program) if may_give else None,
    }


@fact("points", permission="loyalty.view_member", order=20)
def _points(customer: Customer, _request: HttpRequest) -> Fact | None:
    standing = _membership_view(customer)
    if standing is None:
        return None
    return Fact(_("Points"), number(standing.balance.available), url=tab_address(customer, "points", "loyalty"))
