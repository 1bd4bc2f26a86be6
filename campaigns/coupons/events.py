"""Domain events of coupons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events.bus import declare
from core.text.formatting import money


def _coupon(payload: Mapping[str, Any]) -> str:
    return str(payload.get("name", ""))


def _use(payload: Mapping[str, Any]) -> str:
    text = f"{payload['name']} · {money(payload['discount'], payload['currency'])}"
    reference = payload.get("reference")
    return _t("%(coupon)s · order %(order)s") % {"coupon": text, "order": reference} if reference else text


COUPON_ISSUED = declare("campaigns.coupon_issued", _("Coupon given"), icon="ticket", describe=_coupon)
COUPON_REDEEMED = declare("campaigns.coupon_redeemed", _("Coupon used"), icon="discount", describe=_use)
COUPON_RELEASED = declare("campaigns.coupon_released", _("Coupon use taken back"), icon="arrow-back", describe=_use)
COUPON_CODES_EXPORTED = declare("campaigns.coupon_codes_exported", _("Coupon codes exported"), on_timeline=False)
