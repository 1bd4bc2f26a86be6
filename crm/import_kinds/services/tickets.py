"""Import of tickets of another system: one row per message; the rows of one ticket share its number."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.customers import events
from crm.customers.models import Customer
from crm.desk.services import carry_over_message
from crm.imports.rules.mapping import ImportField, who
from crm.imports.services.context import Context
from crm.imports.services.rows import RowImport

FIELDS = (
    ImportField(
        "number", limit=36, required=True, aliases="ticket ticketid ticketnumber id case caseid 工单号 工单编号"
    ),
    *who(),
    ImportField("subject", limit=200, required=True, aliases="title summary topic 主题 标题 betreff"),
    ImportField("state", "ticket_state", aliases="status ticketstatus 状态 工单状态"),
    ImportField("opened_at", "time", required=True, aliases="created createdat opened date 创建时间 erstelltam"),
    ImportField(
        "text", limit=10000, required=True, aliases="message body content description comment 内容 消息 nachricht"
    ),
    ImportField("author", "author", aliases="from sender by authorrole 发送方 发送人"),
    ImportField("internal", "boolean", aliases="private internalnote 内部备注"),
    ImportField("sent_at", "time", aliases="messagedate messagetime sent repliedat 消息时间 回复时间"),
)
LABELS = {
    "number": _("Number in the old system"),
    "subject": _("Subject"),
    "opened_at": _("Opened at"),
    "text": _("Message"),
    "author": _("Customer or staff"),
    "internal": _("Internal note"),
    "sent_at": _("Sent at"),
}


class Tickets(RowImport):
    """Import of past tickets. It sends nothing and starts no waiting time; the last state of a ticket's rows counts."""

    order = "coalesce(sent_at, opened_at), row_number"

    def take(self, context: Context, row: dict[str, Any]) -> bool:
        """Import one message with its ticket. Return whether it was new. Raises Invalid."""
        return carry_over_message(
            customer=Customer.objects.get(pk=row["customer"]),
            reference=f"{context.source}:{row['number']}",
            subject=row["subject"],
            status=row["state"] or "closed",
            opened_at=row["opened_at"],
            text=row["text"],
            from_customer=(row["author"] or "customer") == "customer",
            internal=bool(row["internal"]),
            sent_at=row["sent_at"] or row["opened_at"],
        )

    def finish(self, context: Context) -> None:
        """Announce the customers that the import changed."""
        self.announce(context, events.CUSTOMERS_CHANGED)
