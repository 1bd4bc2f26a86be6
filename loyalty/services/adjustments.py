"""Points given or taken by hand (L12): who, why, for which ticket, within a daily budget, and above a limit by two people."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core import actor as actors
from core import clock, idempotency
from core.actor import Actor
from core.db import call
from core.errors import Conflict, Invalid, Refused
from core.events import handler_names, wake
from core.locks import lock_row
from core.models import IdempotencyRecord
from loyalty import events
from loyalty.models import Account, AdjustmentRequest, Program, RequestState
from loyalty.rules.expiry import expires_at
from loyalty.services.redemption import REFUSALS, Answer, key_scope

if TYPE_CHECKING:
    from core.models import User
    from crm.models import Ticket

REASONS = {
    "goodwill": _("Goodwill"),
    "correction": _("Correction"),
    "promotion": _("Promotion"),
    "fraud": _("Abuse"),
    "migration": _("Carried over"),
}
LARGEST = 10_000_000
REFERENCE_LENGTH = 200
NOTE_LENGTH = 400


def adjust_points(
    *, account: Account, points: int, reason: str, key: str, actor: Actor, reference: str = "", note: str = ""
) -> Answer:
    """Give (above 0) or take (below 0) points by hand. Never below zero: Refused `insufficient_points`.

    The member reads `reference`; `note` and `reason` are for staff alone (L13).

    A member of staff is held to the program: Refused `needs_approval` above its limit (then `request_adjustment`),
    Refused `budget_spent` with what is left of the day's budget. Repeating a key spends nothing twice.
    """
    check_adjustment(points, reason, reference, note)
    program = account.member.program
    if actor.kind == "user" and needs_approval(program, points):
        raise Refused(
            _("More than %(limit)s points need a second person.") % {"limit": program.approval_above},
            code="needs_approval",
            field="points",
            limit=program.approval_above,
        )
    return _adjust(account, points, reason, key, actor, reference, note)


def request_adjustment(
    *,
    account: Account,
    points: int,
    reason: str,
    user: User,
    note: str = "",
    reference: str = "",
    ticket: Ticket | None = None,
) -> AdjustmentRequest:
    """Ask for an adjustment above the limit. Nothing moves until `approve_adjustment` by someone else."""
    check_adjustment(points, reason, reference, note)
    if not note.strip():
        raise Invalid(_("Say why: someone else decides on it."), code="required", field="note")
    return AdjustmentRequest.objects.create(
        account=account,
        points=points,
        reason=reason,
        note=note.strip(),
        reference=reference.strip(),
        ticket=ticket,
        requested_by=user,
    )


def approve_adjustment(*, request: AdjustmentRequest, user: User, note: str = "") -> Answer:
    """Move the points of a waiting request. Raises Conflict `own_request`, `request_decided`; Refused as the ledger does.

    The entry names who asked, the request who approved. Approved points are in nobody's daily budget.
    """
    with transaction.atomic():
        waiting = _waiting(request.pk)
        if waiting.requested_by_id == user.pk:
            raise Conflict(_("Someone else has to decide on your own request."), code="own_request")
        account = Account.objects.select_related("member__program").get(pk=waiting.account_id)
        answer = _move(
            account,
            waiting.points,
            waiting.reason,
            f"adjustment-request:{waiting.pk}",
            actors.of_user(waiting.requested_by),
            waiting.reference,
            waiting.note,
            internal=True,
        )
        _decide(waiting, RequestState.APPROVED, user, note)
    return answer


def decline_adjustment(*, request: AdjustmentRequest, user: User, note: str = "") -> None:
    """Refuse a waiting request, or withdraw one's own. Raises Conflict `request_decided`."""
    with transaction.atomic():
        waiting = _waiting(request.pk)
        state = RequestState.WITHDRAWN if waiting.requested_by_id == user.pk else RequestState.DECLINED
        _decide(waiting, state, user, note)


def needs_approval(program: Program, points: int) -> bool:
    return program.approval_above is not None and abs(points) > program.approval_above


def check_adjustment(points: int, reason: str, reference: str = "", note: str = "") -> None:
    if reason not in REASONS:
        raise Invalid(_("Choose a reason."), code="invalid_choice", field="reason")
    if points == 0 or abs(points) > LARGEST:
        raise Invalid(
            _("Use a number from 1 to 10,000,000, or below 0 to take points."), code="invalid", field="points"
        )
    if len(reference) > REFERENCE_LENGTH:
        raise Invalid(_("A reference has at most 200 characters."), code="too_long", field="reference")
    if len(note) > NOTE_LENGTH:
        raise Invalid(_("A note has at most 400 characters."), code="too_long", field="note")


def _adjust(account: Account, points: int, reason: str, key: str, actor: Actor, reference: str, note: str) -> Answer:
    program = account.member.program
    if actor.user_id is None or points < 0 or program.agent_daily_budget is None:
        return _move(account, points, reason, key, actor, reference, note)
    with transaction.atomic():
        # The budget's row is locked before the account, by everyone in this order; a second click waits here too.
        given = _lock_budget(program, actor.user_id, 0)
        scopes = [key_scope(program, actor), f"loyalty:{program.pk}"]
        if not IdempotencyRecord.objects.filter(scope__in=scopes, key=key).exists():
            left = program.agent_daily_budget - given
            if points > left:
                raise Refused(
                    _("Left of today's budget: %(left)s points.") % {"left": max(left, 0)},
                    code="budget_spent",
                    field="points",
                    left=max(left, 0),
                )
            _lock_budget(program, actor.user_id, points)
        return _move(account, points, reason, key, actor, reference, note)


def _lock_budget(program: Program, user: int, points: int) -> int:
    """What the person has given today with these points, under the lock of the day's row."""
    today: date = clock.now().astimezone(ZoneInfo(program.time_zone)).date()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_agentbudget AS kept (program_id, user_id, day, given) VALUES (%s, %s, %s, %s)
               ON CONFLICT (program_id, user_id, day) DO UPDATE SET given = kept.given + excluded.given RETURNING given""",
            [program.pk, user, today, points],
        )
        return cursor.fetchone()[0]


def _waiting(pk: uuid.UUID) -> AdjustmentRequest:
    request = lock_row(AdjustmentRequest.objects.filter(pk=pk))
    if request.state != RequestState.WAITING:
        raise Conflict(_("This request has been decided."), code="request_decided", state=request.state)
    return request


def _decide(request: AdjustmentRequest, state: RequestState, user: User, note: str) -> None:
    request.state = state
    request.decided_by = user
    request.decided_at = clock.now()
    request.decision_note = note.strip()[:400]
    request.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])


def _move(
    account: Account,
    points: int,
    reason: str,
    key: str,
    actor: Actor,
    reference: str,
    note: str,
    *,
    internal: bool = False,
) -> Answer:
    program = account.member.program
    until = (
        expires_at(clock.now(), program.expiry_policy, program.expiry_count, program.time_zone) if points > 0 else None
    )
    handlers = handler_names(events.POINTS_ADJUSTED.kind)
    answer = call(
        "loyalty_adjust",
        [
            key_scope(program, actor, internal),
            idempotency.check_key(key),
            idempotency.digest(
                {"adjust": account.pk, "points": points, "reason": reason, "reference": reference, "note": note}
            ),
            account.pk,
            points,
            until,
            reason,
            reference,
            note,
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)
