"""Pages of loyalty: liability in points, members by tier, and adjusting and approving by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.console.views import back, may, page
from core.db import paging
from core.text.formatting import number as format_number
from crm.customers.models import Customer
from crm.customers.registry import tab_address
from loyalty.ledger.console.adjustments import member_or_404
from loyalty.ledger.selectors import figures
from loyalty.ledger.selectors.trends import trends
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.members import selectors as members_selectors
from loyalty.program import selectors as program_selectors
from loyalty.program.models import MemberState, Program, TierMetric
from loyalty.program.services.suspensions import resume_member, suspend_member
from loyalty.tiers.selectors import figures as tiers_figures

PAGE = 50
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
    rows = tiers_figures.tiers(program)
    context = {
        "program": program,
        "liability": figures.liability(program),
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
            *((row.code, row.label) for row in tiers_figures.tiers(program)),
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


@page("loyalty.suspend_member", methods=("POST",))
def suspend(request: HttpRequest, number: str) -> HttpResponse:
    member = suspend_member(
        member=member_or_404(number),
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", ""),
        actor=of_user(request.user),
    )
    messages.success(request, _t("%(name)s is suspended.") % {"name": member.customer})
    return redirect(tab_address(member.customer, "points", "loyalty"))


@page("loyalty.suspend_member", methods=("POST",))
def resume(request: HttpRequest, number: str) -> HttpResponse:
    member = resume_member(member=member_or_404(number), note=request.POST.get("note", ""), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is active again.") % {"name": member.customer})
    return redirect(tab_address(member.customer, "points", "loyalty"))
