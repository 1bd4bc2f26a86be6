"""Order states as shop systems name them, in one table. To add a word, add one line.

Case, spaces, hyphens and underscores are ignored, and so is the prefix `wc-` of WooCommerce. A state is one letter, so
that the greatest of several states is the furthest one.
"""

from __future__ import annotations

import re

PLACED, PAID, SENT, PARTLY_REFUNDED, REFUNDED, CANCELLED = "abcdef"
WORDS = {
    # Ordered, not paid
    "placed": PLACED,
    "pending": PLACED,
    "pending payment": PLACED,
    "payment review": PLACED,
    "awaiting payment": PLACED,
    "unpaid": PLACED,
    "open": PLACED,
    "new": PLACED,
    "created": PLACED,
    "draft": PLACED,
    "checkout draft": PLACED,
    "authorized": PLACED,
    "authorised": PLACED,
    "on hold": PLACED,
    "holded": PLACED,
    "offen": PLACED,
    "zahlung ausstehend": PLACED,
    "in wartestellung": PLACED,
    "待付款": PLACED,
    "未付款": PLACED,
    "待支付": PLACED,
    "等待付款": PLACED,
    "等待买家付款": PLACED,
    "已下单": PLACED,
    # Paid
    "paid": PAID,
    "partially paid": PAID,
    "captured": PAID,
    "processing": PAID,
    "in process": PAID,
    "ready to ship": PAID,
    "awaiting shipment": PAID,
    "awaiting fulfillment": PAID,
    "unfulfilled": PAID,
    "bezahlt": PAID,
    "in bearbeitung": PAID,
    "已支付": PAID,
    "已付款": PAID,
    "待发货": PAID,
    "等待发货": PAID,
    "等待出库": PAID,
    "买家已付款": PAID,
    "买家已付款,等待卖家发货": PAID,
    "买家已付款，等待卖家发货": PAID,
    "等待卖家发货": PAID,
    "待成团": PAID,
    "退款中": PAID,
    # Sent, delivered or done: paid for as well
    "sent": SENT,
    "shipped": SENT,
    "partially shipped": SENT,
    "fulfilled": SENT,
    "partially fulfilled": SENT,
    "partial": SENT,
    "delivered": SENT,
    "completed": SENT,
    "complete": SENT,
    "closed": SENT,
    "archived": SENT,
    "versendet": SENT,
    "versandt": SENT,
    "geliefert": SENT,
    "abgeschlossen": SENT,
    "fertiggestellt": SENT,
    "已发货": SENT,
    "卖家已发货": SENT,
    "卖家已发货,等待买家确认": SENT,
    "卖家已发货，等待买家确认": SENT,
    "部分发货": SENT,
    "待收货": SENT,
    "等待确认收货": SENT,
    "已签收": SENT,
    "已完成": SENT,
    "完成": SENT,
    "交易成功": SENT,
    "交易完成": SENT,
    # Money given back
    "partially refunded": PARTLY_REFUNDED,
    "partly refunded": PARTLY_REFUNDED,
    "partial refund": PARTLY_REFUNDED,
    "teilweise erstattet": PARTLY_REFUNDED,
    "部分退款": PARTLY_REFUNDED,
    "refunded": REFUNDED,
    "fully refunded": REFUNDED,
    "returned": REFUNDED,
    "chargeback": REFUNDED,
    "erstattet": REFUNDED,
    "rückerstattet": REFUNDED,
    "已退款": REFUNDED,
    "全额退款": REFUNDED,
    "退款成功": REFUNDED,
    "退款完成": REFUNDED,
    # Off
    "cancelled": CANCELLED,
    "canceled": CANCELLED,
    "void": CANCELLED,
    "voided": CANCELLED,
    "failed": CANCELLED,
    "expired": CANCELLED,
    "declined": CANCELLED,
    "fraud": CANCELLED,
    "trash": CANCELLED,
    "storniert": CANCELLED,
    "fehlgeschlagen": CANCELLED,
    "已取消": CANCELLED,
    "取消": CANCELLED,
    "已关闭": CANCELLED,
    "交易关闭": CANCELLED,
    "交易取消": CANCELLED,
    "锁定": CANCELLED,
}


def folded(word: str) -> str:
    """Return the word in the form that is compared: lower case, without separators and WooCommerce's `wc-`."""
    return re.sub(r"[\s_\-]+", "", word.casefold().removeprefix("wc-"))


STATES = {folded(word): state for word, state in WORDS.items()}
