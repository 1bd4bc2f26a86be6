"""Models of points that people give: adjustments by hand (L12), limits and daily budgets (L13), transfers."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit.tracking import audited
from core.security.roles import LABELS, Role


class AdjustmentReason(models.TextChoices):
    """Reasons of an adjustment by hand."""

    GOODWILL = "goodwill", _("Goodwill")
    CORRECTION = "correction", _("Correction")
    PROMOTION = "promotion", _("Promotion")
    FRAUD = "fraud", _("Abuse")
    MIGRATION = "migration", _("Carried over")


# Only the product writes this reason; staff can't choose it.
REVERSAL = "reversal"


class RequestState(models.TextChoices):
    GIVEN = "given", pgettext_lazy("request", "Done at once")
    WAITING = "waiting", pgettext_lazy("request", "Waiting")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


@audited
class AdjustmentRequest(models.Model):
    """An adjustment by a member of staff. Above their limit it moves nothing until another person approves it (L12).

    `entry` is the entry that it made. `reverses` is the adjustment that this one undoes; each is reversed at most once
    (D4).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey("loyalty.Account", models.PROTECT, related_name="adjustment_requests")
    points = models.BigIntegerField(_("points"))
    reason = models.CharField(_("reason"), max_length=40)
    note = models.CharField(_("note"), max_length=400, blank=True, default="")
    reference = models.CharField(
        _("reference"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("The member reads it."),
    )
    ticket = models.ForeignKey("crm.Ticket", models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=RequestState.choices, default=RequestState.WAITING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    requested_at = models.DateTimeField(_("asked"), db_default=Now())
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_note = models.CharField(_("answer"), max_length=400, blank=True, default="")
    entry = models.OneToOneField("loyalty.Entry", models.PROTECT, null=True, related_name="adjustment")
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="reversal", verbose_name=_("reverses")
    )

    class Meta:
        verbose_name = _("adjustment to approve")
        verbose_name_plural = _("adjustments to approve")
        permissions = [("approve_adjustment", _("Can approve adjustments of points"))]
        constraints = [
            models.CheckConstraint(condition=~models.Q(points=0), name="loyalty_adjustmentrequest_moves_something"),
            models.CheckConstraint(
                condition=~models.Q(state="approved") | ~models.Q(decided_by=models.F("requested_by")),
                name="loyalty_adjustmentrequest_four_eyes",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"], condition=models.Q(state="waiting"), name="loyalty_adjustment_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.state}"

    @property
    def taken(self) -> int:
        """Return the points that were taken, without their sign."""
        return -self.points

    @property
    def can_be_reversed(self) -> bool:
        """Return whether it moved points, is no reversal itself, and has none yet."""
        moved = self.state in {RequestState.GIVEN, RequestState.APPROVED} and self.entry_id is not None
        return moved and self.reverses_id is None and not hasattr(self, "reversal")


@audited
class GivingLimit(models.Model):
    """Limits of a role for giving by hand (L13).

    A row exists where the shop changed the defaults of `rules/giving.py`.
    """

    role = models.CharField(
        _("role"), max_length=20, unique=True, choices=[(role.value, LABELS[role]) for role in Role]
    )
    points_per_act = models.PositiveBigIntegerField(_("points at once"))
    points_per_day = models.PositiveBigIntegerField(_("points a day"))
    coupons_per_day = models.PositiveIntegerField(_("coupons a day"))

    class Meta:
        verbose_name = _("giving limit")
        verbose_name_plural = _("giving limits")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points_per_act__lte=models.F("points_per_day")),
                name="loyalty_givinglimit_act_within_day",
            )
        ]

    def __str__(self) -> str:
        return self.get_role_display()


class AgentBudget(models.Model):
    """Points that a member of staff has given or approved on one day of the program (L12), under the row's lock."""

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    day = models.DateField(_("day"))
    given = models.BigIntegerField(_("given"), default=0)

    class Meta:
        verbose_name = _("agent's budget")
        verbose_name_plural = _("agents' budgets")
        constraints = [
            models.UniqueConstraint(fields=["program", "user", "day"], name="loyalty_agentbudget_once_a_day"),
            models.CheckConstraint(condition=models.Q(given__gte=0), name="loyalty_agentbudget_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}: {self.given}"


class Transfer(models.Model):
    """Points that went from one member to another. The lots keep their expiry."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    sender = models.ForeignKey("loyalty.Account", models.PROTECT, related_name="transfers_out", db_index=False)
    receiver = models.ForeignKey("loyalty.Account", models.PROTECT, related_name="transfers_in", db_index=False)
    points = models.BigIntegerField(_("points"))
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    actor = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("transfer of points")
        verbose_name_plural = _("transfers of points")
        constraints = [
            models.CheckConstraint(condition=models.Q(points__gt=0), name="loyalty_transfer_has_points"),
            models.CheckConstraint(
                condition=~models.Q(sender=models.F("receiver")), name="loyalty_transfer_to_someone_else"
            ),
        ]
        indexes = [
            models.Index(fields=["sender", "-created_at"], name="loyalty_transfer_sent"),
            models.Index(fields=["receiver", "-created_at"], name="loyalty_transfer_received"),
        ]

    def __str__(self) -> str:
        return f"{self.points}"


class Account(models.Model):
    """One member's points of one type. The four figures are the fold of the entries and the sum of the lots (L11).

    balance = available + held; pending is not spendable yet; debt is what a refund could not take back (L5).
    """

    member = models.ForeignKey("loyalty.Member", models.PROTECT, related_name="accounts", db_index=False)
    point_type = models.ForeignKey("loyalty.PointType", models.PROTECT, related_name="accounts", db_index=False)
    available = models.BigIntegerField(_("available"), default=0)
    pending = models.BigIntegerField(_("pending"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    debt = models.BigIntegerField(_("debt"), default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            models.UniqueConstraint(fields=["member", "point_type"], name="points_account_one_per_type"),
            models.CheckConstraint(condition=models.Q(available__gte=0), name="points_account_available_not_negative"),
            models.CheckConstraint(condition=models.Q(pending__gte=0), name="points_account_pending_not_negative"),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="points_account_held_not_negative"),
            models.CheckConstraint(condition=models.Q(debt__gte=0), name="points_account_debt_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.available}"

    @property
    def balance(self) -> int:
        return self.available + self.held


class EntryKind(models.TextChoices):
    EARN = "earn", _("Earned")
    CONFIRM = "confirm", _("Became available")
    HOLD = "hold", _("Held")
    CAPTURE = "capture", _("Spent from a hold")
    RELEASE = "release", _("Hold released")
    REDEEM = "redeem", pgettext_lazy("points", "Spent")
    RETURN = "return", _("Given back after a refund")
    CLAWBACK = "clawback", _("Taken back after a refund")
    SETTLE = "settle", _("Debt settled")
    EXPIRE = "expire", _("Expired")
    ADJUST = "adjust", _("Adjusted by hand")
    TRANSFER_OUT = "transfer_out", _("Given to another member")
    TRANSFER_IN = "transfer_in", _("Received from another member")
    MERGE_OUT = "merge_out", _("Carried to the merged customer")
    MERGE_IN = "merge_in", _("Carried from the merged customer")


class Entry(models.Model):
    """One change of an account. Append-only: the database itself refuses UPDATE and DELETE (L1)."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(_("kind"), max_length=12, choices=EntryKind.choices)
    available = models.BigIntegerField(_("available"), default=0)
    pending = models.BigIntegerField(_("pending"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    debt = models.BigIntegerField(_("debt"), default=0)
    hold_id = models.UUIDField(null=True)
    order = models.ForeignKey("crm.Order", models.PROTECT, null=True, related_name="+", db_index=False)
    reference = models.CharField(
        _("reference"), max_length=200, blank=True, default="", help_text=_("The member reads it.")
    )
    note = models.CharField(
        _("note"), max_length=400, blank=True, default="", db_default="", help_text=_("For staff: no member reads it.")
    )
    reason = models.CharField(_("reason"), max_length=40, blank=True, default="")
    actor = models.CharField(max_length=80, default="system")
    occurred_at = models.DateTimeField(_("occurred at"))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        indexes = [
            models.Index(fields=["account", "-id"], name="loyalty_entry_of_account"),
            models.Index(fields=["order"], condition=models.Q(order__isnull=False), name="loyalty_entry_of_order"),
            # for the earnings of an account since a day, on leaderboards
            models.Index(
                fields=["account", "occurred_at"],
                condition=models.Q(kind__in=["earn", "clawback"]),
                name="loyalty_entry_earned",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(available=0, pending=0, held=0, debt=0), name="loyalty_entry_changes_something"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.available:+d}"


class LotSource(models.TextChoices):
    ORDER = "order", _("Order")
    ADJUSTMENT = "adjustment", _("Adjustment")
    REINSTATED = "reinstated", _("Reinstated after a refund")
    TRANSFER = "transfer", _("Transfer")
    ACTIVITY = "activity", _("Activity")
    MERGE = "merge", _("Merge of two customers")


class Lot(models.Model):
    """An earning (L2): what is left of it, from when and until when. Pending until `confirmed_at` is set (L4)."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="lots", db_index=False)
    source = models.CharField(_("source"), max_length=12, choices=LotSource.choices)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey("crm.Order", models.PROTECT, null=True, related_name="+", db_index=False)
    points = models.BigIntegerField(_("points"))
    remaining = models.BigIntegerField(pgettext_lazy("points", "left"))
    # Indexes use this column, not `remaining`, which every spending changes: an update that touches no index is cheap.
    open = models.GeneratedField(
        expression=models.ExpressionWrapper(models.Q(remaining__gt=0), output_field=models.BooleanField()),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    held = models.BigIntegerField(_("held"), default=0)
    expired = models.BigIntegerField(_("expired"), default=0)
    available_from = models.DateTimeField(_("available from"))
    confirmed_at = models.DateTimeField(_("became available"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        constraints = [
            models.CheckConstraint(condition=models.Q(points__gt=0), name="loyalty_lot_has_points"),
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0, held__gte=0, expired__gte=0), name="loyalty_lot_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(points__gte=models.F("remaining") + models.F("held") + models.F("expired")),
                name="loyalty_lot_never_more_than_earned",
            ),
        ]
        indexes = [
            # for the spendable lots: soonest expiry first, never-expiring last
            models.Index(
                models.F("account"),
                models.F("expires_at").asc(nulls_last=True),
                models.F("id"),
                condition=models.Q(open=True),
                name="loyalty_lot_spendable",
            ),
            models.Index(
                fields=["available_from"],
                condition=models.Q(confirmed_at=None, open=True),
                name="loyalty_lot_to_confirm",
            ),
            models.Index(fields=["expires_at"], condition=models.Q(open=True), name="loyalty_lot_to_expire"),
            models.Index(fields=["order"], condition=models.Q(order__isnull=False), name="loyalty_lot_of_order"),
        ]

    def __str__(self) -> str:
        return f"{self.remaining}/{self.points}"


class Allocation(models.Model):
    """The part of a lot that a spend used, and how much of it came back (L2, L5)."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="allocations", db_index=False)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="allocations", db_index=False)
    points = models.BigIntegerField(_("points"))
    returned = models.BigIntegerField(_("returned"), default=0)

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points__gt=0, returned__gte=0, returned__lte=models.F("points")),
                name="loyalty_allocation_returns_at_most_itself",
            )
        ]
        indexes = [models.Index(fields=["entry"], name="loyalty_allocation_of_entry")]

    def __str__(self) -> str:
        return f"{self.points} of lot {self.lot_id}"


class HoldState(models.TextChoices):
    HELD = "held", _("Held")
    CAPTURED = "captured", pgettext_lazy("points", "Spent")
    RELEASED = "released", pgettext_lazy("hold", "Released")
    EXPIRED = "expired", _("Ran out")


class Hold(models.Model):
    """Points set aside for a purchase (L8), with exactly one final state.

    A one-step redemption is created as captured.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    account = models.ForeignKey(Account, models.PROTECT, related_name="holds", db_index=False)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+", db_index=False)
    points = models.BigIntegerField(_("points"))
    captured = models.BigIntegerField(_("spent"), default=0)
    returned = models.BigIntegerField(_("given back"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=HoldState.choices, default=HoldState.HELD)
    reference = models.CharField(_("reference"), max_length=200, blank=True, default="")
    expires_at = models.DateTimeField(_("lives until"))
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.CheckConstraint(condition=models.Q(points__gt=0), name="loyalty_hold_has_points"),
            models.CheckConstraint(
                condition=models.Q(captured__gte=0, captured__lte=models.F("points"), returned__gte=0)
                & models.Q(returned__lte=models.F("captured")),
                name="loyalty_hold_captures_at_most_itself",
            ),
            models.CheckConstraint(
                condition=models.Q(state="held", ended_at=None)
                | (~models.Q(state="held") & models.Q(ended_at__isnull=False)),
                name="loyalty_hold_ends_once",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(state="held"), name="loyalty_hold_to_sweep"),
            models.Index(fields=["account", "-created_at"], name="loyalty_hold_of_account"),
            models.Index(fields=["reference"], condition=~models.Q(reference=""), name="loyalty_hold_by_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.points} {self.state}"


class ExpiryNotice(models.Model):
    """Points of an account whose last day was announced, once for each such day."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="+", db_index=False)
    expires_on = models.DateField(_("last day"))
    points = models.BigIntegerField(_("points"))
    told_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("expiry notice")
        verbose_name_plural = _("expiry notices")
        constraints = [
            models.UniqueConstraint(fields=["account", "expires_on"], name="loyalty_expirynotice_once_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.points} until {self.expires_on}"


class PointsSnapshot(models.Model):
    """One night's figures of a program. `months` are [{month, earned, spent, expired, up, down}], the oldest first."""

    program = models.ForeignKey("loyalty.Program", models.PROTECT, related_name="snapshots", db_index=False)
    day = models.DateField(_("day"))
    points = models.BigIntegerField(_("points"))
    breakage = models.BigIntegerField(
        _("expected breakage"), null=True, help_text="Expected by chain-ladder; empty before six months."
    )
    months = models.JSONField(default=list)
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("points snapshot")
        verbose_name_plural = _("points snapshots")
        constraints = [models.UniqueConstraint(fields=["program", "day"], name="loyalty_pointssnapshot_once_a_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.points}"


class Reconciliation(models.Model):
    """One proof of the whole ledger (L11)."""

    ran_at = models.DateTimeField(db_default=Now())
    account_count = models.BigIntegerField(_("accounts"))
    difference_count = models.BigIntegerField(_("accounts that differ"))
    differences = models.JSONField(default=list)
    seconds = models.FloatField(_("seconds"))

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        indexes = [models.Index(fields=["-ran_at"], name="loyalty_reconciliation_recent")]

    def __str__(self) -> str:
        return f"{self.ran_at}: {self.difference_count}"
