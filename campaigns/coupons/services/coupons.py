"""Manage coupon campaigns: create, change, switch off."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import CodeMode, Coupon, CouponCode, DiscountKind
from campaigns.coupons.rules import codes
from campaigns.coupons.rules.discounts import is_large
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.lists.services import copy_name, refuse_archived
from crm.customers.models import Store
from loyalty.program.selectors import member_day

LARGEST = 2**53
CHANGEABLE = frozenset(
    [
        "name",
        "starts_at",
        "ends_at",
        "valid_days",
        "limit_total",
        "limit_per_customer",
        "budget",
        "minimum_spend",
        "max_discount",
        "reserve_seconds",
        "give_back",
        "member_day_only",
        "active",
    ]
)


def create_coupon(
    *,
    name: str,
    kind: str,
    value: int,
    actor: Actor,
    currency: str = "",
    mode: str = CodeMode.UNIQUE,
    code: str = "",
    max_discount: int | None = None,
    minimum_spend: int = 0,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    valid_days: int | None = None,
    limit_total: int | None = None,
    limit_per_code: int | None = None,
    limit_per_customer: int | None = 1,
    budget: int | None = None,
    reserve_seconds: int = 900,
    give_back: bool = True,
    member_day_only: bool = False,
    large_discount_confirmed: bool = False,
) -> Coupon:
    """Create a coupon. Amounts are minor units of `currency` (the default store's when empty); 0 or None is no limit.

    A public coupon has one `code` that the shop chooses. A unique coupon gets its codes by issuing or generating, each
    valid for `limit_per_code` uses (one when not given). `value` of a percentage is what is taken off: 15 leaves 85% to
    pay. A coupon that takes more than half of the price needs `large_discount_confirmed`. Raises Invalid naming the
    field.
    """
    store = Store.objects.filter(is_default=True).first()
    currency = (currency or (store.currency if store else "")).upper()
    if len(currency) != 3:
        raise Invalid(_("Enter a currency such as CNY."), code="invalid", field="currency")
    if kind not in DiscountKind.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    if mode not in CodeMode.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="mode")
    if not 1 <= value <= (100 if kind == DiscountKind.PERCENT else LARGEST):
        raise Invalid(_("A percentage must be 1 to 100, and an amount above 0."), code="invalid", field="value")
    if not large_discount_confirmed:
        _check_large(kind, value, minimum_spend)
    public = mode == CodeMode.PUBLIC
    public_code = codes.normalise(code) if public else ""
    if public and not codes.is_choosable(public_code):
        raise Invalid(_("Enter a code of 4 to 20 letters and digits."), code="invalid", field="code")
    values: dict[str, Any] = {
        "name": _name(name),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "give_back": bool(give_back),
        "member_day_only": _member_day_only(member_day_only),
        **_limits(
            max_discount=max_discount,
            minimum_spend=minimum_spend,
            valid_days=valid_days,
            limit_total=limit_total,
            limit_per_customer=limit_per_customer,
            budget=budget,
            reserve_seconds=reserve_seconds,
            limit_per_code=limit_per_code if public or limit_per_code else 1,
        ),
    }
    _check_dates(starts_at, ends_at)
    with transaction.atomic():
        coupon = Coupon.objects.create(
            kind=kind,
            value=value,
            currency=currency,
            mode=mode,
            created_by_id=actor.user_id,
            owner_id=actor.user_id,
            **values,
        )
        if public:
            try:
                with transaction.atomic():
                    CouponCode.objects.create(coupon=coupon, code=public_code, use_limit=coupon.limit_per_code)
            except IntegrityError:
                raise Invalid(_("Another coupon has this code."), code="code_taken", field="code") from None
        coupon.refresh_from_db()
    return coupon


def update_coupon(*, coupon: Coupon, actor: Actor, large_discount_confirmed: bool = False, **changes: Any) -> Coupon:
    """Change limits, dates or name, or switch the coupon on and off.

    The discount is fixed, because customers may already have codes. A minimum spend below twice an amount needs
    `large_discount_confirmed`. Raises Invalid for other fields, and Conflict `below_use` for a limit or budget below
    the current use.
    """
    for field in changes.keys() - CHANGEABLE:
        raise Invalid(_("This can't be changed once a coupon exists."), code="fixed", field=field)
    if "name" in changes:
        changes["name"] = _name(changes["name"])
    if "minimum_spend" in changes and changes["minimum_spend"] != coupon.minimum_spend and not large_discount_confirmed:
        _check_large(coupon.kind, coupon.value, changes["minimum_spend"] or 0)
    if changes.get("member_day_only") and not coupon.member_day_only:
        changes["member_day_only"] = _member_day_only(True)
    others = {"name", "starts_at", "ends_at", "give_back", "member_day_only", "active"}
    limits = {name: value for name, value in changes.items() if name not in others}
    changes |= _limits(**limits)
    with transaction.atomic():
        locked = lock_row(Coupon.objects.filter(pk=coupon.pk), weak=True)
        refuse_archived(locked)
        for name, value in changes.items():
            setattr(locked, name, value)
        _check_dates(locked.starts_at, locked.ends_at)
        if locked.limit_total is not None and locked.limit_total < locked.reserved_count + locked.redeemed_count:
            raise Conflict(_("The number of uses is already higher."), code="below_use", field="limit_total")
        if locked.budget is not None and locked.budget < locked.reserved_amount + locked.redeemed_amount:
            raise Conflict(_("The discounts given are already higher."), code="below_use", field="budget")
        if changes:
            locked.save(update_fields=list(changes))
    return locked


def duplicate_coupon(*, coupon: Coupon, actor: Actor) -> Coupon:
    """Create the same coupon, switched off and without dates and codes. A public one gets a new code."""
    names = (
        "kind", "value", "currency", "mode", "max_discount", "minimum_spend", "valid_days", "limit_total",
        "limit_per_code", "limit_per_customer", "budget", "reserve_seconds", "give_back", "member_day_only",
    )  # fmt: skip
    values = {name: getattr(coupon, name) for name in names}
    if coupon.mode == CodeMode.PUBLIC:
        values["code"] = codes.new_codes(1)[0][:8]
    with transaction.atomic():
        copy = create_coupon(name=copy_name(Coupon, coupon.name), actor=actor, large_discount_confirmed=True, **values)
        return update_coupon(coupon=copy, actor=actor, active=False)


def is_busy(coupon: Coupon) -> bool:
    """Return whether the coupon can be used now or later, so that it can't be archived."""
    return coupon.active and (coupon.ends_at is None or coupon.ends_at > clock.now())


def _check_large(kind: str, value: int, minimum_spend: int) -> None:
    """Raise Invalid `large_discount` for more than half of the price: the value is often a mistaken share to pay."""
    if is_large(percent=kind == DiscountKind.PERCENT, value=value, minimum_spend=minimum_spend):
        raise Invalid(
            _("This takes more than half of the price. Confirm the discount."),
            code="large_discount",
            field="large_discount_confirmed",
        )


def _member_day_only(value: bool) -> bool:
    if value and member_day() is None:
        raise Invalid(
            _("The program has no member day yet. Set it in the settings of the program."),
            code="no_member_day",
            field="member_day_only",
        )
    return bool(value)


def _name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    return clean


def _limits(**limits: int | None) -> dict[str, int | None]:
    largest = {
        "valid_days": 3650,
        "limit_per_code": 2**31 - 1,
        "limit_per_customer": 2**31 - 1,
        "reserve_seconds": 7 * 86400,
    }
    cleaned: dict[str, int | None] = {}
    for name, value in limits.items():
        if value is not None and (isinstance(value, bool) or not 0 <= value <= largest.get(name, LARGEST)):
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
        if name == "reserve_seconds" and not value:
            raise Invalid(_("A reservation must last at least one second."), code="invalid", field=name)
        cleaned[name] = value if name == "minimum_spend" else value or None
    if "minimum_spend" in cleaned:
        cleaned["minimum_spend"] = cleaned["minimum_spend"] or 0
    return cleaned


def _check_dates(starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid(_("The end is before the start."), code="invalid", field="ends_at")
