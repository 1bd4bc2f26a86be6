"""Decide whether a message may be sent now (the gate, J1), on plain values.

The batch version in `campaigns.messages.services.gate` decides the same in one statement; a test runs both over random
inputs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from campaigns.messages.rules import GateReason, Verdict


@dataclass(frozen=True)
class GatePolicy:
    """Hold the caps: None or 0 is no cap (J5).

    Quiet from = until is off. stale_hours 0 keeps held messages without limit. `cap_day` and `cap_week` apply to all
    counted messages; the others to marketing or surveys alone.
    """

    cap_day: int | None = None
    cap_week: int | None = None
    marketing_day: int | None = None
    marketing_week: int | None = None
    survey_day: int | None = None
    survey_week: int | None = None
    quiet_from: time = time(0)
    quiet_until: time = time(0)
    stale_hours: int = 0
    spread_minutes: int = 0


@dataclass(frozen=True)
class GateCandidate:
    """Hold one queued send.

    `granted` is the latest consent of its purpose, None when there is none; `opt_in`: the channel needs a consent.
    `waiting_since` is when the message was first due, or first held. `sent` are the times of messages that count
    against the caps, `sent_alike` those of the same purpose among them. `survey` is a service message: it needs no
    marketing consent, respects quiet hours and counts against the caps (D2).
    """

    id: UUID
    zone: str
    customer_active: bool = True
    duplicate: bool = False
    holdout: bool = False
    unmatched: str | None = None
    waiting_since: datetime | None = None
    has_address: bool = True
    suppressed: bool = False
    granted: bool | None = None
    opt_in: bool = True
    marketing: bool = True
    survey: bool = False
    sent: tuple[datetime, ...] = ()
    sent_alike: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Decision:
    verdict: Verdict
    reason: GateReason | None = None
    held_until: datetime | None = None


def decide(message: GateCandidate, policy: GatePolicy, now: datetime) -> Decision:
    """Decide a message at `now`.

    Transactional messages skip consent, caps and quiet hours by class (J5). Surveys respect quiet hours, because no
    customer waits for one.
    """
    if not message.customer_active:
        return _suppress(GateReason.CUSTOMER_NOT_ACTIVE)
    if message.duplicate:
        return _suppress(GateReason.DUPLICATE)
    if message.holdout:
        return _suppress(GateReason.HOLDOUT)
    if message.unmatched:
        return _suppress(GateReason(message.unmatched))
    if message.marketing and is_stale(message.waiting_since, policy.stale_hours, now):
        return _suppress(GateReason.STALE)
    if not message.has_address:
        return _suppress(GateReason.NO_ADDRESS)
    if message.suppressed:
        return _suppress(GateReason.SUPPRESSED)
    if not consented(message):
        return _suppress(GateReason.NO_CONSENT)
    if message.marketing or message.survey:
        until = quiet_until(now, message.zone, policy.quiet_from, policy.quiet_until)
        if until is not None:
            return Decision(Verdict.HOLD, GateReason.QUIET_HOURS, until + spread(message.id, policy.spread_minutes))
    if message.marketing or message.survey:
        reason = capped(message, policy, now)
        if reason:
            return _suppress(reason)
    return Decision(Verdict.SEND)


def consented(message: GateCandidate) -> bool:
    """Return whether consent allows it: opt-in marketing needs a yes; other marketing and surveys stop only at a no."""
    if message.marketing and message.opt_in:
        return message.granted is True
    if message.marketing or message.survey:
        return message.granted is not False
    return True


def is_stale(waiting_since: datetime | None, stale_hours: int, now: datetime) -> bool:
    return bool(stale_hours) and waiting_since is not None and now - waiting_since > timedelta(hours=stale_hours)


def capped(message: GateCandidate, policy: GatePolicy, now: datetime) -> GateReason | None:
    """Return the cap that is reached, by calendar days and weeks (from Monday) in the customer's zone (J5)."""
    own_day = policy.survey_day if message.survey else policy.marketing_day
    own_week = policy.survey_week if message.survey else policy.marketing_week
    zone = ZoneInfo(message.zone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    for sent, since, cap, reason in (
        (message.sent, today, policy.cap_day, GateReason.CAP_DAY),
        (message.sent, monday, policy.cap_week, GateReason.CAP_WEEK),
        (message.sent_alike, today, own_day, GateReason.CAP_PURPOSE_DAY),
        (message.sent_alike, monday, own_week, GateReason.CAP_PURPOSE_WEEK),
    ):
        # Compare local dates: when clocks change, midnight may come twice or not at all.
        if cap and sum(at.astimezone(zone).date() >= since for at in sent) >= cap:
            return reason
    return None


def quiet_until(now: datetime, zone: str, start: time, end: time) -> datetime | None:
    """Return the end of the quiet hours at `now`, or None. They may cross midnight; start = end is off (J6)."""
    local = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if start == end:
        return None
    if start < end:
        if not start <= local.time() < end:
            return None
        day = local.date()
    elif local.time() < end:
        day = local.date()
    elif local.time() >= start:
        day = local.date() + timedelta(days=1)
    else:
        return None
    return instant(datetime.combine(day, end), zone)


def instant(local: datetime, zone: str) -> datetime:
    """Return a local time as an instant, in the way PostgreSQL does.

    A time that the clocks skip uses the offset before the change; a repeated time uses the offset after it.
    """
    first = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    second = first.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    assert before is not None
    assert after is not None
    return (second if before > after else first).astimezone(UTC)


def spread(message_id: UUID, minutes: int) -> timedelta:
    """Return a delay below `minutes`, always the same for one message."""
    return timedelta(seconds=int(message_id.hex[-8:], 16) % (minutes * 60)) if minutes else timedelta()


def bucket(origin: str, customer_id: int) -> int:
    """Return 0 to 99 by a hash of origin and customer; a value below the holdout's percentage is held out (X1)."""
    return int(hashlib.sha256(f"{origin}/{customer_id}".encode()).hexdigest()[:8], 16) % 100


def _suppress(reason: GateReason) -> Decision:
    return Decision(Verdict.SUPPRESS, reason)
