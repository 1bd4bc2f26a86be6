"""Words for the ledger as a member reads it.

Kinds are in words, and references that are internal to the product or the staff are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from loyalty.ledger.labels import reference_words
from loyalty.ledger.models import Account, Entry, EntryKind

KINDS = {
    EntryKind.EARN: _("Earned"),
    EntryKind.CONFIRM: _("Became available"),
    EntryKind.HOLD: _("Set aside for a purchase"),
    EntryKind.CAPTURE: pgettext_lazy("points", "Spent"),
    EntryKind.RELEASE: _("Available again"),
    EntryKind.REDEEM: pgettext_lazy("points", "Spent"),
    EntryKind.RETURN: _("Given back after a refund"),
    EntryKind.CLAWBACK: _("Taken back after a refund"),
    EntryKind.SETTLE: _("Debt settled"),
    EntryKind.EXPIRE: _("Expired"),
    EntryKind.ADJUST: _("Adjustment"),
    EntryKind.TRANSFER_OUT: _("Given to another member"),
    EntryKind.TRANSFER_IN: _("Received from another member"),
    EntryKind.MERGE_OUT: _("Carried over"),
    EntryKind.MERGE_IN: _("Carried over"),
}
# For these kinds the reference is an order or payment number, or a text that staff wrote for the member. For other
# kinds it is an internal key, and only its words are shown.
SHOPS_OWN = {
    EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE, EntryKind.REDEEM, EntryKind.RETURN, EntryKind.CLAWBACK,
    EntryKind.ADJUST,
}  # fmt: skip
PRODUCTS_OWN = ("task:", "reward:", "birthday:")


def public_reference(entry: Entry) -> str:
    if entry.order is not None:
        return entry.order.number
    words = reference_words(entry.reference)
    if words != entry.reference:
        return words
    return words if entry.kind in SHOPS_OWN and not words.startswith(PRODUCTS_OWN) else ""


def history(account: Account, entries: Sequence[Entry]) -> list[dict]:
    """Return the entries of one page, newest first, as their member reads them, each with the balance after it.

    The page's first balance is one sum over the older entries; the others follow from it.
    """
    if not entries:
        return []
    older = Entry.objects.filter(account=account, pk__lte=entries[0].pk)
    sums = older.aggregate(available=Sum("available"), held=Sum("held"))
    balance = sums["available"] + sums["held"]
    rows = []
    for entry in entries:
        rows.append(
            {
                "id": entry.pk,
                "kind": entry.kind,
                "text": KINDS[EntryKind(entry.kind)],
                "available": entry.available,
                "pending": entry.pending,
                "held": entry.held,
                "debt": entry.debt,
                "balance": balance,
                "reference": public_reference(entry),
                "occurred_at": entry.occurred_at,
            }
        )
        balance -= entry.available + entry.held
    return rows
