"""Adjustments of the points ledger."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t

from core.base.actor import of_user
from core.base.errors import DomainError, NotFound
from core.console.forms import show_refusal
from core.console.views import back, form_errors, page, stays, viewer
from core.text.formatting import number as format_number
from crm.customers.models import Customer
from loyalty.ledger.console.adjust_form import AdjustForm
from loyalty.ledger.labels import REASON_LABELS
from loyalty.ledger.models import Account, AdjustmentRequest, RequestState
from loyalty.ledger.selectors import allowances
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import (
    adjust_points,
    approve_adjustment,
    decline_adjustment,
    needs_approval,
    request_adjustment,
    reverse_adjustment,
)
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Member, Program

APPROVALS_SHOWN = 200


@page("loyalty.adjust_points", methods=("GET", "POST"))
def adjust(request: HttpRequest, number: str) -> HttpResponse:
    """Give or take points by hand. If it is refused, the form stays open with the typed values."""
    member = member_or_404(number)
    account = selectors.spendable_account(member)
    form = AdjustForm(request.POST or None, customer=member.customer, ticket=request.GET.get("ticket", "")[:20])
    if request.method == "POST":
        try:
            if form.is_valid():
                return _adjust(request, account, form.cleaned_data)
        except DomainError as error:
            show_refusal(form, error)
        if stays(request):
            return form_errors(form)
    context = {
        "member": member,
        "customer": member.customer,
        "balance": selectors.balance_of(account),
        "adjust_form": form,
        "allowance": allowances.allowance(member.program, viewer(request)),
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    return render(request, "loyalty/ledger/adjust.html", context)


def _adjust(request: HttpRequest, account: Account, values: dict[str, Any]) -> HttpResponse:
    points, user = values["points"], viewer(request)
    grounds = {name: values[name] for name in ("reason", "note", "reference", "ticket")}
    if needs_approval(allowances.limits_of(user), points):
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


@dataclass(frozen=True)
class ApprovalCard:
    """One waiting adjustment, with what its approver looks at."""

    request: AdjustmentRequest
    balance: selectors.Balance
    history: allowances.RequestHistory


@page("loyalty.approve_adjustment")
def approvals(request: HttpRequest) -> HttpResponse:
    """Show adjustments that wait for a second person, oldest first, and the newest decided ones."""
    rows = AdjustmentRequest.objects.select_related(
        "account__member__customer", "account__member__program", "requested_by", "decided_by", "ticket"
    )
    waiting = list(rows.filter(state=RequestState.WAITING).order_by("requested_at")[:APPROVALS_SHOWN])
    balances = selectors.balances_of([request_.account for request_ in waiting])
    histories = allowances.histories_of(waiting)
    program = Program.objects.default()
    context = {
        "waiting": [ApprovalCard(one, balances[one.account_id], histories[one.pk]) for one in waiting],
        "decided": rows.exclude(state__in=[RequestState.WAITING, RequestState.GIVEN]).order_by("-decided_at")[:20],
        "reasons": REASON_LABELS,
        "allowance": allowances.allowance(program, viewer(request)) if program else None,
        "days": allowances.HISTORY_DAYS,
    }
    return render(request, "loyalty/ledger/approvals.html", context)


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


def member_or_404(number: str) -> Member:
    customer = Customer.objects.filter(number=number).first()
    if customer is None:
        raise NotFound(code="unknown_customer")
    return program_selectors.member_of(customer)
