"""Pages of loyalty: liability in points, members by tier, and adjusting and approving by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.console.effects import Effect
from core.console.views import back, may, page
from core.db import paging
from core.db.slow_results import cached_when_slow
from core.text.formatting import number as format_number
from crm.customers.models import Customer
from crm.customers.registry import tab_address
from loyalty.ledger.console.adjustments import member_or_404
from loyalty.ledger.selectors import balances, figures
from loyalty.ledger.selectors.trends import trends
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.leaving import end_membership
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.members import selectors as members_selectors
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member, MemberState, Program, SuspensionReason, TierMetric
from loyalty.program.registry import MEMBER_FIGURES
from loyalty.program.services.suspensions import resume_member, suspend_member
from loyalty.tiers.selectors import figures as tiers_figures

PAGE = 50
SLOW_SECONDS = 0.2
KEPT_SECONDS = 60
# Heading of the figure that each metric of tiers counts.
QUALIFYING = {
    TierMetric.SPEND: _("Qualifying spend"),
    TierMetric.ORDERS: _("Qualifying orders"),
    TierMetric.GROWTH: TierMetric.GROWTH.label,
}


@page("loyalty.view_loyalty")
def overview(request: HttpRequest) -> HttpResponse:
    program = Program.objects.default()
    if program is None:
        return render(request, "loyalty/members/overview.html", {"program": None})
    # Both read all members or accounts, so a large shop counts them once a minute.
    liability, rows = cached_when_slow(
        f"loyalty.overview:{program.pk}",
        lambda: (figures.liability(program), tiers_figures.tiers(program)),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )
    context = {
        "program": program,
        "liability": liability,
        "flow": figures.flow(program, 30),
        "tiers": rows,
        "members": sum(row.count for row in rows),
        "trends": trends(program),
        "reconciliation": figures.last_reconciliation(),
        "may_see_members": may(request.user, "loyalty.view_member"),
        "may_prove": may(request.user, "loyalty.add_reconciliation"),
    }
    return render(request, "loyalty/members/overview.html", context)


@page("loyalty.add_reconciliation", methods=("POST",))
def prove(request: HttpRequest) -> HttpResponse:
    result = reconcile_points()
    accounts = format_number(result.account_count)
    if result.difference_count:
        text = _t("%(differ)s of %(accounts)s accounts differ from the ledger.")
        messages.error(request, text % {"differ": format_number(result.difference_count), "accounts": accounts})
    else:
        messages.success(request, _t("All %(accounts)s accounts agree with the ledger.") % {"accounts": accounts})
    return redirect("loyalty")


@page("loyalty.view_member")
def members(request: HttpRequest) -> HttpResponse:
    program = Program.objects.default()
    if program is None:
        return redirect("loyalty")
    chosen = request.GET.get("tier", "")
    queryset = members_selectors.members(program, chosen)
    members_page = paging.keyset(queryset, ["-enrolled_at", "-id"], request.GET.get("cursor"), PAGE)
    accounts = figures.balances(members_page.items)
    context = {
        "program": program,
        "qualifying": QUALIFYING[TierMetric(program.tier_metric)],
        "in_money": program.tier_metric == TierMetric.SPEND,
        "page": members_page,
        "rows": [(member, accounts.get(member.pk)) for member in members_page],
        "count": paging.count(queryset),
        "tiers": [
            *tiers_figures.tier_choices(program),
            (MemberState.SUSPENDED.value, MemberState.SUSPENDED.label),
        ],
        "chosen": chosen,
    }
    return render(request, "loyalty/members/members.html", context)


@page("loyalty.add_member", methods=("POST",))
def enrol(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    member = enrol_member(customer=customer, program=program_selectors.default_program(), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is now a member.") % {"name": member.customer})
    return back(request, f"/customers/{number}/")


@page("loyalty.suspend_member", methods=("GET", "POST"))
def suspend(request: HttpRequest, number: str) -> HttpResponse:
    """Show the effect of a suspension, then suspend the member."""
    member = member_or_404(number)
    if request.method == "GET":
        heading = _t("Suspend the member")
        effects = [Effect(_t("State"), member.get_state_display(), str(MemberState.SUSPENDED.label), "bad")]
        effects += _effects(member, stay=True)
        effects.append(
            Effect(_t("The member earns and redeems nothing. Points stay, and open holds can be captured or released."))
        )
        return _ending(request, member, heading, _t("Suspend"), effects, reasons=SuspensionReason.choices)
    member = suspend_member(
        member=member,
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", ""),
        actor=of_user(request.user),
    )
    messages.success(request, _t("%(name)s is suspended.") % {"name": member.customer})
    return redirect(tab_address(member.customer, "points", "loyalty"))


@page("loyalty.suspend_member", methods=("GET", "POST"))
def end(request: HttpRequest, number: str) -> HttpResponse:
    """Show the effect of ending a membership, then end it."""
    member = member_or_404(number)
    if request.method == "GET":
        heading = _t("End the membership")
        effects = [Effect(_t("State"), member.get_state_display(), str(MemberState.LEFT.label), "bad")]
        effects += _effects(member, stay=False)
        effects.append(Effect(_t("The points expire at once. This can't be undone."), tone="bad"))
        return _ending(request, member, heading, heading, effects)
    lost = end_membership(member=member, note=request.POST.get("note", ""), actor=of_user(request.user))
    text = _t("The membership of %(name)s has ended; %(points)s points expired.")
    messages.success(request, text % {"name": member.customer, "points": format_number(lost)})
    return redirect(tab_address(member.customer, "points", "loyalty"))


def _effects(member: Member, *, stay: bool) -> list[Effect]:
    """Return the points now and afterwards, the open holds, and what goes on without the membership."""
    account = balances.spendable_account(member)
    balance = balances.balance_of(account)
    effects = [
        Effect(label, format_number(points), format_number(points if stay else 0))
        for label, points in ((_t("Available points"), balance.available), (_t("Pending points"), balance.pending))
    ]
    for figure in MEMBER_FIGURES:
        count = format_number(figure.count(member.customer_id))
        effects.append(Effect(figure.label, count, count))
    if balance.held:
        effects.append(Effect(_t("Held points"), format_number(balance.held), format_number(balance.held)))
    return effects


def _ending(
    request: HttpRequest, member: Member, heading: str, button: str, effects: list[Effect], **more: object
) -> HttpResponse:
    context = {
        "customer": member.customer,
        "effects": effects,
        "button": button,
        "title": heading,
        "heading": heading,
        "back_url": tab_address(member.customer, "points", "loyalty"),
        "back_label": member.customer,
        **more,
    }
    return render(request, "loyalty/members/ending.html", context)


@page("loyalty.suspend_member", methods=("POST",))
def resume(request: HttpRequest, number: str) -> HttpResponse:
    member = resume_member(member=member_or_404(number), note=request.POST.get("note", ""), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is active again.") % {"name": member.customer})
    return redirect(tab_address(member.customer, "points", "loyalty"))
