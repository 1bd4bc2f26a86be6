"""Using coupons (C1-C3): validate, reserve, redeem, release. Each write is one call to the database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns import events
from campaigns.labels import REFUSALS as REASONS
from campaigns.models import CouponUse
from campaigns.rules import codes
from core import actor as actors
from core import idempotency
from core.actor import Actor
from core.db import call
from core.errors import Conflict, DomainError, IdempotencyConflict, Invalid, NotFound, Refused
from core.events import handler_names, wake
from crm.models import Customer

Answer = dict[str, Any]
SCOPE = "coupons"
MAX_AMOUNT = 2**53
GUESSES = 10
GUESSES_OF_GUESTS = 200
GUESS_WINDOW = 900
GUESSED = frozenset({"unknown_code", "wrong_customer"})


class TooManyGuesses(Refused):
    status = 429
    code = "too_many_guesses"
    message = _("Too many wrong codes. Try again in a quarter of an hour.")


def _reason(code: str) -> Callable[[dict], DomainError]:
    return lambda figures: Refused(REASONS[code], code=code, field="code", **figures)


REFUSALS: Mapping[str, Callable[[dict], DomainError]] = {
    **{code: _reason(code) for code in REASONS},
    "idempotency_key_reused": lambda f: IdempotencyConflict(field="Idempotency-Key"),
    "unknown_reservation": lambda f: NotFound(_("There is no such reservation."), code="unknown_reservation"),
    "reservation_redeemed": lambda f: Conflict(_("This reservation has been used."), code="reservation_redeemed", **f),
    "reservation_released": lambda f: Conflict(_("This reservation was released."), code="reservation_released", **f),
    "reservation_expired": lambda f: Conflict(
        _("This reservation has run out. Reserve again."), code="reservation_expired", **f
    ),
}


@dataclass(frozen=True)
class Quote:
    """What a code is worth for a cart. `reason` is empty when it is valid; `discount` is minor units."""

    code: str
    valid: bool
    discount: int
    reason: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    coupon_id: int | None = None


def validate_coupon(
    *, code: str, cart_amount: int, currency: str, actor: Actor, customer: Customer | None = None, reference: str = ""
) -> Quote:
    """Whether a code would be taken for this cart, and what it gives. Writes nothing.

    Raises TooManyGuesses after ten wrong codes of one customer within a quarter of an hour.
    """
    _check_amount(cart_amount)
    normal = codes.normalise(code)
    with _Guesses(actor, customer) as guesses, connection.cursor() as cursor:
        if not normal or codes.is_mistyped(normal):
            reason, figures, coupon, discount = "unknown_code", {}, None, 0
        else:
            cursor.execute(
                "SELECT reason, figures::text, coupon_id, discount FROM campaigns_judge(%s, %s, %s, %s, %s)",
                [normal, customer.pk if customer else None, cart_amount, currency, reference],
            )
            reason, text, coupon, discount = cursor.fetchone()
            figures = json.loads(text)
        if reason in GUESSED:
            guesses.wrong()
            coupon = None
    return Quote(normal, not reason, discount or 0, reason or "", figures, coupon)


def reserve_coupon(
    *,
    code: str,
    cart_amount: int,
    currency: str,
    key: str,
    actor: Actor,
    customer: Customer | None = None,
    reference: str = "",
) -> Answer:
    """Set one use aside for an order until it is paid; it lives as long as the coupon says.

    Answers {reservation, state, coupon, code, discount, cart_amount, currency, reference, expires_at}.
    Raises Refused with one of the reasons of C3, IdempotencyConflict, TooManyGuesses.
    """
    _check_amount(cart_amount)
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
    with _Guesses(actor, customer) as guesses:
        try:
            answer = call(
                "campaigns_reserve",
                [
                    SCOPE,
                    idempotency.check_key(key),
                    idempotency.digest(request),
                    normal,
                    customer.pk if customer else None,
                    cart_amount,
                    currency,
                    reference,
                ],
                refusals=REFUSALS,
            )
        except Refused as refusal:
            if refusal.code in GUESSED:
                guesses.wrong()
            raise
    return cast(Answer, answer)


def redeem_coupon(*, reservation: uuid.UUID, key: str, actor: Actor) -> Answer:
    """The order was paid: the counters rise, once. Raises Conflict when the reservation ran out or was released."""
    return _end(reservation, "redeemed", key, actor)


def release_coupon(*, reservation: uuid.UUID, key: str, actor: Actor) -> Answer:
    """The order was dropped, or its payment reversed: the use is free again. Raises Conflict when it is released."""
    return _end(reservation, "released", key, actor)


def sweep_reservations(*, limit: int = 100_000, chunk: int = 500) -> int:
    """Release reservations that ran out. Returns how many."""
    done = 0
    while done < limit:
        swept = cast(int, call("campaigns_sweep_uses", [chunk]))
        done += swept
        if swept < chunk:
            break
    return done


def use_of(reservation: uuid.UUID) -> CouponUse:
    """Raises NotFound."""
    use = CouponUse.objects.filter(pk=reservation).first()
    if use is None:
        raise NotFound(_("There is no such reservation."), code="unknown_reservation")
    return use


def _end(reservation: uuid.UUID, to: str, key: str, actor: Actor) -> Answer:
    event = events.COUPON_REDEEMED if to == "redeemed" else events.COUPON_RELEASED
    handlers = handler_names(event.kind)
    answer = call(
        "campaigns_end_use",
        [
            SCOPE,
            idempotency.check_key(key),
            idempotency.digest({to: str(reservation)}),
            reservation,
            to,
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def _check_amount(amount: int) -> None:
    if not 0 <= amount <= MAX_AMOUNT:
        raise Invalid(_("Use an amount of minor units, 0 or more."), code="invalid", field="cart_amount")


class _Guesses:
    """Wrong codes of one caller and customer (C4). Redis may filter, never decide: without it nobody is stopped."""

    def __init__(self, actor: Actor, customer: Customer | None) -> None:
        self.key = f"coupon-guesses:{actor}:{customer.pk if customer else '-'}"
        self.most = GUESSES if customer else GUESSES_OF_GUESTS

    def __enter__(self) -> _Guesses:
        if (cache.get(self.key) or 0) >= self.most:
            raise TooManyGuesses()
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def wrong(self) -> None:
        try:
            cache.add(self.key, 0, GUESS_WINDOW)
            cache.incr(self.key)
        except Exception:  # noqa: S110
            pass
