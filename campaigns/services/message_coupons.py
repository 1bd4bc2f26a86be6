"""Issue coupons of messages: a code for each customer when the message is rendered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from campaigns.models import CareRule, Coupon
from campaigns.services.coupon_codes import issue_to_many

Issued = dict[UUID, tuple[Any, Any]]


def issue_for(rows: Sequence[dict[str, Any]]) -> Issued:
    """Return (coupon, code) by message; idempotent, one code per message.

    The coupon is the care rule's, or the one that the message's context names as `coupon_id`.
    """
    rules = {row["origin"]: int(row["origin"][5:]) for row in rows if row["origin"].startswith("care:")}
    of_rule = {
        f"care:{pk}": coupon
        for pk, coupon in CareRule.objects.filter(pk__in=rules.values(), coupon__isnull=False).values_list(
            "pk", "coupon"
        )
    }
    rows_by_coupon: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        pk = row["context"].get("coupon_id") or of_rule.get(row["origin"])
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
