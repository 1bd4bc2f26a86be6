"""Show campaigns on the customer page: coupons, messages with their outcome, blocked channels."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.coupons import selectors
from campaigns.coupons.labels import worth
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.coupons.selectors import HeldCoupon
from campaigns.coupons.services.giving import coupons_left
from campaigns.journeys import labels as journey_words
from campaigns.journeys.models import JourneyRun
from campaigns.journeys.selectors import runs as journey_selectors
from campaigns.messages.labels import reason_label
from campaigns.messages.models import Message, Suppression
from campaigns.reports import labels as reports_labels
from campaigns.reports.console.messages import message_rows
from core.base import clock
from core.console.views import may, viewer
from crm.customers.models import Customer, CustomerState
from crm.customers.registry import TABS, Tab, action, panel, tab_address
from loyalty.program.registry import MEMBER_FIGURES, MemberFigure

SHOWN = 5
COUPONS_OFFERED = 100
TABS.register("coupons", Tab(_("Coupons"), order=40))
TABS.register("messages", Tab(_("Messages"), order=50))
STATES = {"valid": (_("Valid"), "good"), "used": (_("Used"), "off"), "expired": (_("Expired"), "off")}


@dataclass(frozen=True)
class HeldCouponRow:
    item: HeldCoupon
    worth: str
    label: str | Promise
    tone: str


@dataclass(frozen=True)
class RunRow:
    run: JourneyRun
    state_label: str | Promise
    tone: str
    end: str | Promise


@dataclass(frozen=True)
class SuppressionRow:
    """`of_address` says whether an address is blocked, not the customer."""

    suppression: Suppression
    channel: str
    reason: str
    of_address: bool


@panel(
    "coupons",
    title=_("Coupons"),
    template="campaigns/reports/panels/coupons.html",
    permission="campaigns.view_couponcode",
    order=35,
    tab="coupons",
)
def _coupons(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    now = clock.now()
    coupons = selectors.coupons_of(customer, now)
    # Valid coupons come first, even before newer ones.
    coupons.sort(key=lambda item: item.state != "valid")
    may_give = may(request.user, "campaigns.issue_coupon") and customer.state == CustomerState.ACTIVE
    offered = Coupon.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), mode=CodeMode.UNIQUE, active=True)
    return {
        "held": [HeldCouponRow(item, worth(item.coupon), *STATES[item.state]) for item in coupons[:SHOWN]],
        "more": max(0, len(coupons) - SHOWN),
        "offered": [(coupon, worth(coupon)) for coupon in offered.order_by("name")[:COUPONS_OFFERED]]
        if may_give
        else [],
        "left": coupons_left(viewer(request)) if may_give else 0,
        "mark": uuid.uuid4().hex,
    }


@panel(
    "messages",
    title=_("Messages"),
    template="campaigns/reports/panels/messages.html",
    permission="campaigns.view_message",
    order=60,
    tab="messages",
)
def _messages(customer: Customer, _request: HttpRequest) -> dict[str, Any] | None:
    rows = Message.objects.filter(customer=customer).select_related("template").order_by("-created_at", "-id")
    recent = list(rows[: SHOWN + 1])
    shown = recent[:SHOWN]
    origins = reports_labels.origins(message.origin for message in shown)
    return {
        "rows": message_rows(shown, origins),
        "more": len(recent) > SHOWN,
    }


@panel(
    "journeys",
    title=_("Journeys"),
    template="campaigns/reports/panels/journeys.html",
    permission="campaigns.view_journeyrun",
    order=62,
    tab="messages",
)
def _journeys(customer: Customer, _request: HttpRequest) -> dict[str, Any] | None:
    """List the customer's journeys, newest first."""
    runs = journey_selectors.runs_of(customer, SHOWN + 1)
    if not runs:
        return None
    return {
        "rows": [
            RunRow(
                run,
                journey_words.RUN_STATES[run.state],
                journey_words.RUN_TONES[run.state],
                journey_words.END_REASONS.get(run.end_reason, ""),
            )
            for run in runs[:SHOWN]
        ],
        "more": len(runs) > SHOWN,
    }


@panel(
    "suppressions",
    title=_("Blocked channels"),
    template="campaigns/reports/panels/suppressions.html",
    permission="campaigns.view_suppression",
    order=95,
    tab="messages",
)
def _suppressions(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    """List blocks of the customer and of their addresses; a bounce blocks the address for every customer."""
    addresses = customer.identities.values("value_index")
    rows = Suppression.objects.filter(Q(customer=customer) | Q(address_index__in=addresses), lifted_at=None)
    blocks = list(rows.select_related("created_by").order_by("-created_at"))
    blocked = {row.channel for row in blocks if row.address_index is None}
    may_add = may(request.user, "campaigns.add_suppression") and customer.state == CustomerState.ACTIVE
    if not blocks and not may_add:
        return None
    return {
        "rows": [
            SuppressionRow(row, channel_label(row.channel), reason_label(row.reason), row.address_index is not None)
            for row in blocks
        ],
        "channels": [(name, channel_label(name)) for name in CHANNELS.names() if name not in blocked]
        if may_add
        else [],
        "may_lift": may(request.user, "campaigns.change_suppression"),
    }


MEMBER_FIGURES.register(
    "journeys",
    MemberFigure(
        _("Journeys under way"), lambda customer: JourneyRun.objects.filter(customer=customer, state="active").count()
    ),
)


@action("give_coupon", label=_("Give a coupon"), icon="ticket", permission="campaigns.issue_coupon", order=30)
def _give_coupon(customer: Customer) -> str:
    return tab_address(customer, "coupons", "coupons")
