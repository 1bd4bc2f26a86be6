"""Many redemptions in one transaction, each done or refused by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from core import actor as actors
from core import idempotency
from core.actor import Actor
from core.errors import DomainError
from core.events import handler_names, wake
from loyalty import events
from loyalty.services.redemption import REFUSALS, Answer, check_points, redemption_digest


@dataclass(frozen=True, slots=True)
class Redemption:
    """`customer` is a customer number of the default program; `key` is this redemption's own idempotency key (L7)."""

    customer: str
    points: int
    key: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exactly one of the two is there."""

    answer: Answer | None = None
    error: DomainError | None = None


def redeem_many(*, redemptions: Sequence[Redemption], actor: Actor) -> list[Outcome]:
    """Spend points of many members; outcomes come in the order given.

    A refused redemption leaves its key free and the others alone. A key that `redeem_points` answered is answered here
    alike, and the other way round. Raises Invalid or IdempotencyKeyMissing for a row that could never be a redemption.
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
    outcomes = [Outcome()] * len(redemptions)
    for place, refusal, figures, answer in rows:
        outcomes[place - 1] = (
            Outcome(error=REFUSALS[refusal](json.loads(figures))) if refusal else Outcome(answer=json.loads(answer))
        )
    return outcomes
