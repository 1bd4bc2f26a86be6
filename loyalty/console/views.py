"""Pages of loyalty: liability in points, members by tier, and adjusting and approving by hand."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t

from core import paging
from core.actor import of_user
from core.console.views import back, form_errors, may, page, stays, viewer
from core.errors import DomainError, NotFound
from core.formatting import number as format_number
from crm.models import Customer
from loyalty import figures, giving, selectors
from loyalty.adjust_form import AdjustForm
from loyalty.models import Account, AdjustmentRequest, Member, MemberState, Program, RequestState
from loyalty.services.adjustments import (
    REASON_LABELS,
    adjust_points,
    approve_adjustment,
    decline_adjustment,
    needs_approval,
    request_adjustment,
    reverse_adjustment,
)
from loyalty.services.enrolment import enrol_member
from loyalty.services.reconciliation import reconcile_points
from loyalty.services.suspensions import resume_member, suspend_member
from loyalty.trends import trends

PAGE = 50
APPROVALS_SHOWN = 200


@page("loyalty.view_loyalty")
def overview(request: HttpRequest) -> HttpResponse:
    program = Program.objects.default()
    if program is None:
        return render(request, "loyalty/overview.html", {"program": None})
    rows = figures.tiers(program)
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
    return render(request, "loyalty/overview.html", context)


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
    queryset = figures.members(program, chosen)
    members_page = paging.keyset(queryset, ["-enrolled_at", "-id"], request.GET.get("cursor"), PAGE)
    accounts = figures.balances(members_page.items)
    context = {
        "program": program,
        "page": members_page,
        "rows": [(member, accounts.get(member.pk)) for member in members_page],
        "count": paging.count(queryset),
        "tiers": [
            *((row.code, row.label) for row in figures.tiers(program)),
            (MemberState.SUSPENDED.value, MemberState.SUSPENDED.label),
        ],
        "chosen": chosen,
    }
    return render(request, "loyalty/members.html", context)


@page("loyalty.adjust_points", methods=("GET", "POST"))
def adjust(request: HttpRequest, number: str) -> HttpResponse:
    """Give or take points by hand. If it is refused, the form stays open with the typed values."""
    member = _member(number)
    account = selectors.spendable_account(member)
    form = AdjustForm(request.POST or None, customer=member.customer, ticket=request.GET.get("ticket", "")[:20])
    if request.method == "POST":
        try:
            if form.is_valid():
                return _adjust(request, account, form.cleaned_data)
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error.message))
        if stays(request):
            return form_errors(form)
    context = {
        "member": member,
        "customer": member.customer,
        "balance": selectors.balance_of(account),
        "adjust_form": form,
        "allowance": giving.allowance(member.program, viewer(request)),
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    return render(request, "loyalty/adjust.html", context)


def _adjust(request: HttpRequest, account: Account, values: dict[str, Any]) -> HttpResponse:
    points, user = values["points"], viewer(request)
    grounds = {name: values[name] for name in ("reason", "note", "reference", "ticket")}
    if needs_approval(giving.limits_of(user), points):
        request_adjustment(account=account, points=points, user=user, key=values["key"], **grounds)
        messages.info(
            request, _t("This is above your own limit: a lead decides on it under Approvals. You will get a notice.")
        )
    else:
        adjust_points(account=account, points=points, key=values["key"], actor=of_user(user), **grounds)
        text = _t("%(points)s points given.") if points > 0 else _t("%(points)s points taken.")
        messages.success(request, text % {"points": format_number(abs(points))})
    number = account.member.customer.number
    if request.POST.get("next"):
        return back(request, f"/customers/{number}/")
    return redirect("customer", number)


@page("loyalty.adjust_points", methods=("POST",))
def reverse(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Reverse an adjustment, from the customer page or from its ticket (D4)."""
    adjustment = get_object_or_404(AdjustmentRequest, pk=pk)
    answer = reverse_adjustment(request=adjustment, user=viewer(request), note=request.POST.get("note", ""))
    text = (
        _t("Reversed: %(points)s points taken.") if answer["points"] < 0 else _t("Reversed: %(points)s points given.")
    )
    messages.success(request, text % {"points": format_number(abs(answer["points"]))})
    return back(request, f"/customers/{adjustment.account.member.customer.number}/")


@page("loyalty.approve_adjustment")
def approvals(request: HttpRequest) -> HttpResponse:
    """Show adjustments that wait for a second person, oldest first, and the newest decided ones."""
    rows = AdjustmentRequest.objects.select_related("account__member__customer", "requested_by", "decided_by", "ticket")
    waiting = rows.filter(state=RequestState.WAITING).order_by("requested_at")[:APPROVALS_SHOWN]
    program = Program.objects.default()
    context = {
        "waiting": [
            {
                "request": one,
                "balance": selectors.balance_of(one.account),
                "of_customer": giving.adjustments_of(one.account, without=one),
                "record": giving.record_of(one.requested_by, without=one),
            }
            for one in waiting
        ],
        "decided": rows.exclude(state__in=[RequestState.WAITING, RequestState.GIVEN]).order_by("-decided_at")[:20],
        "reasons": REASON_LABELS,
        "allowance": giving.allowance(program, viewer(request)) if program else None,
        "days": giving.HISTORY_DAYS,
    }
    return render(request, "loyalty/approvals.html", context)


@page("loyalty.approve_adjustment", methods=("POST",))
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    waiting = get_object_or_404(AdjustmentRequest, pk=pk)
    note = request.POST.get("note", "")
    if request.POST.get("answer") == "approve":
        approve_adjustment(request=waiting, user=viewer(request), note=note)
        messages.success(request, _t("Approved: %(points)s points.") % {"points": format_number(waiting.points)})
    else:
        decline_adjustment(request=waiting, user=viewer(request), note=note)
        messages.success(request, _t("Declined. No points were moved."))
    return redirect("loyalty_approvals")


@page("loyalty.add_member", methods=("POST",))
def enrol(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    member = enrol_member(customer=customer, program=selectors.default_program(), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is now a member.") % {"name": member.customer})
    return back(request, f"/customers/{number}/")


@page("loyalty.suspend_member", methods=("POST",))
def suspend(request: HttpRequest, number: str) -> HttpResponse:
    member = suspend_member(
        member=_member(number),
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", ""),
        actor=of_user(request.user),
    )
    messages.success(request, _t("%(name)s is suspended.") % {"name": member.customer})
    return redirect(f"/customers/{number}/#panel-loyalty")


@page("loyalty.suspend_member", methods=("POST",))
def resume(request: HttpRequest, number: str) -> HttpResponse:
    member = resume_member(member=_member(number), note=request.POST.get("note", ""), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is active again.") % {"name": member.customer})
    return redirect(f"/customers/{number}/#panel-loyalty")


def _member(number: str) -> Member:
    customer = Customer.objects.filter(number=number).first()
    if customer is None:
        raise NotFound(code="unknown_customer")
    return selectors.member_of(customer)
