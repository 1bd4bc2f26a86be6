"""Services of redeemed rewards: hold -> deliver -> capture, or release with stock and use given back (L7-L9).

Locks are taken in one order everywhere: redemption, reward, use, account (inside the ledger's function), then the locks
of the kind itself. No other transaction sees a new redemption, so redeeming begins with the reward.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from typing import Any

import pgtrigger
import structlog
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import actor as actors
from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, DomainError, Invalid, NotFound, Refused
from core.db import idempotency
from core.db.functions import call
from core.db.locks import lock_first, lock_row
from core.events.bus import EventType, emit, handler_names, wake
from core.jobs.sweeping import Sweep
from loyalty.ledger import events
from loyalty.ledger.models import HoldState
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.redemption import REFUSALS as LEDGER_REFUSALS
from loyalty.ledger.services.redemption import capture_hold, hold_points, release_hold
from loyalty.program.models import Member
from loyalty.rewards import events as rewards_events
from loyalty.rewards.models import RedemptionState, Reward, RewardRedemption
from loyalty.rewards.registry import FULFILMENTS, Fulfilment, TryLater, not_cancellable
from loyalty.rewards.rules import ADDRESS_PARTS, address_problem
from loyalty.rewards.selectors import Offered, judged

log = structlog.get_logger("liuke.rewards")
Answer = dict[str, Any]
HOLD_SECONDS = 7 * 86400
ATTEMPTS = 10
RETRY_SECONDS = 30
CHUNK = 500
REASONS: Mapping[str, Any] = {
    "reward_not_active": _("This reward is not available."),
    "reward_not_started": _("This reward is not available yet."),
    "reward_ended": _("This reward has ended."),
    "not_in_audience": _("This reward is for other members."),
    "tier_too_low": _("This reward is for a higher tier."),
    "member_limit": _("The member has reached the limit for this reward."),
    "out_of_stock": _("This reward is out of stock."),
    "no_codes_left": _("This reward has no codes left."),
}


def redeem_reward(
    *,
    member: Member,
    reward: Reward,
    key: str,
    actor: Actor,
    address: Mapping[str, str] | None = None,
    reference: str = "",
) -> Answer:
    """Redeem one of a reward for a member: stock, use and points in one transaction.

    If the kind can be delivered at once, the delivery is in the same transaction.

    `reference` is the storefront's proof of the money part. Returns `redemption_values`; a code is only on the row.
    Raises Refused with one of REASONS, `address_required`, `payment_required`; Conflict for a repeated key (L7).
    """
    if len(reference) > 200:
        raise Invalid(_("A reference can have at most 200 characters."), code="too_long", field="reference")
    delivery_address = {part: str((address or {}).get(part, "")).strip() for part in ADDRESS_PARTS}
    request = {"reward": reward.pk, "member": member.pk, "address": delivery_address, "reference": reference}
    with transaction.atomic():
        scope, older_scope = _scopes(member, actor)
        claim = idempotency.claim(scope, key, request, older_scope=older_scope)
        if claim.answer is not None:
            return claim.answer
        reward = Reward.objects.select_related("program", "minimum_tier").get(pk=reward.pk)
        offered = judged(member, [reward], available=None)[0]
        if offered.reason:
            raise _refused(member, offered)
        fulfilment = _fulfilment(reward)
        if fulfilment.needs_address and (part := address_problem(delivery_address)):
            raise Refused(_("Enter the delivery address."), code="address_required", field=f"address.{part}")
        if reward.money and (actor.kind == "member" or not reference):
            raise Refused(
                _("Part of this reward is paid with money: send the reference of the payment."),
                code="payment_required",
                field="reference",
                money=reward.money,
                currency=reward.program.currency,
            )
        counted = _take(reward, member, offered)
        redemption = RewardRedemption(pk=uuid.uuid4(), reward=reward, member=member)
        hold = hold_points(
            account=selectors.spendable_account(member),
            points=reward.points,
            key=f"reward:{redemption.pk}:hold",
            actor=actor,
            reference=f"reward:{reward.code}",
            seconds=HOLD_SECONDS,
            internal=True,
        )
        redemption.hold_id = uuid.UUID(hold["hold"])
        redemption.points, redemption.money = reward.points, reward.money
        redemption.address = json.dumps(delivery_address, ensure_ascii=False) if fulfilment.needs_address else None
        redemption.reference, redemption.outcome = reference, {"counted": counted}
        redemption.actor, redemption.placed_at = str(actor), clock.now()
        redemption.save(force_insert=True)
        _emit(rewards_events.REWARD_REDEEMED, redemption, reward, actor, points=reward.points)
        if fulfilment.at_once:
            try:
                _deliver(redemption, reward, fulfilment, actor)
            except TryLater as error:
                _keep_trying(redemption, error)
        return claim.store(redemption_values(redemption))


def redemption_values(redemption: RewardRedemption) -> Answer:
    """Return a redemption as plain JSON, without the encrypted fields."""
    reward = redemption.reward
    return {
        "redemption": str(redemption.pk),
        "reward": reward.code,
        "name": reward.label,
        "kind": reward.kind,
        "state": redemption.state,
        "points": redemption.points,
        "money": redemption.money,
        "currency": reward.program.currency,
        "reference": redemption.reference,
        "tracking": redemption.tracking,
        "placed_at": redemption.placed_at.isoformat(),
        "ended_at": redemption.ended_at.isoformat() if redemption.ended_at else None,
    }


def fulfil_redemption(*, redemption: uuid.UUID, actor: Actor = SYSTEM) -> str:
    """Retry the delivery of a placed redemption.

    Return its state, or empty when it is not waiting or another worker has it.
    """
    with transaction.atomic():
        row = _waiting(redemption)
        if row is None:
            return ""
        reward = row.reward
        fulfilment = _fulfilment(reward)
        if not fulfilment.at_once:
            return row.state
        try:
            _deliver(row, reward, fulfilment, actor)
        except DomainError as error:
            _fail(row, reward, str(error.message), actor)
        except DatabaseError:
            raise
        except Exception as error:
            if not isinstance(error, TryLater):
                log.exception("reward_not_delivered", redemption=str(row.pk), kind=reward.kind)
            _keep_trying(row, error)
            if row.attempts >= ATTEMPTS:
                _fail(row, reward, row.error, actor)
        return row.state


def ship_redemption(*, redemption: RewardRedemption, tracking: str, actor: Actor) -> RewardRedemption:
    """Mark a gift as sent and spend the held points. The same tracking number again changes nothing.

    Raises Conflict `redemption_not_open` when it isn't waiting to be sent, `hold_expired` when it waited for too long.
    """
    number = tracking.strip()
    if len(number) > 120 or not number.isprintable():
        raise Invalid(_("A tracking number can have at most 120 characters."), code="too_long", field="tracking")
    with transaction.atomic():
        row = _locked(redemption)
        reward = row.reward
        if row.state == RedemptionState.SHIPPED and row.tracking == number:
            return row
        if row.state != RedemptionState.PLACED or _fulfilment(reward).at_once:
            raise Conflict(_("This reward is not waiting to be sent."), code="redemption_not_open", state=row.state)
        _capture(row, reward, actor)
        _end(row, RedemptionState.SHIPPED, tracking=number)
        _emit(rewards_events.REWARD_FULFILLED, row, reward, actor, tracking=number)
    return row


def cancel_redemption(*, redemption: RewardRedemption, actor: Actor, reason: str = "") -> RewardRedemption:
    """Cancel a redemption that was not sent or used. Idempotent.

    The points return to their lots, and stock and use are given back. Raises Conflict `redemption_not_cancellable` when
    it was sent, may have been used, or has failed already.
    """
    why = " ".join(reason.split())
    if len(why) > 200:
        raise Invalid(_("A reason can have at most 200 characters."), code="too_long", field="reason")
    with transaction.atomic():
        row = _locked(redemption)
        reward = row.reward
        if row.state == RedemptionState.CANCELLED:
            return row
        # Money was paid outside of the product, so only someone who can refund it may cancel.
        if row.state not in {RedemptionState.PLACED, RedemptionState.FULFILLED} or (
            row.money and actor.kind == "member"
        ):
            raise not_cancellable(row)
        _give_back(row, reward)
        if row.state == RedemptionState.PLACED:
            _free_hold(row, reward, actor)
        else:
            _return_points(row, reward, actor)
            _fulfilment(reward).take_back(row, reward, actor)
        _end(row, RedemptionState.CANCELLED, outcome={**row.outcome, "reason": why})
        _emit(rewards_events.REWARD_CANCELLED, row, reward, actor, points=row.points, reason=why)
    return row


def see_address(*, redemption: RewardRedemption, actor: Actor) -> dict[str, str]:
    """Return the full address of a gift. Each look is an event on the customer's timeline (P3)."""
    if not redemption.address:
        raise NotFound(_("This redemption has no address."), code="no_address")
    with transaction.atomic():
        _emit(rewards_events.REWARD_ADDRESS_SEEN, redemption, redemption.reward, actor)
    return json.loads(redemption.address)


def sweep_redemptions(*, limit: int = 10_000) -> tuple[int, int]:
    """End redemptions whose hold expired, and retry failed deliveries. Returns (ended, delivered)."""
    sweep = Sweep("loyalty.sweep_redemptions")
    ended = sum(bool(sweep.attempt(pk, lambda pk=pk: _end_overdue(pk))) for pk in _overdue(limit, sweep.waiting))
    delivered = sum(
        sweep.attempt(pk, lambda pk=pk: fulfil_redemption(redemption=pk)) == RedemptionState.FULFILLED
        for pk in _due_again(limit, sweep.waiting)
    )
    return ended, delivered


def _refused(member: Member, offered: Offered) -> DomainError:
    """Return the refusal that `offered.reason` names, with its figures."""
    if offered.reason == "member_not_active":
        return LEDGER_REFUSALS["member_not_active"]({"state": member.state})
    figures: dict[str, Any] = {}
    if offered.reason == "member_limit":
        figures = {"limit": offered.limit, "used": offered.used}
    elif offered.reason == "tier_too_low" and offered.reward.minimum_tier:
        figures = {"tier": offered.reward.minimum_tier.code}
    return Refused(REASONS[offered.reason], code=offered.reason, field="reward", **figures)


def _scopes(member: Member, actor: Actor) -> tuple[str, str]:
    """Return the scope of the caller's keys and their earlier scope. A member's scope has not changed."""
    area = f"loyalty:{member.program_id}:rewards"
    if actor.kind == "member":
        return f"{area}:member:{member.pk}", ""
    return idempotency.scope_of(area, actor), area


def _fulfilment(reward: Reward) -> Fulfilment:
    fulfilment = FULFILMENTS.get(reward.kind)
    if fulfilment is None:
        raise Refused(REASONS["reward_not_active"], code="reward_not_active", field="reward")
    return fulfilment


def _take(reward: Reward, member: Member, offered: Offered) -> bool:
    """Take one piece of stock and one use, each by conditional write (C2). Return whether the reward has a stock."""
    with connection.cursor() as cursor:
        # A sale is no history, but a stock set by hand is. So the model does not use audited_except.
        if reward.stock is not None:
            with pgtrigger.ignore("loyalty.Reward:update_update"):
                cursor.execute(
                    "UPDATE loyalty_reward SET stock = stock - 1 WHERE id = %s AND stock > 0 AND active", [reward.pk]
                )
                taken = cursor.rowcount
            if not taken:
                active = Reward.objects.filter(pk=reward.pk, active=True).exists()
                raise _refusal("out_of_stock" if active else "reward_not_active")
        cursor.execute(
            """INSERT INTO loyalty_rewarduse AS u (reward_id, member_id, count) VALUES (%s, %s, 1)
               ON CONFLICT (reward_id, member_id) DO UPDATE SET count = u.count + 1
               WHERE u.count < coalesce(%s, 2147483647)""",
            [reward.pk, member.pk, offered.limit],
        )
        if not cursor.rowcount:
            raise _refusal("member_limit", limit=offered.limit)
    return reward.stock is not None


def _refusal(code: str, **figures: Any) -> Refused:
    return Refused(REASONS[code], code=code, field="reward", **figures)


def _give_back(redemption: RewardRedemption, reward: Reward) -> None:
    with connection.cursor() as cursor:
        if redemption.outcome.get("counted"):
            with pgtrigger.ignore("loyalty.Reward:update_update"):
                cursor.execute("UPDATE loyalty_reward SET stock = stock + 1 WHERE id = %s", [reward.pk])
        cursor.execute(
            "UPDATE loyalty_rewarduse SET count = count - 1 WHERE reward_id = %s AND member_id = %s AND count > 0",
            [reward.pk, redemption.member_id],
        )


def _deliver(redemption: RewardRedemption, reward: Reward, fulfilment: Fulfilment, actor: Actor) -> None:
    """Deliver a reward. The points come first, so that the account is locked before the kind takes its locks."""
    with transaction.atomic():
        _capture(redemption, reward, actor)
        delivery = fulfilment.fulfil(redemption, reward, actor)
    _end(
        redemption,
        RedemptionState.FULFILLED,
        code=delivery.code or None,
        reference=delivery.reference[:200] or redemption.reference,
        outcome={**redemption.outcome, **delivery.outcome},
        attempts=redemption.attempts + 1,
        error="",
    )
    _emit(rewards_events.REWARD_FULFILLED, redemption, reward, actor)


def _capture(redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
    key = f"reward:{redemption.pk}:capture"
    capture_hold(program=reward.program, hold=redemption.hold_id, key=key, actor=actor, internal=True)


def _keep_trying(redemption: RewardRedemption, error: Exception) -> None:
    redemption.attempts += 1
    redemption.error = (str(error) or type(error).__name__)[:400]
    redemption.save(update_fields=["attempts", "error"])


def _fail(redemption: RewardRedemption, reward: Reward, error: str, actor: Actor) -> None:
    _give_back(redemption, reward)
    _free_hold(redemption, reward, actor)
    _end(redemption, RedemptionState.FAILED, error=error[:400])
    _emit(rewards_events.REWARD_FAILED, redemption, reward, actor, points=redemption.points)


def _free_hold(redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
    """Release the hold. An expired one is ended here unless the ledger's own sweep was first."""
    try:
        key = f"reward:{redemption.pk}:release"
        release_hold(program=reward.program, hold=redemption.hold_id, key=key, actor=actor, internal=True)
    except Conflict as refusal:
        if refusal.code not in {"hold_expired", "hold_released"}:
            raise
        handlers = handler_names(events.HOLD_RELEASED.kind)
        arguments = [redemption.hold_id, "expired", None, None, str(actor), actors.request_id.get(), handlers]
        try:
            call("loyalty_end_hold", arguments, refusals=LEDGER_REFUSALS)
            wake(handlers)
        except Conflict as ended:
            if ended.code not in {"hold_expired", "hold_released"}:
                raise


def _return_points(redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
    """Return spent points to their lots, as after a refund (L5)."""
    reference = f"reward:{reward.code}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_give_back(%s, %s, %s, %s, clock_timestamp())",
            [redemption.hold_id, redemption.points, reference, str(actor)],
        )
    _emit(events.POINTS_RETURNED, redemption, reward, actor, points=redemption.points, reference=reference)


def _end(redemption: RewardRedemption, state: str, **values: Any) -> None:
    fields = {**values, "state": state, "ended_at": clock.now()}
    for name, value in fields.items():
        setattr(redemption, name, value)
    redemption.save(update_fields=list(fields))


def _emit(event: EventType, redemption: RewardRedemption, reward: Reward, actor: Actor, **values: Any) -> None:
    emit(
        event,
        subject_id=redemption.member.customer_id,
        payload={
            "redemption": str(redemption.pk),
            "reward": reward.code,
            "name": reward.name,
            **{name: value for name, value in values.items() if value},
        },
        actor=actor,
    )


def _locked(redemption: RewardRedemption) -> RewardRedemption:
    return lock_row(
        RewardRedemption.objects.select_related("reward__program", "member__customer").filter(pk=redemption.pk)
    )


def _waiting(pk: uuid.UUID) -> RewardRedemption | None:
    rows = RewardRedemption.objects.select_related("reward__program", "member", "hold")
    return lock_first(rows.filter(pk=pk, state=RedemptionState.PLACED), skip_locked=True)


def _overdue(limit: int, waiting: Collection[str]) -> list[uuid.UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.id FROM loyalty_rewardredemption r JOIN loyalty_hold h ON h.id = r.hold_id
               WHERE r.state = 'placed' AND (h.state <> 'held' OR h.expires_at <= statement_timestamp())
                     AND r.id <> ALL (%s::uuid[])
               ORDER BY r.placed_at LIMIT %s""",
            [list(waiting), limit],
        )
        return [row[0] for row in cursor.fetchall()]


def _end_overdue(pk: uuid.UUID) -> bool:
    with transaction.atomic():
        row = _waiting(pk)
        if row is None or (row.hold.state == HoldState.HELD and row.hold.expires_at > clock.now()):
            return False
        _fail(row, row.reward, str(_("It was not sent before the held points expired.")), SYSTEM)
    return True


def _due_again(limit: int, waiting: Collection[str]) -> list[uuid.UUID]:
    """Return placed redemptions that a worker should deliver: after 1 minute, then 2, 4 ... from the redemption on."""
    kinds = [name for name, fulfilment in FULFILMENTS.items() if fulfilment.at_once]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.id FROM loyalty_rewardredemption r JOIN loyalty_reward w ON w.id = r.reward_id
               WHERE r.state = 'placed' AND w.kind = ANY(%s) AND r.id <> ALL (%s::uuid[])
                     AND r.placed_at + make_interval(secs => %s * power(2, r.attempts)) <= statement_timestamp()
               ORDER BY r.placed_at LIMIT %s""",
            [kinds, list(waiting), RETRY_SECONDS, limit],
        )
        return [row[0] for row in cursor.fetchall()]
