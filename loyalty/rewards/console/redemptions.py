"""Pages of redeemed rewards: rewards to send, the history, sending and cancelling."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t

from core.base import clock
from core.base.actor import of_user
from core.base.errors import Invalid
from core.console.views import back, may, page
from core.lists.showing import respond
from loyalty.rewards.console.listing import kind_label
from loyalty.rewards.console.redemption_list import REDEMPTIONS, by_hand
from loyalty.rewards.models import RedemptionState, RewardRedemption
from loyalty.rewards.registry import FULFILMENTS
from loyalty.rewards.services import redemptions as services


def _rows() -> QuerySet[RewardRedemption]:
    return RewardRedemption.objects.select_related("reward__program", "member__customer", "hold")


def _redemption(pk: uuid.UUID) -> RewardRedemption:
    return get_object_or_404(_rows(), pk=pk)


@page("loyalty.view_rewardredemption")
def index(request: HttpRequest) -> HttpResponse:
    return respond(REDEMPTIONS, request)


@page("loyalty.view_rewardredemption")
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _page(request, _redemption(pk))


def _page(request: HttpRequest, row: RewardRedemption, address: dict[str, str] | None = None) -> HttpResponse:
    handles = may(request.user, "loyalty.handle_redemptions")
    fulfilment = FULFILMENTS.get(row.reward.kind)
    placed = row.state == RedemptionState.PLACED
    returnable = row.state == RedemptionState.FULFILLED and bool(fulfilment and fulfilment.returnable)
    context = {
        "row": row,
        "kind": kind_label(row.reward),
        "address": address,
        "may_handle": handles,
        "may_ship": handles and placed and by_hand(row),
        "may_cancel": handles and (placed or returnable),
        "may_see_address": handles and bool(row.address) and address is None,
        "overdue": placed and row.hold.expires_at <= clock.now(),
        "by_hand": by_hand(row),
    }
    return render(request, "loyalty/rewards/redemption.html", context)


@page("loyalty.handle_redemptions", methods=("POST",))
def address(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the address on the answer to a POST, so that each look is recorded and no link leads to an address."""
    row = _redemption(pk)
    return _page(request, row, services.see_address(redemption=row, actor=of_user(request.user)))


@page("loyalty.handle_redemptions", methods=("POST",))
def ship(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    row = services.ship_redemption(
        redemption=_redemption(pk), tracking=request.POST.get("tracking", ""), actor=of_user(request.user)
    )
    messages.success(
        request,
        _t("“%(reward)s” is on its way to %(customer)s.") % {"reward": row.reward, "customer": _customer_name(row)},
    )
    return redirect("redemption", pk)


@page("loyalty.handle_redemptions", methods=("POST",))
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()
    if not reason:
        raise Invalid(_t("Give a reason."), code="required", field="reason")
    row = services.cancel_redemption(redemption=_redemption(pk), reason=reason, actor=of_user(request.user))
    messages.success(request, _t("“%(reward)s” is cancelled; the points were returned.") % {"reward": row.reward})
    return back(request, f"/redemptions/{pk}/")


def _customer_name(row: RewardRedemption) -> str:
    return row.member.customer.name or row.member.customer.number
