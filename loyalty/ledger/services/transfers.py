"""Services that transfer points from one member to another, and merge the accounts of two customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import actor as actors
from core.base.actor import Actor
from core.base.errors import Conflict, Refused
from core.db import idempotency
from core.db.functions import call
from core.db.locks import lock_rows
from core.events.bus import handler_names, wake
from loyalty.ledger import events
from loyalty.ledger.models import Account
from loyalty.ledger.services import redemption
from loyalty.ledger.services.enrolment import open_accounts
from loyalty.ledger.services.redemption import Answer
from loyalty.program.models import Member, MemberState
from loyalty.program.services.suspensions import suspend_member

NOTE_LENGTH = 200
REFUSALS: Mapping[str, Any] = {
    **redemption.REFUSALS,
    "transfer_to_self": lambda f: Refused(
        _("You can't transfer points to yourself."), code="transfer_to_self", field="to"
    ),
    "transfers_off": lambda f: Refused(_("Members of this program can't transfer points."), code="transfers_off"),
    "transfer_limit": lambda f: Refused(
        _("Left today: %(points_left)s points in %(times_left)s transfers.") % f,
        code="transfer_limit",
        field="points",
        **f,
    ),
}


def transfer_points(
    *, sender: Account, receiver: Account, points: int, key: str, actor: Actor, note: str = ""
) -> Answer:
    """Transfer points to another member, within the program's daily limits. They keep their expiry.

    Returns {transfer, points, to, available}. Raises Refused `transfers_off`, `transfer_limit`, `transfer_to_self`,
    `insufficient_points`, Conflict `member_not_active`.
    """
    redemption.check_points(points)
    handlers = sorted({*handler_names(events.POINTS_SENT.kind), *handler_names(events.POINTS_RECEIVED.kind)})
    request = {"transfer": sender.pk, "to": receiver.pk, "points": points, "note": note}
    answer = call(
        "loyalty_transfer",
        [
            sender.pk,
            receiver.pk,
            idempotency.check_key(key),
            idempotency.digest(request),
            points,
            note[:NOTE_LENGTH],
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)


def merge_members(*, source: Member, target: Member, actor: Actor) -> Answer:
    """Carry all points, holds and debt of one member to another of the same program. The first one then has left.

    A suspension is carried too, so that a second account does not end it. Idempotent: repeating it carries nothing
    again. Raises Conflict `not_one_program`.
    """
    if source.program_id != target.program_id or source.pk == target.pk:
        raise Conflict(_("Only two members of one program can be merged."), code="not_one_program")
    carried: Answer = {"available": 0, "pending": 0, "held": 0, "debt": 0}
    with transaction.atomic():
        open_accounts(program=target.program, member_ids=[target.pk])
        target_accounts = {account.point_type_id: account.pk for account in target.accounts.all()}
        for account in source.accounts.order_by("pk"):
            moved = call(
                "loyalty_merge", [account.pk, target_accounts[account.point_type_id], str(actor)], refusals=REFUSALS
            )
            carried = {name: carried[name] + moved[name] for name in carried}
        members = {member.pk: member for member in lock_rows(Member.objects.filter(pk__in=[source.pk, target.pk]))}
        left, stays = members[source.pk], members[target.pk]
        if left.state == MemberState.SUSPENDED and stays.state == MemberState.ACTIVE:
            suspend_member(member=stays, reason=left.suspension_reason, note=left.suspension_note, actor=actor)
        Member.objects.filter(pk=source.pk).update(state=MemberState.LEFT)
    return carried
