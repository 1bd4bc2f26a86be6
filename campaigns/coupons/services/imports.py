"""Import coupon codes of another system and their uses: one row per code or per use of a code."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import CodeMode, Coupon, CouponCode, CouponUse, DiscountKind, UseState
from campaigns.coupons.rules import codes
from campaigns.coupons.services.codes import count_issued
from campaigns.coupons.services.coupons import create_coupon
from core.base.errors import Conflict, Invalid, Refused
from core.db.locks import lock_first, require_transaction
from crm.customers import events
from crm.imports.rules.mapping import ImportField, who
from crm.imports.services.context import Context
from crm.imports.services.rows import RowImport
from crm.orders.rules.money import to_minor

FIELDS = (
    ImportField(
        "code", limit=40, required=True, aliases="couponcode vouchercode discountcode 券码 优惠码 gutscheincode"
    ),
    ImportField(
        "coupon", limit=120, required=True, aliases="name couponname campaign title 优惠券 优惠券名称 活动名称"
    ),
    ImportField("discount_kind", "discount_kind", aliases="type discounttype kind 类型 优惠类型"),
    ImportField("value", "number", aliases="couponamount amount discountvalue percent 面额 面值 wert"),
    ImportField(
        "minimum_spend", "number", aliases="minimumamount minspend threshold 使用门槛 满减门槛 mindestbestellwert"
    ),
    ImportField("issued_at", "time", aliases="created createdat issued 领取时间 发放时间"),
    ImportField("expires_at", "future", aliases="expires expiry expirydate dateexpires 到期时间 有效期至 gültigbis"),
    ImportField("use_limit", "quantity", aliases="usagelimit limit uses 可用次数"),
    *who(),
    ImportField("used_at", "time", aliases="redeemedat redeemed useddate 使用时间 核销时间"),
    ImportField("order", limit=120, aliases="ordernumber orderno orderid 订单号 订单编号"),
    ImportField("discount", "number", aliases="discountamount redeemedamount 优惠金额 抵扣金额 rabatt"),
    ImportField("cart_amount", "number", aliases="cart ordertotal total 订单金额 warenkorb"),
)
LABELS = {
    "code": _("Code"),
    "coupon": _("Name of the coupon"),
    "discount_kind": _("Amount or percent"),
    "value": _("Value"),
    "minimum_spend": _("Minimum spend"),
    "issued_at": _("Issued at"),
    "expires_at": _("Expires at"),
    "use_limit": _("Uses of the code"),
    "used_at": _("Used at"),
    "order": _("Order number"),
    "discount": _("Discount given"),
    "cart_amount": _("Cart"),
}


class CouponImport(RowImport):
    """Take rows of codes.

    An existing code stays as it is; a use is identified by its code and its order, or its time.
    """

    named = False
    order = "coalesce(used_at, issued_at), row_number"

    def take(self, context: Context, row: dict[str, Any]) -> bool:
        """Import one code and, if it was used, its use. Return whether anything was new. Raises Invalid."""
        require_transaction()
        currency = context.store.currency
        coupon = _coupon(context, row, currency)
        code, fresh = _code(coupon, row)
        if not row["used_at"]:
            return fresh
        discount = to_minor(row["discount"] or Decimal(0), currency)
        cart = to_minor(row["cart_amount"] or Decimal(0), currency) or discount
        if discount < 0 or cart < discount:
            raise Invalid(_("The discount is more than the cart."), code="invalid", field="discount")
        return _use(coupon, code, row, discount, cart) or fresh

    def finish(self, context: Context) -> None:
        """Announce the customers that the import changed."""
        self.announce(context, events.CUSTOMERS_CHANGED)


def _coupon(context: Context, row: dict[str, Any], currency: str) -> Coupon:
    """Return the coupon with that name; the first of its rows creates it."""
    kind = row["discount_kind"]
    value = row["value"]
    if value is not None:
        value = int(value) if kind == DiscountKind.PERCENT else to_minor(value, currency)
    coupon = Coupon.objects.filter(name=" ".join(row["coupon"].split())).order_by("pk").first()
    if coupon is not None:
        if (kind and kind != coupon.kind) or (value is not None and value != coupon.value):
            raise Conflict(
                _("A coupon with this name already has a different discount."), code="coupon_differs", field="value"
            )
        return coupon
    if not kind or value is None:
        raise Invalid(
            _("Enter the discount of the coupon: amount or percent, and its value."), code="required", field="value"
        )
    return create_coupon(
        name=row["coupon"],
        kind=kind,
        value=value,
        actor=context.actor,
        currency=currency,
        mode=CodeMode.UNIQUE,
        minimum_spend=to_minor(row["minimum_spend"] or Decimal(0), currency),
        limit_per_customer=None,
    )


def _code(coupon: Coupon, row: dict[str, Any]) -> tuple[CouponCode, bool]:
    text = codes.normalise(row["code"])
    if len(text) < 4 or not text.isalnum() or codes.is_mistyped(text):
        raise Invalid(
            _("This code can't be used: it needs 4 to 40 letters and digits."), code="code_unusable", field="code"
        )
    existing = lock_first(CouponCode.objects.filter(code=text))
    if existing is not None:
        if existing.coupon_id != coupon.pk or (row["customer"] and existing.customer_id not in (None, row["customer"])):
            raise Conflict(_("This code belongs to another coupon or customer."), code="code_taken", field="code")
        return existing, False
    limit = row["use_limit"]
    if limit is not None and (limit < 0 or limit != int(limit)):
        raise Invalid(_("Use a whole number."), code="invalid", field="use_limit")
    code = CouponCode.objects.create(
        coupon=coupon,
        code=text,
        customer_id=row["customer"],
        expires_at=row["expires_at"],
        use_limit=(int(limit) or None) if limit is not None else coupon.limit_per_code,
        issued_for=f"import:{text}",
    )
    if row["issued_at"]:
        CouponCode.objects.filter(pk=code.pk).update(created_at=row["issued_at"])
    count_issued(coupon, 1)
    return code, True


def _use(coupon: Coupon, code: CouponCode, row: dict[str, Any], discount: int, cart: int) -> bool:
    at: datetime = row["used_at"]
    order = row["order"] or ""
    used = CouponUse.objects.filter(code=code, state=UseState.REDEEMED)
    if used.filter(order_reference=order).exists() if order else used.filter(redeemed_at=at).exists():
        return False
    if code.use_limit is not None and code.reserved_count + code.redeemed_count >= code.use_limit:
        raise Refused(_("This code has reached its use limit."), code="code_limit", field="code")
    if coupon.limit_total is not None and coupon.reserved_count + coupon.redeemed_count >= coupon.limit_total:
        raise Refused(_("This coupon has reached its use limit."), code="campaign_limit", field="coupon")
    if coupon.budget is not None and coupon.reserved_amount + coupon.redeemed_amount + discount > coupon.budget:
        raise Refused(_("The coupon's budget is spent."), code="budget_spent", field="discount")
    customer = row["customer"] or code.customer_id
    if order and customer and CouponUse.objects.filter(
        customer_id=customer, order_reference=order
    ).exclude(state=UseState.RELEASED).exists():  # fmt: skip
        raise Conflict(_("This order has already used a coupon."), code="order_has_coupon", field="order")
    CouponUse.objects.create(
        coupon=coupon,
        code=code,
        customer_id=customer,
        order_reference=order,
        state=UseState.REDEEMED,
        cart_amount=cart,
        discount=discount,
        reserved_at=at,
        expires_at=at,
        redeemed_at=at,
    )
    CouponCode.objects.filter(pk=code.pk).update(redeemed_count=F("redeemed_count") + 1)
    Coupon.objects.filter(pk=coupon.pk).update(
        redeemed_count=F("redeemed_count") + 1, redeemed_amount=F("redeemed_amount") + discount
    )
    if customer:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO campaigns_coupontally AS tally (coupon_id, customer_id, used) VALUES (%s, %s, 1)
                   ON CONFLICT (coupon_id, customer_id) DO UPDATE SET used = tally.used + 1""",
                [coupon.pk, customer],
            )
    return True
