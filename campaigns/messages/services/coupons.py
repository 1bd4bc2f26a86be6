"""Issue coupons of messages: a code for each customer when the message is rendered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from campaigns.coupons.models import Coupon
from campaigns.coupons.services.codes import issue_to_many
from campaigns.messages.registry import CAMPAIGN_COUPONS

Issued = dict[UUID, tuple[Any, Any]]


def issue_for(rows: Sequence[dict[str, Any]]) -> Issued:
    """Return (coupon, code) by message; idempotent, one code per message.

    The coupon is the care rule's, or the one that the message's context names as `coupon_id`.
    """
    campaigns: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        kind, _colon, number = row["origin"].partition(":")
        if kind in CAMPAIGN_COUPONS:
            campaigns[kind].add(int(number))
    coupons = {
        f"{kind}:{pk}": coupon for kind, ids in campaigns.items() for pk, coupon in CAMPAIGN_COUPONS[kind](ids).items()
    }
    rows_by_coupon: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        pk = row["context"].get("coupon_id") or coupons.get(row["origin"])
        if pk:
            rows_by_coupon[pk].append(row)
    result: Issued = {}
    for coupon in Coupon.objects.filter(pk__in=rows_by_coupon).order_by("pk"):
        mine = rows_by_coupon[coupon.pk]
        issued = issue_to_many(
            coupon=coupon, wanted=[(row["customer_id"], f"message:{row['id']}") for row in mine], count=False
        )
        for row in mine:
            result[row["id"]] = (coupon, issued[row["customer_id"], f"message:{row['id']}"])
    return result


def counts_of(issued: Issued) -> dict[int, int]:
    """Return how many of the codes are new, by coupon."""
    counts: dict[int, int] = {}
    for coupon, code in issued.values():
        if getattr(code, "is_new", False):
            counts[coupon.pk] = counts.get(coupon.pk, 0) + 1
    return counts
