"""Manage broadcasts (one message to a segment, once): draft, preview, schedule, pause, resume, stop."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from analytics.segments.models import Segment, SegmentState
from analytics.segments.services.queue import require_computed
from campaigns.broadcasts import events
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services.runs import audience
from campaigns.broadcasts.services.template_fit import check_broadcast
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.experiments.models import ExperimentState
from campaigns.experiments.services.arms import check_experiment, kept_out
from campaigns.experiments.services.attribution import check_attribution
from campaigns.messages.services import gate
from campaigns.messages.services.gate import AudiencePreview
from campaigns.templates.models import MessageClass, Template
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.events.bus import EventType, emit
from core.lists.services import copy_name, refuse_archived

FIELDS = (
    "name", "segment", "template", "coupon", "send_on", "send_time", "customer_zone", "per_minute", "holdout_percent",
    "attribution_days", "experiment",
)  # fmt: skip
MOST_A_MINUTE = 1_000_000
# The first zone on earth in which a date begins.
EARLIEST = ZoneInfo("Etc/GMT-14")
GRACE = timedelta(minutes=5)
NAME_TAKEN = _("Another broadcast has this name.")


def create_broadcast(*, name: str, segment: Segment, template: Template, actor: Actor, **fields: Any) -> Broadcast:
    """Create a draft, which sends nothing yet. Raises Invalid naming the field."""
    broadcast = Broadcast(created_by_id=actor.user_id, owner_id=actor.user_id)
    _set(broadcast, {"name": name, "segment": segment, "template": template, **fields})
    _check(broadcast)
    _save(broadcast)
    broadcast.refresh_from_db()
    return broadcast


def update_broadcast(*, broadcast: Broadcast, actor: Actor, **changes: Any) -> Broadcast:
    """Change a draft. Raises Conflict when the broadcast is scheduled or has started."""
    with transaction.atomic():
        locked = _lock(broadcast, {BroadcastState.DRAFT})
        _set(locked, changes)
        _check(locked)
        _save(locked)
    return locked


def duplicate_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Create a draft with the same segment, template and settings, without a time and without an ended experiment."""
    values = {name: getattr(broadcast, name) for name in FIELDS}
    values |= {"name": copy_name(Broadcast, broadcast.name), "send_on": None, "send_time": None, "customer_zone": False}
    if broadcast.experiment and broadcast.experiment.state == ExperimentState.ENDED:
        values["experiment"] = None
    return create_broadcast(actor=actor, **values)


def is_busy(broadcast: Broadcast) -> bool:
    """Return whether the broadcast is to be sent or being sent, so that it can't be archived."""
    return broadcast.state in {BroadcastState.SCHEDULED, BroadcastState.SENDING, BroadcastState.PAUSED}


def schedule_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Schedule the broadcast for its time, or for now when it has none. This fixes the version of its template (J8)."""
    with transaction.atomic():
        locked = _lock(broadcast, {BroadcastState.DRAFT})
        _check(locked)
        now = clock.now()
        _check_startable(locked, now)
        locked.starts_at = starting(locked, now)
        locked.template_version = locked.template.version
        locked.state = BroadcastState.SCHEDULED
        locked.save()
        _emit(events.BROADCAST_SCHEDULED, locked, actor)
    return locked


def unschedule_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Turn a scheduled broadcast back into a draft, if it has not started."""
    with transaction.atomic():
        locked = _lock(broadcast, {BroadcastState.SCHEDULED})
        locked.state, locked.starts_at = BroadcastState.DRAFT, None
        locked.save()
    return locked


def move_broadcast(*, broadcast: Broadcast, send_on: date, actor: Actor) -> Broadcast:
    """Move a draft or scheduled broadcast to another date at its time. A scheduled one stays scheduled.

    A scheduled broadcast keeps the version of its template (J8). Raises Conflict when it has started, Invalid
    `required` when it has no time, `in_the_past`, and Conflict `coupon_over` when its coupon ends before.
    """
    with transaction.atomic():
        locked = _lock(broadcast, {BroadcastState.DRAFT, BroadcastState.SCHEDULED})
        _set(locked, {"send_on": send_on})
        _check(locked)
        starts_at = starting(locked, clock.now())
        if locked.state == BroadcastState.SCHEDULED:
            _check_startable(locked, starts_at)
            locked.starts_at = starts_at
        locked.save(update_fields=["send_on", "starts_at"])
        if locked.state == BroadcastState.SCHEDULED:
            _emit(events.BROADCAST_SCHEDULED, locked, actor)
    return locked


def pause_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Pause the broadcast: nothing more is claimed. Messages that a worker already holds go out; others wait."""
    return _switch(broadcast, BroadcastState.PAUSED, {BroadcastState.SENDING}, events.BROADCAST_PAUSED, actor)


def resume_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Resume the broadcast: waiting messages become due at its pace when `campaigns.run_broadcasts` next runs."""
    return _switch(broadcast, BroadcastState.SENDING, {BroadcastState.PAUSED}, events.BROADCAST_RESUMED, actor)


def stop_broadcast(*, broadcast: Broadcast, actor: Actor) -> Broadcast:
    """Stop the broadcast permanently: unsent messages are never sent, and their reason says so."""
    stoppable = {BroadcastState.SCHEDULED, BroadcastState.SENDING, BroadcastState.PAUSED}
    return _switch(broadcast, BroadcastState.STOPPED, stoppable, events.BROADCAST_STOPPED, actor)


def preview_broadcast(broadcast: Broadcast) -> AudiencePreview:
    """Preview who would get the broadcast now, through the gate that sends (J1). Writes nothing.

    Raises Conflict `segment_not_computed`.
    """
    require_computed(broadcast.segment)
    now = clock.now()
    select, params = audience(broadcast, now)
    template = broadcast.template
    holdout = kept_out(
        message_class=template.message_class, origin=broadcast.origin, holdout_percent=broadcast.holdout_percent
    )
    candidates = f"""
        SELECT NULL::uuid AS id, a.customer_id, %(channel)s AS channel, %(message_class)s AS message_class,
               %(origin)s AS origin, 'send' AS step, a.occurrence, a.due_at, NULL::timestamptz AS waiting_since,
               NULL::text AS unmatched, {holdout.out} AS holdout
        FROM ({select}) AS a(customer_id, occurrence, due_at, context)"""  # noqa: S608 - fragments of the audience; values are parameters
    params |= {**holdout.params, "channel": template.channel, "message_class": template.message_class}
    return gate.preview(candidates, params, now)


def starting(broadcast: Broadcast, now: datetime) -> datetime:
    """Return the start: in the shop's zone, or in the first zone on earth for local times.

    Raises Invalid for a past time.
    """
    if broadcast.send_on is None or broadcast.send_time is None:
        return now
    shop = ZoneInfo(gate.parameters(now)["zone"])
    local_time = datetime.combine(broadcast.send_on, broadcast.send_time)
    if local_time.replace(tzinfo=shop) < now - GRACE:
        raise Invalid(_("This time is in the past."), code="in_the_past", field="send_on")
    return local_time.replace(tzinfo=EARLIEST if broadcast.customer_zone else shop)


def _check_startable(broadcast: Broadcast, at: datetime) -> None:
    """Raise Conflict unless the segment and the coupon can be used at a moment."""
    if broadcast.segment.state != SegmentState.ACTIVE:
        raise Conflict(_("The segment of this broadcast is archived."), code="segment_archived", field="segment")
    coupon = broadcast.coupon
    if coupon and (not coupon.active or (coupon.ends_at and coupon.ends_at <= at)):
        raise Conflict(_("The coupon of this broadcast has ended."), code="coupon_over", field="coupon")


def _lock(broadcast: Broadcast, allowed: set[str]) -> Broadcast:
    locked = lock_row(
        Broadcast.objects.select_related("segment", "template", "coupon", "experiment").filter(pk=broadcast.pk)
    )
    refuse_archived(locked)
    if locked.state not in allowed:
        raise Conflict(
            _("This is not possible in the broadcast's current state."),
            code="broadcast_state",
            state=locked.state,
        )
    return locked


def _switch(
    broadcast: Broadcast, into: BroadcastState, out_of: set[BroadcastState], kind: EventType, actor: Actor
) -> Broadcast:
    """Change the state; idempotent: a broadcast that is already in it stays as it is."""
    with transaction.atomic():
        locked = _lock(broadcast, {into, *out_of})
        if locked.state != into:
            locked.state = into
            locked.save(update_fields=["state"])
            _emit(kind, locked, actor)
    return locked


def _emit(kind: EventType, broadcast: Broadcast, actor: Actor) -> None:
    emit(kind, subject_id=None, payload={"broadcast": broadcast.pk, "name": broadcast.name}, actor=actor)


def _set(broadcast: Broadcast, values: dict[str, Any]) -> None:
    unknown = values.keys() - set(FIELDS)
    if unknown:
        raise Invalid(_("Unknown field."), code="unknown_field", field=min(unknown))
    for name, value in values.items():
        setattr(broadcast, name, value)
    broadcast.name = " ".join(broadcast.name.split())


def _save(broadcast: Broadcast) -> None:
    try:
        with transaction.atomic():
            broadcast.save()
    except IntegrityError:
        # Another request took the name after the check.
        raise Invalid(NAME_TAKEN, code="name_taken", field="name") from None


def _check(broadcast: Broadcast) -> None:
    if not broadcast.name or len(broadcast.name) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if Broadcast.objects.filter(name=broadcast.name).exclude(pk=broadcast.pk).exists():
        raise Invalid(NAME_TAKEN, code="name_taken", field="name")
    # A transactional template would bypass consent, caps and quiet hours.
    if broadcast.template.message_class != MessageClass.MARKETING:
        raise Invalid(
            _("A broadcast needs a marketing template; this template is transactional."),
            code="transactional_template",
            field="template",
        )
    if (broadcast.send_on is None) != (broadcast.send_time is None):
        missing = "send_time" if broadcast.send_time is None else "send_on"
        raise Invalid(_("Enter both the date and the time."), code="required", field=missing)
    if broadcast.customer_zone and broadcast.send_on is None:
        raise Invalid(
            _("Enter a date and time to send in each customer's time zone."), code="required", field="send_on"
        )
    if not 0 <= broadcast.per_minute <= MOST_A_MINUTE:
        raise Invalid(_("This number is out of range."), code="out_of_range", field="per_minute")
    if not 0 <= broadcast.holdout_percent <= 90:
        raise Invalid(_("The holdout must be 0 to 90 percent."), code="invalid", field="holdout_percent")
    check_attribution(broadcast.attribution_days)
    check_experiment(broadcast.experiment, broadcast.template)
    coupon: Coupon | None = broadcast.coupon
    if coupon is not None and coupon.mode != CodeMode.UNIQUE:
        raise Invalid(_("Choose a coupon with a code for each customer."), code="public_coupon", field="coupon")
    check_broadcast(broadcast)
