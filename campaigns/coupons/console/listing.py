"""The list of coupons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from campaigns.coupons.labels import worth
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.coupons.services import coupons as services
from core.base import clock
from core.console.list_columns import Cell
from core.lists.columns import CURRENT_AND_OVER, created_column, ends_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, TopAction, register
from core.text.formatting import money, number

# Coupons without an end are sorted after all others.


@dataclass(frozen=True)
class Standing:
    """The state of a coupon now."""

    state: str
    label: str
    tone: str


def standing(coupon: Coupon, now: datetime) -> Standing:
    """Return the state of a coupon at that time."""
    if not coupon.active:
        return Standing("off", _t("Switched off"), "off")
    if coupon.ends_at and coupon.ends_at <= now:
        return Standing("ended", _t("Ended"), "off")
    if coupon.starts_at and coupon.starts_at > now:
        return Standing("scheduled", _t("Not started"), "info")
    return Standing("active", pgettext("coupon", "Active"), "good")


@dataclass(frozen=True)
class CouponRow:
    item: Coupon
    worth: str
    standing: Standing

    @property
    def issued(self) -> int | None:
        return self.item.issued_count if self.item.mode == CodeMode.UNIQUE else None


def _rows(_request: HttpRequest, coupons: Sequence[Coupon]) -> list[CouponRow]:
    now = clock.now()
    return [CouponRow(coupon, worth(coupon), standing(coupon, now)) for coupon in coupons]


COUPONS = register(
    ObjectList(
        name="coupons",
        title=_("Coupons"),
        route="coupons",
        model=Coupon,
        permission="campaigns.view_coupon",
        change="campaigns.change_coupon",
        add="campaigns.add_coupon",
        select=lambda _request: Coupon.objects.select_related("owner"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda coupon: reverse("coupon", args=[coupon.pk]),
        edit=lambda coupon: reverse("coupon_edit", args=[coupon.pk]),
        columns=[
            Column(
                "name",
                _("Coupon"),
                lambda row: Cell(row.item.name, f"{row.worth} · {row.item.get_mode_display()}"),
                sort="name",
            ),
            Column("state", _("State"), lambda row: Cell(row.standing.label, badge=row.standing.tone), on_cards=False),
            Column(
                "issued",
                _("Issued"),
                lambda row: number(row.issued),
                lambda row: row.issued,
                "issued_count",
                number=True,
            ),
            Column(
                "reserved",
                _("Reserved"),
                lambda row: number(row.item.reserved_count),
                lambda row: row.item.reserved_count,
                "reserved_count",
                number=True,
            ),
            Column(
                "redeemed",
                _("Redeemed"),
                lambda row: number(row.item.redeemed_count),
                lambda row: row.item.redeemed_count,
                "redeemed_count",
                number=True,
            ),
            Column(
                "discount",
                _("Discount given"),
                lambda row: money(row.item.redeemed_amount, row.item.currency),
                sort="redeemed_amount",
                number=True,
            ),
            ends_column(),
            owner_column(),
            created_column(),
        ],
        states=CURRENT_AND_OVER,
        search=("name",),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda coupon, actor: services.duplicate_coupon(coupon=coupon, actor=actor),
        top_actions=[TopAction(_("New coupon"), "plus", lambda: reverse("coupon_new"), "campaigns.add_coupon")],
        added="coupons",
        added_before="ends",
        template="campaigns/coupons/coupons.html",
        empty=Empty(
            "ticket",
            _("No coupons yet"),
            _("A coupon is a discount with limits. Each customer gets a code of their own, or all use the same code."),
            _("Marketers make them."),
        ),
    )
)
