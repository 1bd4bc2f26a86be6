"""The list of coupon uses."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.coupons.models import CouponUse, UseState
from campaigns.coupons.selectors import since
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.console.views import page
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, State, register
from core.lists.showing import respond
from core.text.formatting import money

PERIODS = (7, 30, 90)


def _periods(_request: HttpRequest) -> Choices:
    return [
        (
            str(count),
            ngettext("Redeemed in the last %(days)s day", "Redeemed in the last %(days)s days", count)
            % {"days": count},
        )
        for count in PERIODS
    ]


def _redeemed_since(_request: HttpRequest, uses: QuerySet[CouponUse], value: str) -> QuerySet[CouponUse]:
    if value not in {str(days) for days in PERIODS}:
        return uses
    return uses.filter(state=UseState.REDEEMED, redeemed_at__gte=since(int(value)))


def _customer(use: CouponUse) -> Cell:
    if use.customer is None:
        return Cell(_("Guest"))
    return Cell(str(use.customer), url=reverse("customer", args=[use.customer.number]))


USES = register(
    ObjectList(
        name="coupon_uses",
        title=_("Coupon uses"),
        route="coupon_uses",
        model=CouponUse,
        permission="campaigns.view_couponuse",
        export="crm.export_customer",
        select=lambda _request: CouponUse.objects.select_related("coupon", "code", "customer"),
        opens=lambda use: reverse("coupon", args=[use.coupon_id]),
        order=("-reserved_at", "-id"),
        columns=[
            Column("coupon", _("Coupon"), lambda row: Cell(row.coupon.name, row.code.code), sort="coupon__name"),
            Column("customer", _("Customer"), _customer, on_cards=False),
            Column(
                "state",
                _("State"),
                lambda row: Cell(row.get_state_display(), badge=TONE_OF.get(row.state, "off")),
                on_cards=False,
            ),
            Column("order", _("Order"), lambda row: row.order_reference),
            Column(
                "discount",
                _("Discount"),
                lambda row: money(row.discount, row.coupon.currency),
                sort="discount",
                number=True,
            ),
            Column("reserved", _("Reserved"), lambda row: Cell(at=row.reserved_at), sort="reserved_at"),
            Column("redeemed", _("Redeemed"), lambda row: Cell(at=row.redeemed_at)),
        ],
        states=[
            State("", _("All")),
            *(State(state, label, lambda state=state: Q(state=state)) for state, label in UseState.choices),
        ],
        counted=False,
        search=("code__code", "order_reference", "coupon__name"),
        placeholder=_("Code, order or coupon"),
        filters=[Filter("days", _("Period"), _periods, _redeemed_since)],
        empty=Empty("ticket", _("No uses yet"), _("A use appears here when an order reserves or redeems a code.")),
    )
)


@page("campaigns.view_couponuse")
def index(request: HttpRequest) -> HttpResponse:
    return respond(USES, request)
