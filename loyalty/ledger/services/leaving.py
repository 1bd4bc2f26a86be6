"""The end of a membership: all points expire, and the member has left."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row, lock_rows
from core.events.bus import emit
from loyalty.ledger.models import Account, Hold, HoldState, Lot
from loyalty.program import events
from loyalty.program.models import Member, MemberState


def end_membership(*, member: Member, actor: Actor, note: str = "") -> int:
    """End a membership for good. Available and pending points expire now. Returns how many points were lost.

    Raises Invalid `too_long`, Conflict `member_left`, and `open_holds` while points are set aside for a purchase.
    """
    note = note.strip()
    if len(note) > 400 or "\x00" in note:
        raise Invalid(_("This text is too long."), code="too_long", field="note")
    with transaction.atomic():
        locked = lock_row(Member.objects.filter(pk=member.pk))
        if locked.state == MemberState.LEFT:
            raise Conflict(_("This member has left already."), code="member_left")
        accounts = [account.pk for account in lock_rows(Account.objects.filter(member=locked))]
        if Hold.objects.filter(account__in=accounts, state=HoldState.HELD).exists():
            raise Conflict(
                _("Points are set aside for a purchase or a reward. Finish or cancel it first."), code="open_holds"
            )
        now = clock.now()
        lots = Lot.objects.filter(account__in=accounts, open=True)
        lost = sum(lots.filter(account__point_type__spendable=True).values_list("remaining", flat=True))
        lots.update(expires_at=now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM loyalty_settle_many(%s::bigint[], %s)", [accounts, now])
        locked.state = MemberState.LEFT
        locked.suspension_reason, locked.suspension_note, locked.suspended_by = "", "", ""
        locked.save(update_fields=["state", "suspension_reason", "suspension_note", "suspended_by"])
        payload = {"member": locked.pk, "points": lost, "note": note}
        emit(events.MEMBER_LEFT, subject_id=locked.customer_id, payload=payload, actor=actor)
    return lost
