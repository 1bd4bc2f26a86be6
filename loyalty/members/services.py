"""Opening points and tiers from another system: one ledger entry per lot, identified by its key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db import idempotency
from core.db.functions import call
from core.db.locks import lock_row, require_transaction
from crm.customers import events
from crm.customers.models import Customer
from crm.imports.rules.mapping import ImportField, who
from crm.imports.services.context import Context
from crm.imports.services.rows import RowImport
from loyalty.earning.services.setup import ensure_default_program
from loyalty.ledger.models import Account, Entry, EntryKind, Lot
from loyalty.ledger.services.adjustments import LARGEST
from loyalty.ledger.services.enrolment import accounts_of, enrol_many
from loyalty.ledger.services.redemption import REFUSALS, key_scope
from loyalty.program.models import Member, PointType, Program
from loyalty.tiers.models import GivenTier, Tier
from loyalty.tiers.services.set_tiers import set_tier

REASON = "migration"
FIELDS = (
    *who(),
    ImportField("key", limit=100, aliases="reference id lot lotid 批次 批次号"),
    ImportField(
        "points", "quantity", aliases="balance pointsbalance availablepoints point 积分 可用积分 积分余额 punkte"
    ),
    ImportField(
        "expires_at",
        "future",
        aliases="expires expiry expirydate expirationdate 到期时间 有效期至 积分有效期 gültigbis",
    ),
    ImportField("tier", limit=80, aliases="level membertier viplevel grade 等级 会员等级 stufe"),
    ImportField(
        "tier_until", "future", aliases="tierends tierexpiry tierexpires leveluntil 等级有效期 等级到期时间 stufebis"
    ),
    ImportField("joined_at", "time", aliases="joined enrolled membersince enrolledat 入会时间 注册时间 mitgliedseit"),
)
LABELS = {
    "key": _("Key of the entry"),
    "points": _("Points"),
    "expires_at": _("Points expire at"),
    "tier": _("Tier"),
    "tier_until": _("Tier until"),
    "joined_at": _("Member since"),
}


def book_opening_points(
    *, account: Account, points: int, expires_at: datetime | None, reference: str, actor: Actor
) -> bool:
    """Book points from another system as a lot with its own end. Return False when the reference is booked already.

    The ledger entry ensures that this happens once: its note is the reference, which outlives stored request answers.
    Raises Invalid, and Conflict `opening_differs` when the reference was booked with other points or another end.
    """
    require_transaction()
    if not 1 <= points <= LARGEST:
        raise Invalid(_("Use a whole number from 1 to 10,000,000."), code="invalid", field="points")
    if expires_at is not None and expires_at <= clock.now():
        raise Invalid(_("These points have expired already."), code="expired", field="expires_at")
    lock_row(Account.objects.filter(pk=account.pk), weak=True)
    entry = Entry.objects.filter(account=account, kind=EntryKind.ADJUST, reason=REASON, note=reference).first()
    if entry is not None:
        if (entry.available, Lot.objects.get(entry=entry).expires_at) == (points, expires_at):
            return False
        raise Conflict(
            _("An opening entry with this key exists with other points or another end."),
            code="opening_differs",
            field="points",
        )
    call(
        "loyalty_adjust",
        [
            key_scope(account.member.program, actor, True),
            idempotency.check_key(f"{reference}:{account.pk}"),
            idempotency.digest({"opening": account.pk, "points": points, "expires": str(expires_at)}),
            account.pk,
            points,
            expires_at,
            REASON,
            # The member reads no reference, because the origin of the points is for staff.
            "",
            reference,
            str(actor),
            "",
            # Points that a member already had need no reaction. The import announces the members whose figures changed.
            [],
        ],
        refusals=REFUSALS,
    )
    return True


class Opening(RowImport):
    """Import of opening balances and tiers from an earlier system."""

    def take(self, context: Context, row: dict[str, Any]) -> bool:
        """Give the points and the tier of one row. Return whether anything was new. Raises Invalid."""
        if row["points"] is None and not row["tier"]:
            raise Invalid(_("Enter points, a tier or both."), code="required", field="points")
        if row["points"] is not None and row["points"] != int(row["points"]):
            raise Invalid(_("Use a whole number from 1 to 10,000,000."), code="invalid", field="points")
        program = ensure_default_program()
        if program is None:
            raise Invalid(_("There is no loyalty program yet."), code="no_program", field="")
        customer = Customer.objects.get(pk=row["customer"])
        enrol_many(program=program, customer_ids=[customer.pk], since=[row["joined_at"]], actor=context.actor)
        member = Member.objects.select_related("program").get(program=program, customer=customer)
        changed = False
        if row["points"]:
            until = row["expires_at"]
            key = row["key"] or (f"{until:%Y-%m-%dT%H:%M:%S}" if until else "never")
            changed = book_opening_points(
                account=_account(program, member),
                points=int(row["points"]),
                expires_at=until,
                reference=f"opening:{context.source}:{key}",
                actor=context.actor,
            )
        if row["tier"]:
            changed = _give_tier(member, row["tier"], row["tier_until"], context.actor) or changed
        return changed

    def finish(self, context: Context) -> None:
        """Announce the customers that the import changed."""
        self.announce(context, events.CUSTOMERS_CHANGED)


def _account(program: Program, member: Member) -> Account:
    point_type = PointType.objects.filter(program=program, spendable=True).order_by("pk").first()
    if point_type is None:
        raise Invalid(_("The program has no spendable points."), code="no_points", field="points")
    accounts = accounts_of(program=program, member_ids=[member.pk], point_types=[point_type.pk])
    return Account.objects.select_related("member__program").get(pk=accounts[member.pk, point_type.pk])


def _give_tier(member: Member, name: str, until: datetime | None, actor: Actor) -> bool:
    named = Q(name__iexact=name) | Q(name_zh__iexact=name) | Q(code__iexact=name)
    tier = Tier.objects.filter(named, program=member.program).first()
    if tier is None:
        raise Invalid(_("There is no such tier."), code="unknown_tier", field="tier")
    if until is None:
        raise Invalid(_("A tier from another system needs an end."), code="required", field="tier_until")
    before = GivenTier.objects.filter(member=member).count()
    try:
        set_tier(member=member, tier=tier, until=until, reason=REASON, actor=actor)
    except Invalid as error:
        # The file uses the name of its column.
        field = "tier_until" if error.field == "until" else error.field
        raise Invalid(error.message, code=error.code, field=field) from None
    return GivenTier.objects.filter(member=member).count() > before
