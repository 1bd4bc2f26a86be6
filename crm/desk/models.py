"""Models of the service desk."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import audited


class TicketStatus(models.TextChoices):
    OPEN = "open", _("Open")
    PENDING = "pending", _("Waiting for customer")
    RESOLVED = "resolved", _("Resolved")
    CLOSED = "closed", _("Closed")


class TicketPriority(models.IntegerChoices):
    LOW = 1, _("Low")
    NORMAL = 2, _("Normal")
    HIGH = 3, _("High")
    URGENT = 4, _("Urgent")


class TicketOrigin(models.TextChoices):
    STAFF = "staff", _("Staff")
    API = "api", _("Storefront")
    REPLY = "reply", _("Reply to a message")
    IMPORT = "import", _("Import")


class TicketQuerySet(models.QuerySet["Ticket"]):
    def unresolved(self) -> Self:
        return self.filter(status__in=[TicketStatus.OPEN, TicketStatus.PENDING])


@audited
class Ticket(models.Model):
    """A conversation with a customer that staff must resolve."""

    number = models.CharField(
        _("ticket number"),
        max_length=20,
        unique=True,
        db_default=models.Func(function="crm_next_ticket_number", output_field=models.CharField()),
    )
    customer = models.ForeignKey("crm.Customer", models.PROTECT, related_name="tickets", db_index=False)
    subject = models.CharField(_("subject"), max_length=200)
    status = models.CharField(_("status"), max_length=8, choices=TicketStatus.choices, default=TicketStatus.OPEN)
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=TicketPriority.choices, default=TicketPriority.NORMAL
    )
    origin = models.CharField(_("origin"), max_length=8, choices=TicketOrigin.choices, default=TicketOrigin.STAFF)
    origin_ref = models.CharField(max_length=80, blank=True, default="")
    internal = models.BooleanField(
        _("internal"),
        default=False,
        db_default=False,
        help_text=_("A task for staff: the customer does not see it and is not asked to rate it."),
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="assigned_tickets"
    )
    order = models.ForeignKey("crm.Order", models.PROTECT, null=True, blank=True, related_name="tickets")
    created_at = models.DateTimeField(_("opened"), db_default=Now())
    updated_at = models.DateTimeField(_("last activity"), db_default=Now())
    waiting_since = models.DateTimeField(
        _("waiting since"),
        db_default=Now(),
        help_text=_("Open: the customer's first message without an answer. Waiting for customer: our last answer."),
    )
    resolved_at = models.DateTimeField(_("resolved"), null=True)
    resolution_count = models.PositiveSmallIntegerField(default=0)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        indexes = [
            models.Index(fields=["customer", "-created_at"], name="crm_ticket_of_customer"),
            models.Index(fields=["status", "-priority", "waiting_since"], name="crm_ticket_queue"),
            # the archive, newest first
            models.Index(
                fields=["-updated_at", "-id"],
                condition=models.Q(status__in=["resolved", "closed"]),
                name="crm_ticket_archive",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["origin_ref"], condition=models.Q(origin="import"), name="crm_ticket_imported_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.subject}"

    @property
    def public_messages(self) -> "models.QuerySet[TicketMessage]":
        """Return the messages that the customer may read, oldest first."""
        return self.messages.filter(internal=False).order_by("created_at", "pk")


class MessageAuthor(models.TextChoices):
    STAFF = "staff", _("Staff")
    CUSTOMER = "customer", _("Customer")
    SYSTEM = "system", _("System")


class ReplyDelivery(models.TextChoices):
    """The progress of a reply to the customer. After the hand-over, the app that sends it knows the rest."""

    NONE = "", _("Not sent")
    QUEUED = "queued", _("Queued")
    HANDED = "handed", _("Handed over")
    UNREACHABLE = "unreachable", _("No channel reaches this customer")


class TicketMessage(models.Model):
    """A public reply or an internal note; internal notes never leave the console.

    Public messages by staff are sent to the customer and have a `delivery`.
    """

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages", db_index=False)
    author_kind = models.CharField(max_length=8, choices=MessageAuthor.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    text = models.TextField(_("text"), max_length=10000)
    internal = models.BooleanField(_("internal note"), default=False)
    delivery = models.CharField(
        _("delivery"),
        max_length=11,
        choices=ReplyDelivery.choices,
        default=ReplyDelivery.NONE,
        blank=True,
        db_default="",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("ticket message")
        verbose_name_plural = _("ticket messages")
        indexes = [models.Index(fields=["ticket", "created_at"], name="crm_ticketmessage_thread")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(internal=False) | models.Q(author_kind__in=["staff", "system"]),
                name="crm_ticketmessage_customers_write_publicly",
            )
        ]

    def __str__(self) -> str:
        return self.text[:60]


class TicketDraft(models.Model):
    """The unsent text of one member of staff in a ticket."""

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="drafts", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    text = models.TextField(_("text"), max_length=10000)
    saved_at = models.DateTimeField(_("saved"), db_default=Now())

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "ticket"], name="crm_ticketdraft_one_each")]
        indexes = [models.Index(fields=["ticket"], name="crm_ticketdraft_of_ticket")]

    def __str__(self) -> str:
        return self.text[:60]


class TicketRating(models.Model):
    """The customer's satisfaction answer after a resolution, one per resolution (D2)."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="ratings", db_index=False)
    resolution = models.PositiveSmallIntegerField()
    score = models.PositiveSmallIntegerField(_("score"))
    comment = models.TextField(_("comment"), max_length=2000, blank=True, default="")
    answered_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("satisfaction answer")
        verbose_name_plural = _("satisfaction answers")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "resolution"], name="crm_ticketrating_once_per_resolution"),
            models.CheckConstraint(condition=models.Q(score__gte=1, score__lte=5), name="crm_ticketrating_one_to_five"),
        ]

    def __str__(self) -> str:
        return f"{self.score}/5"
