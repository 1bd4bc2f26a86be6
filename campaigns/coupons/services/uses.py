"""Use coupons (C1-C3): validate, reserve, redeem, release. Each write is one call to the database."""

from __future__ import annotations

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.cache import cache
from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from campaigns.coupons import events
from campaigns.coupons.labels import REFUSALS as REASONS
from campaigns.coupons.labels import reason_text
from campaigns.coupons.models import CouponUse, UseState
from campaigns.coupons.rules import codes
from core.base import actor as actors
from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, DomainError, IdempotencyConflict, Invalid, NotFound, Refused
from core.db import idempotency
from core.db.cache import ForgivingRedisCache
from core.db.functions import call
from core.events.bus import handler_names, wake
from core.jobs.sweeping import Sweep
from crm.customers.models import Customer, CustomerState
from crm.orders.models import Order, OrderState
from loyalty.program.selectors import member_day, program_day

Answer = dict[str, Any]
AREA = "coupons"
MAX_AMOUNT = 2**53
# Limits of wrong codes in 15 minutes: for one customer or guest that the caller names; for one address, which a whole
# shop may share; and for all guests of one caller, which can name any number of guests.
GUESSES = 10
GUESSES_OF_AN_ADDRESS = 200
GUESSES_OF_A_CALLER = 2_000
GUESS_WINDOW = 900
GUESS_PATIENCE = 3.0
_JUDGE = "SELECT reason, figures::text, coupon_id, discount FROM campaigns_judge(%s, %s, %s, %s, %s, %s)"
GUESSED = frozenset({"unknown_code", "wrong_customer"})


class TooManyGuesses(Refused):
    """The caller tried too many unknown codes."""

    status = 429
    code = "too_many_guesses"
    message = _("Too many wrong codes. Try again in 15 minutes.")


def _reason(code: str) -> Callable[[dict], DomainError]:
    return lambda figures: Refused(reason_text(code, figures), code=code, field="code", **figures)


REFUSALS: Mapping[str, Callable[[dict], DomainError]] = {
    **{code: _reason(code) for code in REASONS},
    "idempotency_key_reused": lambda f: IdempotencyConflict(field="Idempotency-Key"),
    "cart_amount_required": lambda f: Invalid(
        _("This reservation was made by a member: send the order's cart_amount."), code="required", field="cart_amount"
    ),
    "unknown_reservation": lambda f: NotFound(_("There is no reservation with this ID."), code="unknown_reservation"),
    "reservation_redeemed": lambda f: Conflict(
        _("This reservation has already been used."), code="reservation_redeemed", **f
    ),
    "reservation_released": lambda f: Conflict(_("This reservation was released."), code="reservation_released", **f),
    "reservation_expired": lambda f: Conflict(
        _("This reservation has expired. Reserve again."), code="reservation_expired", **f
    ),
}


@dataclass(frozen=True)
class CodeQuote:
    """Hold the value of a code for a cart. `reason` is empty when the code is valid; `discount` is in minor units."""

    code: str
    valid: bool
    discount: int
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    coupon_id: int | None = None


def validate_coupon(
    *,
    code: str,
    cart_amount: int,
    currency: str,
    actor: Actor,
    customer: Customer | None = None,
    reference: str = "",
    guest: str = "",
    address: str = "",
) -> CodeQuote:
    """Return whether a code is valid for this cart, and its discount. Writes nothing.

    Raises TooManyGuesses after ten wrong codes in 15 minutes from one customer, or from one `guest` (the caller's own
    id of a visitor). Without either, the caller's `address` counts.
    """
    _check_amount(cart_amount)
    normal = codes.normalise(code)
    with _Guesses(actor, customer, guest, address) as guesses, connection.cursor() as cursor:
        if not normal or codes.is_mistyped(normal):
            reason, figures, coupon, discount = "unknown_code", {}, None, 0
        else:
            asked = [normal, customer.pk if customer else None, cart_amount, currency, reference]
            cursor.execute(_JUDGE, [*asked, False])
            reason, text, coupon, discount = cursor.fetchone()
            figures = json.loads(text)
            if _waits_for_member_day(figures):
                is_today, figures = _member_day(figures)
                if is_today:
                    cursor.execute(_JUDGE, [*asked, True])
                    reason, text, coupon, discount = cursor.fetchone()
                    figures = json.loads(text)
        if reason in GUESSED:
            guesses.wrong()
            coupon = None
    return CodeQuote(normal, not reason, discount or 0, reason or "", figures, coupon)


def reserve_coupon(
    *,
    code: str,
    cart_amount: int,
    currency: str,
    key: str,
    actor: Actor,
    customer: Customer | None = None,
    reference: str = "",
    guest: str = "",
    address: str = "",
) -> Answer:
    """Reserve one use for an order until it is paid; the coupon sets how long the reservation lives.

    A member's own reservation reserves no budget, because the browser states the cart. The discount of the answer is
    then an estimate, and `redeem_coupon` gets the real cart.

    Answers {reservation, state, coupon, code, discount, cart_amount, currency, reference, expires_at}. Raises Refused
    with one of the reasons of C3, IdempotencyConflict, TooManyGuesses.
    """
    _check_amount(cart_amount)
    if customer is not None and customer.state != CustomerState.ACTIVE:
        raise Conflict(_("This customer is merged or erased."), code="customer_not_active")
    if len(reference) > 120:
        raise Invalid(_("A reference has at most 120 characters."), code="too_long", field="reference")
    normal = codes.normalise(code)
    request = {
        "reserve": normal,
        "customer": customer.pk if customer else None,
        "cart": cart_amount,
        "currency": currency,
        "reference": reference,
    }
    with _Guesses(actor, customer, guest, address) as guesses:
        asked = [
            idempotency.scope_of(AREA, actor),
            idempotency.check_key(key),
            idempotency.digest(request),
            normal,
            customer.pk if customer else None,
            cart_amount,
            currency,
            reference,
            actor.kind == "member",
        ]
        try:
            try:
                answer = call("campaigns_reserve", [*asked, False], refusals=REFUSALS)
            except Refused as refusal:
                if not _waits_for_member_day(refusal.details):
                    raise
                is_today, figures = _member_day(refusal.details)
                if not is_today:
                    raise REFUSALS[refusal.code](figures) from None
                answer = call("campaigns_reserve", [*asked, True], refusals=REFUSALS)
        except Refused as refusal:
            if refusal.code in GUESSED:
                guesses.wrong()
            raise
    return cast(Answer, answer)


def redeem_coupon(*, reservation: uuid.UUID, key: str, actor: Actor, cart_amount: int | None = None) -> Answer:
    """Redeem the reservation of a paid order: the counters rise once.

    Raises Conflict when the reservation has expired or was released. With `cart_amount` the discount is computed again
    for the order's final amount. A reservation that a member made needs `cart_amount`: Invalid `required` without it,
    Refused `condition_failed` or `budget_spent` when the coupon does not allow it.
    """
    if cart_amount is not None:
        _check_amount(cart_amount)
    return _end(reservation, "redeemed", key, actor, cart=cart_amount)


def release_coupon(*, reservation: uuid.UUID, key: str, actor: Actor) -> Answer:
    """Release the use of a cancelled or refunded order, so that it is free again.

    Raises Conflict when it is already released. A member may only release an own reservation that was never redeemed:
    NotFound `unknown_reservation` for any other.
    """
    return _end(reservation, "released", key, actor, owner=actor.id if actor.kind == "member" else None)


def give_back_coupons(*, order_ids: Sequence[int]) -> int:
    """Release the used coupons of fully refunded orders, for coupons that are given back.

    The use is the one redeemed for the order's number and customer. Return how many were released now: a partial refund
    releases nothing, and an order that is processed again releases nothing more.
    """
    orders = Order.objects.filter(pk__in=order_ids, state=OrderState.PAID, total__gt=0, refunded=F("total"))
    released = 0
    for order in orders.order_by("pk"):
        uses = CouponUse.objects.filter(
            order_reference=order.number, customer=order.customer_id, state=UseState.REDEEMED, coupon__give_back=True
        )
        for use in uses.values_list("pk", flat=True):
            try:
                _end(use, "released", f"order-refunded:{order.pk}:{use}", SYSTEM, internal=True)
            except Conflict:
                # The shop's own server released it after this query.
                continue
            released += 1
    return released


def sweep_reservations(*, limit: int = 100_000, chunk: int = 500) -> int:
    """Release expired reservations. Return how many."""
    sweep = Sweep("campaigns.sweep_reservations")
    done = 0
    while done < limit:
        due = CouponUse.objects.filter(state=UseState.RESERVED, expires_at__lte=clock.now()).exclude(
            pk__in=sweep.waiting
        )
        uses = list(due.order_by("expires_at").values_list("pk", flat=True)[:chunk])
        swept = sum(sweep.attempt_all(uses, _release_due)) if uses else 0
        done += swept
        if not swept and not sweep.went_on():
            break
    return done


def _release_due(uses: Sequence[uuid.UUID]) -> int:
    return cast(int, call("campaigns_sweep_uses", [len(uses), list(uses)]))


def _end(
    reservation: uuid.UUID,
    to: str,
    key: str,
    actor: Actor,
    *,
    owner: int | None = None,
    cart: int | None = None,
    internal: bool = False,
) -> Answer:
    request: dict[str, Any] = {to: str(reservation)}
    if cart is not None:
        request["cart"] = cart
    event = events.COUPON_REDEEMED if to == "redeemed" else events.COUPON_RELEASED
    handlers = handler_names(event.kind)
    answer = call(
        "campaigns_end_use",
        [
            idempotency.internal_scope(AREA) if internal else idempotency.scope_of(AREA, actor),
            idempotency.check_key(key),
            idempotency.digest(request),
            reservation,
            to,
            str(actor),
            actors.request_id.get(),
            handlers,
            owner,
            cart,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def _waits_for_member_day(figures: Mapping[str, Any]) -> bool:
    return figures.get("condition") == "member_day"


def _member_day(figures: Mapping[str, Any]) -> tuple[bool, Answer]:
    """Return whether the member day is today in the program's zone, and the figures with the next one."""
    setting = member_day()
    if setting is None:
        return False, {**figures, "next_on": None}
    today = program_day(clock.now())
    return setting.falls_on(today), {**figures, "next_on": setting.next_from(today).isoformat()}


def _check_amount(amount: int) -> None:
    if not 0 <= amount <= MAX_AMOUNT:
        raise Invalid(_("Enter an amount in minor units, 0 or more."), code="invalid", field="cart_amount")


class _Guesses:
    """Count wrong codes (C4) of one customer, else of one guest, else of one address.

    A guess takes a place before the code is checked and returns it when the code was right. So the number of concurrent
    checks never exceeds the limit; the others wait for a place. Redis may filter, never decide: without it no caller is
    stopped.
    """

    def __init__(self, actor: Actor, customer: Customer | None, guest: str, address: str) -> None:
        if customer is not None:
            self.limits = {f"customer:{customer.pk}": GUESSES}
        elif guest:
            # The caller can invent any number of guests, so all of them together have a limit too.
            name = hashlib.sha256(guest.encode()).hexdigest()[:32]
            self.limits = {f"{actor}:guest:{name}": GUESSES, f"{actor}:guests": GUESSES_OF_A_CALLER}
        else:
            self.limits = {f"{actor}:address:{address}": GUESSES_OF_AN_ADDRESS}
        self.is_wrong = False

    def __enter__(self) -> _Guesses:
        until = time.monotonic() + GUESS_PATIENCE
        while (full := self._take_places()) is not None:
            # A limit full of wrong codes stays full; a limit full of codes being checked frees places soon.
            if (cache.get(_wrong(full)) or 0) >= self.limits[full] or time.monotonic() > until:
                raise TooManyGuesses()
            time.sleep(random.uniform(0.005, 0.02))  # noqa: S311
        return self

    def __exit__(self, *_error: object) -> None:
        if not self.is_wrong:
            self._give_back(self.limits)

    def wrong(self) -> None:
        self.is_wrong = True
        for name in self.limits:
            _count(_wrong(name), 1)

    def _take_places(self) -> str | None:
        """Return the limit without a free place; then no place is taken."""
        counted = []
        for name, most in self.limits.items():
            counted.append(name)
            if _count(_places(name), 1) > most:
                self._give_back(counted)
                return name
        return None

    @staticmethod
    def _give_back(names: Iterable[str]) -> None:
        for name in names:
            _count(_places(name), -1)


def _places(name: str) -> str:
    return f"coupon-guesses:{name}"


def _wrong(name: str) -> str:
    return f"coupon-guesses-wrong:{name}"


def _count(key: str, by: int) -> int:
    return cast(ForgivingRedisCache, cache).count_up(key, GUESS_WINDOW, by)
