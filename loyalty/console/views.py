"""Loyalty: what the shop owes in points, who is where, and the two things that staff do by hand."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t

from core import paging
from core.actor import of_user
from core.console.views import back, may, page
from core.errors import Invalid, NotFound
from core.formatting import number as format_number
from core.models import User
from crm.models import Customer
from loyalty import figures, selectors
from loyalty.models import AdjustmentRequest, Member, Program, RequestState
from loyalty.services.adjustments import (
    REASONS,
    adjust_points,
    approve_adjustment,
    decline_adjustment,
    needs_approval,
    request_adjustment,
)
from loyalty.services.enrolment import enrol_member
from loyalty.services.reconciliation import reconcile_points
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
    wanted = figures.members(program, chosen)
    found = paging.keyset(wanted, ["-enrolled_at", "-id"], request.GET.get("cursor"), PAGE)
    accounts = figures.balances(found.items)
    context = {
        "program": program,
        "page": found,
        "rows": [(member, accounts.get(member.pk)) for member in found],
        "count": paging.count(wanted),
        "tiers": [(row.code, row.label) for row in figures.tiers(program)],
        "chosen": chosen,
    }
    return render(request, "loyalty/members.html", context)


@page("loyalty.adjust_points", methods=("POST",))
def adjust(request: HttpRequest, number: str) -> HttpResponse:
    """Give or take points by hand. The form brings its own key, so that a second click gives nothing twice (L7)."""
    member = _member(number)
    try:
        points = int(request.POST.get("points", "").strip())
    except ValueError:
        raise Invalid(_t("Use a whole number."), code="invalid", field="points") from None
    account, reason = selectors.spendable_account(member), request.POST.get("reason", "")
    reference, note = request.POST.get("reference", "").strip(), request.POST.get("note", "").strip()
    if needs_approval(member.program, points):
        request_adjustment(
            account=account, points=points, reason=reason, note=note, reference=reference, user=_user(request)
        )
        messages.info(request, _t("More than one person may give alone: a lead decides on it under Approvals."))
        return back(request, f"/customers/{number}/")
    adjust_points(
        account=account,
        points=points,
        reason=reason,
        reference=reference,
        note=note,
        key=request.POST.get("key", ""),
        actor=of_user(request.user),
    )
    text = _t("%(points)s points given.") if points > 0 else _t("%(points)s points taken.")
    messages.success(request, text % {"points": format_number(abs(points))})
    return back(request, f"/customers/{number}/")


@page("loyalty.approve_adjustment")
def approvals(request: HttpRequest) -> HttpResponse:
    """Adjustments that wait for a second person, oldest first, and what became of the newest others."""
    rows = AdjustmentRequest.objects.select_related("account__member__customer", "requested_by", "decided_by", "ticket")
    context = {
        "waiting": rows.filter(state=RequestState.WAITING).order_by("requested_at")[:APPROVALS_SHOWN],
        "decided": rows.exclude(state=RequestState.WAITING).order_by("-decided_at")[:20],
        "reasons": REASONS,
    }
    return render(request, "loyalty/approvals.html", context)


@page("loyalty.approve_adjustment", methods=("POST",))
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    waiting = get_object_or_404(AdjustmentRequest, pk=pk)
    note = request.POST.get("note", "")
    if request.POST.get("answer") == "approve":
        approve_adjustment(request=waiting, user=_user(request), note=note)
        messages.success(request, _t("Approved: %(points)s points.") % {"points": format_number(waiting.points)})
    else:
        decline_adjustment(request=waiting, user=_user(request), note=note)
        messages.success(request, _t("Nothing was moved."))
    return redirect("loyalty_approvals")


@page("loyalty.add_member", methods=("POST",))
def enrol(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer.objects.active(), number=number)
    member = enrol_member(customer=customer, program=selectors.default_program(), actor=of_user(request.user))
    messages.success(request, _t("%(name)s is a member now.") % {"name": member.customer})
    return back(request, f"/customers/{number}/")


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _member(number: str) -> Member:
    customer = Customer.objects.filter(number=number).first()
    if customer is None:
        raise NotFound(code="unknown_customer")
    return selectors.member_of(customer)
