"""Publish campaign events to the merchant's own systems. Amounts are in minor units of `currency`."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.coupons import events as kinds
from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking

_USE = about_customer(picking("coupon", "code", "discount", "currency", order="reference"))
publish("coupon.issued", kinds.COUPON_ISSUED, _("Coupon given"), about_customer(picking("coupon", "name", "code")))
publish("coupon.redeemed", kinds.COUPON_REDEEMED, _("Coupon used"), _USE)
publish("coupon.released", kinds.COUPON_RELEASED, _("Coupon use taken back"), _USE)
