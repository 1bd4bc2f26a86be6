"""Services that spend points (L7-L9): hold, capture, release, or both at once. Each is one call to the database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from django.utils.translation import gettext_lazy as _

from core.base import actor as actors
from core.base.actor import Actor
from core.base.errors import Conflict, DomainError, IdempotencyConflict, Invalid, NotFound, Refused
from core.db import idempotency
from core.db.functions import call
from core.events.bus import handler_names, wake
from crm.orders.models import Order
from loyalty.ledger import events
from loyalty.ledger.models import Account
from loyalty.program.models import Program

Answer = dict[str, Any]
# An account, or a customer number whose spendable account in the default program pays. It is found in the same round
# trip.
Spender = Account | str


def _insufficient(figures: dict) -> DomainError:
    return Refused(
        _("Points available: %(available)s.") % {"available": figures["available"]},
        code="insufficient_points",
        field="points",
        **figures,
    )


def _below_minimum(figures: dict) -> DomainError:
    return Refused(
        _("Smallest number of points: %(minimum)s.") % {"minimum": figures["minimum"]},
        code="below_minimum",
        field="points",
        **figures,
    )


REFUSALS: Mapping[str, Any] = {
    "idempotency_key_reused": lambda f: IdempotencyConflict(field="Idempotency-Key"),
    "insufficient_points": _insufficient,
    "below_minimum": _below_minimum,
    "not_a_member": lambda f: NotFound(_("This customer is not a member."), code="not_a_member"),
    "member_not_active": lambda f: Conflict(_("This membership is not active."), code="member_not_active", **f),
    "points_not_spendable": lambda f: Refused(_("These points can't be spent."), code="points_not_spendable"),
    "unknown_hold": lambda f: NotFound(_("There is no such hold."), code="unknown_hold"),
    "hold_captured": lambda f: Conflict(_("This hold has been spent."), code="hold_captured", **f),
    "hold_released": lambda f: Conflict(_("This hold has been released."), code="hold_released", **f),
    "hold_expired": lambda f: Conflict(_("This hold has expired."), code="hold_expired", **f),
    "capture_exceeds_hold": lambda f: Refused(
        _("Points held: %(held)s.") % {"held": f["held"]}, code="capture_exceeds_hold", field="points", **f
    ),
}
MAX_POINTS = 2**53


def hold_points(
    *,
    account: Spender,
    points: int,
    key: str,
    actor: Actor,
    reference: str = "",
    seconds: int | None = None,
    internal: bool = False,
) -> Answer:
    """Set points aside for a purchase. Raises Refused `insufficient_points` with the available points.

    `internal`, here and below: the key belongs to the product itself, and no caller's key can equal it.
    """
    if seconds is not None and not 1 <= seconds <= 7 * 86400:
        raise Invalid(_("A hold can last from 1 second to 7 days."), code="invalid", field="seconds")
    return _hold(account, points, key, actor, reference, seconds, one_step=False, order=None, internal=internal)


def redeem_points(
    *, account: Spender, points: int, key: str, actor: Actor, reference: str = "", order: Order | None = None
) -> Answer:
    """Hold and capture in one transaction."""
    return _hold(account, points, key, actor, reference, None, one_step=True, order=order)


def capture_hold(
    *,
    program: Program,
    hold: uuid.UUID,
    key: str,
    actor: Actor,
    points: int | None = None,
    order: Order | None = None,
    internal: bool = False,
) -> Answer:
    """Spend a hold, all of it or `points` of it; the rest is released. Raises Conflict when it has ended."""
    if points is not None:
        check_points(points)
    request = {"capture": str(hold), "points": points, "order": order.pk if order else None}
    handlers = handler_names(events.POINTS_REDEEMED.kind)
    answer = call(
        "loyalty_capture",
        [
            key_scope(program, actor, internal),
            idempotency.check_key(key),
            idempotency.digest(request),
            hold,
            points,
            order.pk if order else None,
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def release_hold(*, program: Program, hold: uuid.UUID, key: str, actor: Actor, internal: bool = False) -> Answer:
    """Release a hold and give its points back. Raises Conflict when it has ended."""
    handlers = handler_names(events.HOLD_RELEASED.kind)
    answer = call(
        "loyalty_release",
        [
            key_scope(program, actor, internal),
            idempotency.check_key(key),
            idempotency.digest({"release": str(hold)}),
            hold,
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def _hold(
    account: Spender,
    points: int,
    key: str,
    actor: Actor,
    reference: str,
    seconds: int | None,
    *,
    one_step: bool,
    order: Order | None,
    internal: bool = False,
) -> Answer:
    check_points(points)
    function, spender = (
        ("loyalty_hold_of_customer", account) if isinstance(account, str) else ("loyalty_hold", account.pk)
    )
    handlers = handler_names((events.POINTS_REDEEMED if one_step else events.POINTS_HELD).kind)
    answer = call(
        function,
        [
            spender,
            idempotency.check_key(key),
            redemption_digest(spender, points, reference, "redeem" if one_step else "hold", seconds, order),
            points,
            seconds,
            one_step,
            reference,
            order.pk if order else None,
            str(actor),
            actors.request_id.get(),
            handlers,
            *([idempotency.INTERNAL] if internal else []),
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def redemption_digest(
    spender: str | int,
    points: int,
    reference: str,
    step: str = "redeem",
    seconds: int | None = None,
    order: Order | None = None,
) -> bytes:
    """Return a digest of a redemption.

    Two requests under one key are the same if it is equal (L7), alone or in a batch.
    """
    return idempotency.digest(
        {
            step: spender,
            "points": points,
            "reference": reference,
            "seconds": seconds,
            "order": order.pk if order else None,
        }
    )


def key_scope(program: Program, actor: Actor, internal: bool = False) -> str:
    """Return the scope of a caller's keys (L7), apart from those of other callers and of the product itself."""
    area = f"loyalty:{program.pk}"
    return idempotency.internal_scope(area) if internal else idempotency.scope_of(area, actor)


def check_points(points: int) -> None:
    """Raise Invalid unless the number of points is from 1 to MAX_POINTS."""
    if not 1 <= points <= MAX_POINTS:
        raise Invalid(_("Use a whole number of points above 0."), code="invalid", field="points")
