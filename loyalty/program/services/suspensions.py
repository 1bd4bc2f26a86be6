"""Services that suspend and resume a member, for leads and administrators and for the shop's own systems.

A suspended member redeems, transfers and earns nothing, and earns nothing later for that time. Points stay, pending
ones become available, lots expire, refunds take back. Holds can still be captured or released. The tier is evaluated in
the night after the member is resumed.
"""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.events.bus import EventType, emit
from loyalty.program import events
from loyalty.program.models import Member, MemberState, SuspensionReason


def suspend_member(*, member: Member, reason: str, actor: Actor, note: str = "") -> Member:
    """Suspend an active member. Raises Invalid naming the field, Conflict `already_suspended`, `member_not_active`."""
    if reason not in SuspensionReason.values:
        raise Invalid(_("Choose a reason."), code="invalid_choice", field="reason")
    note = _note(note)
    with transaction.atomic():
        locked = lock_row(Member.objects.filter(pk=member.pk))
        if locked.state == MemberState.SUSPENDED:
            raise Conflict(_("This member is suspended already."), code="already_suspended")
        if locked.state != MemberState.ACTIVE:
            raise Conflict(_("This member is not active."), code="member_not_active", state=locked.state)
        locked.state = MemberState.SUSPENDED
        locked.suspended_at, locked.resumed_at = clock.now(), None
        locked.suspension_reason, locked.suspension_note, locked.suspended_by = reason, note, str(actor)
        _save(locked)
        _announce(events.MEMBER_SUSPENDED, locked, actor, note, reason)
    return locked


def resume_member(*, member: Member, actor: Actor, note: str = "") -> Member:
    """Make a suspended member active again. Raises Conflict `not_suspended`."""
    note = _note(note)
    with transaction.atomic():
        locked = lock_row(Member.objects.filter(pk=member.pk))
        if locked.state != MemberState.SUSPENDED:
            raise Conflict(_("This member is not suspended."), code="not_suspended", state=locked.state)
        reason = locked.suspension_reason
        locked.state, locked.resumed_at = MemberState.ACTIVE, clock.now()
        locked.suspension_reason, locked.suspension_note, locked.suspended_by = "", "", ""
        _save(locked)
        _announce(events.MEMBER_RESUMED, locked, actor, note, reason)
    return locked


def _note(note: str) -> str:
    note = note.strip()
    if len(note) > 400 or "\x00" in note:
        raise Invalid(_("This text is too long."), code="too_long", field="note")
    return note


def _save(member: Member) -> None:
    member.save(
        update_fields=[
            "state", "suspended_at", "resumed_at", "suspension_reason", "suspension_note", "suspended_by",
        ]
    )  # fmt: skip


def _announce(event: EventType, member: Member, actor: Actor, note: str, reason: str) -> None:
    payload = {"member": member.pk, "reason": reason, "note": note}
    emit(event, subject_id=member.customer_id, payload=payload, actor=actor)
