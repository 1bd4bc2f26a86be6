"""Models of points that people give: adjustments by hand (L12), limits and daily budgets (L13), transfers."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.audit import audited
from core.roles import LABELS, Role


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
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by")
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
        verbose_name = _("limit of giving by hand")
        verbose_name_plural = _("limits of giving by hand")
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
