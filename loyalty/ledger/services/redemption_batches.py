"""Service for many redemptions in one transaction, each done or refused by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from core.base import actor as actors
from core.base.actor import Actor
from core.base.errors import DomainError
from core.db import idempotency
from core.events.bus import handler_names, wake
from loyalty.ledger import events
from loyalty.ledger.services.redemption import REFUSALS, Answer, check_points, redemption_digest


@dataclass(frozen=True, slots=True)
class Redemption:
    """One redemption. `customer` is a customer number of the default program; `key` is its own idempotency key (L7)."""

    customer: str
    points: int
    key: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RedemptionResult:
    """Result of one redemption: either an answer or an error."""

    answer: Answer | None = None
    error: DomainError | None = None


def redeem_many(*, redemptions: Sequence[Redemption], actor: Actor) -> list[RedemptionResult]:
    """Spend points of many members. Results are in the order given.

    A refused redemption leaves its key free and does not affect the others. Here and in `redeem_points`, a key gets the
    same answer. Raises Invalid or IdempotencyKeyMissing for a row that could never be a redemption.
    """
    if not redemptions:
        return []
    handlers = handler_names(events.POINTS_REDEEMED.kind)
    for row in redemptions:
        check_points(row.points)
        idempotency.check_key(row.key)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT place, refusal, figures, answer FROM loyalty_redeem_many(
                   %s::text[], %s::text[], %s::bytea[], %s::bigint[], %s::text[], %s, %s, %s)""",
            [
                [row.customer for row in redemptions],
                [row.key for row in redemptions],
                [redemption_digest(row.customer, row.points, row.reference) for row in redemptions],
                [row.points for row in redemptions],
                [row.reference for row in redemptions],
                str(actor),
                actors.request_id.get(),
                handlers,
            ],
        )
        rows = cursor.fetchall()
    wake(handlers)
    outcomes = [RedemptionResult()] * len(redemptions)
    for place, refusal, figures, answer in rows:
        outcomes[place - 1] = (
            RedemptionResult(error=REFUSALS[refusal](json.loads(figures)))
            if refusal
            else RedemptionResult(answer=json.loads(answer))
        )
    return outcomes
