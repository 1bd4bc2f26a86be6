"""Points given or taken by hand (L12): with a reason, a note or ticket, and a daily budget.

Above the limit of one person a second one approves. Every adjustment by a member of staff has a record
(AdjustmentRequest) with the note that only staff read. The ledger's entry names only the ticket number, which the
customer knows. An adjustment can be reversed once (D4).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, cast

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from core.base import actor as actors
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid, Refused
from core.db import idempotency
from core.db.functions import call
from core.db.locks import lock_row
from core.db.models import IdempotencyRecord
from core.events.bus import handler_names, wake
from core.notices import services as notices
from core.security.models import User
from loyalty.ledger import events
from loyalty.ledger.models import REVERSAL, Account, AdjustmentReason, AdjustmentRequest, AgentBudget, Lot, RequestState
from loyalty.ledger.rules.expiry import expires_at
from loyalty.ledger.rules.limits import Limits
from loyalty.ledger.selectors import allowances
from loyalty.ledger.services.redemption import REFUSALS, Answer, key_scope
from loyalty.program.models import Member, MemberState, Program

if TYPE_CHECKING:
    from crm.desk.models import Ticket
LARGEST = 10_000_000
REFERENCE_LENGTH = 200
NOTE_LENGTH = 400
# The id of a request is made from its key, so that a second click finds the first request.
REQUESTS = uuid.UUID("8d2b3a52-5c0e-4b8b-9a57-6a1f0b8f5c11")
APPROVE = "loyalty.approve_adjustment"
ASKED, DECIDED, REVERSED = (
    "loyalty.adjustment_asked",
    "loyalty.adjustment_decided",
    "loyalty.adjustment_reversed",
)


def adjust_points(
    *,
    account: Account,
    points: int,
    reason: str,
    key: str,
    actor: Actor,
    note: str = "",
    ticket: Ticket | None = None,
    reference: str = "",
) -> Answer:
    """Give (above 0) or take (below 0) points by hand. Raises Refused `insufficient_points` when too few are there.

    The member reads `reference`, or else the ticket number; `note` and `reason` are for staff only (L13). A member of
    staff needs a reason, and a note or a ticket (Invalid `required`). The limits of their role apply: Refused
    `needs_approval` above the limit at once (then use `request_adjustment`), Refused `budget_spent` with the rest of
    the day's budget. A suspended member is given nothing. Repeating a key moves no points a second time.
    """
    check_adjustment(points, reason, reference, note)
    if actor.user_id is None:
        return _move(account, points, reason, key, actor, note=note, reference=reference)
    note = _grounds(account, note, ticket)
    limits = allowances.limits_of(actor.user_id)
    if needs_approval(limits, points):
        raise _needs_approval(limits)
    program = account.member.program
    with transaction.atomic():
        if not _is_repeat(program, actor, key):
            _check_member(account, points)
            if points > 0:
                # Every transaction locks the budget row before the account. A second click waits here too.
                given_today = _lock_budget(program, actor.user_id, 0)
                if not _is_repeat(program, actor, key):
                    _spend(program, actor.user_id, given_today, points, limits)
        reference = _public_reference(reference, ticket)
        answer = _move(account, points, reason, key, actor, note=note, reference=reference)
        _record(
            answer,
            account=account,
            points=points,
            reason=reason,
            note=note,
            reference=reference,
            ticket=ticket,
            user=actor.user_id,
        )
    return answer


def request_adjustment(
    *,
    account: Account,
    points: int,
    reason: str,
    user: User,
    note: str = "",
    reference: str = "",
    ticket: Ticket | None = None,
    key: str = "",
) -> AdjustmentRequest:
    """Request an adjustment above the limit, and notify the people who may approve it.

    Nothing moves until another person calls `approve_adjustment`. The same `key` makes no second request.
    """
    check_adjustment(points, reason, reference, note)
    note = _grounds(account, note, ticket)
    pk = uuid.uuid5(REQUESTS, f"{user.pk}:{key}") if key else uuid.uuid4()
    with transaction.atomic():
        request, created = AdjustmentRequest.objects.get_or_create(
            pk=pk,
            defaults={
                "account": account,
                "points": points,
                "reason": reason,
                "note": note,
                "reference": _public_reference(reference, ticket),
                "ticket": ticket,
                "requested_by": user,
            },
        )
        if not created:
            return request
        notices.notify(
            users=notices.holders(APPROVE) - {user.pk},
            kind=ASKED,
            payload=_notice_payload(request, user),
            subject=_subject(request),
        )
    return request


def approve_adjustment(*, request: AdjustmentRequest, user: User, note: str = "") -> Answer:
    """Move the points of a waiting request.

    Raises Conflict `own_request` or `request_decided`, and Refused as the ledger does. The entry names the requester;
    the request names the approver. Given points count in the approver's day, not in the requester's: Refused
    `budget_spent`.
    """
    with transaction.atomic():
        waiting = _waiting(request.pk)
        if waiting.requested_by_id == user.pk:
            raise Conflict(_("You can't decide on your own request."), code="own_request")
        account = Account.objects.select_related("member__program").get(pk=waiting.account_id)
        _check_member(account, waiting.points)
        if waiting.points > 0:
            program = account.member.program
            given_today = _lock_budget(program, user.pk, 0)
            _spend(program, user.pk, given_today, waiting.points, allowances.limits_of(user))
        answer = _move(
            account,
            waiting.points,
            waiting.reason,
            f"adjustment-request:{waiting.pk}",
            actors.of_user(waiting.requested_by),
            note=waiting.note,
            reference=waiting.reference,
            internal=True,
        )
        waiting.entry_id = answer.get("entry")
        _decide(waiting, RequestState.APPROVED, user, note)
    return answer


def decline_adjustment(*, request: AdjustmentRequest, user: User, note: str = "") -> None:
    """Decline a waiting request, or withdraw your own. Raises Conflict `request_decided`."""
    with transaction.atomic():
        waiting = _waiting(request.pk)
        state = RequestState.WITHDRAWN if waiting.requested_by_id == user.pk else RequestState.DECLINED
        _decide(waiting, state, user, note)


def reverse_adjustment(*, request: AdjustmentRequest, user: User, note: str = "") -> Answer:
    """Reverse an adjustment once (D4): take what it gave, or give back what it took.

    Points that have expired are not taken again. Points that the customer has spent can't be taken: Refused
    `insufficient_points`. Another person's adjustment above your own limit is refused with `needs_approval`. Raises
    Conflict `not_reversible`, `already_reversed`; Refused `expired`. If the points were given today, they return to the
    giver's daily budget.
    """
    with transaction.atomic():
        original = lock_row(AdjustmentRequest.objects.filter(pk=request.pk))
        if original.state not in allowances.MOVED or original.entry_id is None or original.reverses_id is not None:
            raise Conflict(_("This adjustment can't be reversed."), code="not_reversible")
        if AdjustmentRequest.objects.filter(reverses=original).exists():
            raise Conflict(_("This adjustment has been reversed."), code="already_reversed")
        limits = allowances.limits_of(user)
        if original.requested_by_id != user.pk and needs_approval(limits, original.points):
            raise _needs_approval(limits)
        account = Account.objects.select_related("member__program").get(pk=original.account_id)
        _restore_budget(original, account.member.program)
        points = -(original.points - _expired(original, account))
        _check_member(account, points)
        if points == 0:
            raise Refused(_("These points have expired already."), code="expired")
        actor = actors.of_user(user)
        reference = original.ticket.number if original.ticket else ""
        note = note.strip()[:400]
        key = f"adjustment-reversal:{original.pk}"
        answer = _move(account, points, REVERSAL, key, actor, note=note, reference=reference, internal=True)
        AdjustmentRequest.objects.create(
            account=account,
            points=points,
            reason=REVERSAL,
            note=note,
            ticket=original.ticket,
            state=RequestState.GIVEN,
            requested_by=user,
            reverses=original,
            entry_id=answer.get("entry"),
        )
        if original.requested_by_id != user.pk:
            notices.notify(users=[original.requested_by_id], kind=REVERSED, payload=_notice_payload(original, user))
    return answer


def needs_approval(limits: Limits, points: int) -> bool:
    """Return whether the points exceed the limit of one user."""
    return abs(points) > limits.points_per_act


def check_adjustment(points: int, reason: str, reference: str = "", note: str = "") -> None:
    """Check the values of an adjustment. Raises Invalid."""
    if reason not in AdjustmentReason.values:
        raise Invalid(_("Choose a reason."), code="invalid_choice", field="reason")
    if points == 0 or abs(points) > LARGEST:
        raise Invalid(
            _("Use a number from 1 to 10,000,000, or below 0 to take points."), code="invalid", field="points"
        )
    if len(reference) > REFERENCE_LENGTH:
        raise Invalid(_("A reference can have at most 200 characters."), code="too_long", field="reference")
    if len(note) > NOTE_LENGTH:
        raise Invalid(_("A note can have at most 400 characters."), code="too_long", field="note")


def _needs_approval(limits: Limits) -> Refused:
    return Refused(
        _("More than %(limit)s points need approval by a second person.") % {"limit": limits.points_per_act},
        code="needs_approval",
        field="points",
        limit=limits.points_per_act,
    )


def _grounds(account: Account, note: str, ticket: Ticket | None) -> str:
    """Return the note as it is stored. Raises Invalid without a note and without a ticket of this customer."""
    note = note.strip()[:400]
    if ticket is not None and ticket.customer_id != account.member.customer_id:
        raise Invalid(_("This ticket belongs to another customer."), code="wrong_customer", field="ticket")
    if not note and ticket is None:
        raise Invalid(_("Write the reason in a note, or choose a ticket."), code="required", field="note")
    return note


def _public_reference(reference: str, ticket: Ticket | None) -> str:
    """Return the reference that the member reads beside the points."""
    return reference.strip() or (ticket.number if ticket else "")


def _check_member(account: Account, points: int) -> None:
    """Refuse to give points to a suspended member. Wrongly given points can still be taken."""
    state = Member.objects.values_list("state", flat=True).get(pk=account.member_id)
    if points > 0 and state != MemberState.ACTIVE:
        raise Conflict(_("This membership is not active."), code="member_not_active", state=state)


def _is_repeat(program: Program, actor: Actor, key: str) -> bool:
    scopes = [key_scope(program, actor), f"loyalty:{program.pk}"]
    return IdempotencyRecord.objects.filter(scope__in=scopes, key=key).exists()


def _record(
    answer: Answer,
    *,
    account: Account,
    points: int,
    reason: str,
    note: str,
    reference: str,
    ticket: Ticket | None,
    user: int,
) -> None:
    """Record the author and the reason, once per entry: a repeated command names the entry of the first."""
    if answer.get("entry") is None:
        return
    AdjustmentRequest.objects.get_or_create(
        entry_id=answer["entry"],
        defaults={
            "account": account,
            "points": points,
            "reason": reason,
            "note": note,
            "reference": reference,
            "ticket": ticket,
            "state": RequestState.GIVEN,
            "requested_by_id": user,
        },
    )


def _spend(program: Program, user: int, given_today: int, points: int, limits: Limits) -> None:
    """Count points in a day whose row is locked. Raises Refused `budget_spent` with what is left."""
    left = max(limits.points_per_day - given_today, 0)
    if points > left:
        raise Refused(
            _("Left of today's budget: %(left)s points.") % {"left": left},
            code="budget_spent",
            field="points",
            left=left,
        )
    _lock_budget(program, user, points)


def _restore_budget(original: AdjustmentRequest, program: Program) -> None:
    """Return the points to the giver's budget if they were given today. Approved points are in the approver's."""
    if original.points < 0:
        return
    approved = original.state == RequestState.APPROVED
    user = original.decided_by_id if approved else original.requested_by_id
    at = original.decided_at if approved else original.requested_at
    if user is not None and at is not None and allowances.day_of(program, at) == allowances.today(program):
        day = AgentBudget.objects.filter(program=program, user=user, day=allowances.today(program))
        day.update(given=Greatest(F("given") - original.points, 0))


def _expired(original: AdjustmentRequest, account: Account) -> int:
    """Return how many of the points that an adjustment gave have expired, under the account's lock."""
    if original.points < 0:
        return 0
    lock_row(Account.objects.filter(pk=account.pk), weak=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT loyalty_settle(%s, clock_timestamp())", [account.pk])
    lot = Lot.objects.filter(entry=original.entry_id, account=account).first()
    return lot.expired if lot else 0


def _lock_budget(program: Program, user: int, points: int) -> int:
    """Add points to the person's total of today and return it, under the lock of the day's row."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_agentbudget AS kept (program_id, user_id, day, given) VALUES (%s, %s, %s, %s)
               ON CONFLICT (program_id, user_id, day) DO UPDATE SET given = kept.given + excluded.given
               RETURNING given""",
            [program.pk, user, allowances.today(program), points],
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
    request.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "entry"])
    notices.settle(_subject(request))
    if state != RequestState.WITHDRAWN:
        notices.notify(
            users=[request.requested_by_id],
            kind=DECIDED,
            payload={**_notice_payload(request, user), "state": str(state)},
        )


def _subject(request: AdjustmentRequest) -> str:
    return f"adjustment:{request.pk}"


def _notice_payload(request: AdjustmentRequest, user: User) -> dict[str, object]:
    """Return the payload of a notice: points, customer, author."""
    customer = request.account.member.customer
    return {"points": request.points, "customer": customer.number, "by": str(user)}


def _move(
    account: Account,
    points: int,
    reason: str,
    key: str,
    actor: Actor,
    *,
    note: str = "",
    reference: str = "",
    internal: bool = False,
) -> Answer:
    program = account.member.program
    until = (
        expires_at(clock.now(), program.expiry_policy, program.expiry_count, program.time_zone) if points > 0 else None
    )
    handlers = handler_names(events.POINTS_ADJUSTED.kind)
    request = {"adjust": account.pk, "points": points, "reason": reason, "reference": reference}
    answer = call(
        "loyalty_adjust",
        [
            key_scope(program, actor, internal),
            idempotency.check_key(key),
            idempotency.digest({**request, "note": note} if note else request),
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
