"""Template filters that show the codes of orders and customers as labels."""

from __future__ import annotations

from typing import Protocol

from django import template

from crm.customers import labels

register = template.Library()
register.filter("source_label", labels.source_label)
register.filter("method_label", labels.method_label)


class _Sold(Protocol):
    """The codes of an order, which is of a later subject."""

    source: str
    channel: str


@register.filter
def origin(order: _Sold) -> str:
    """Return the labels of the system that an order came from and of its sales channel."""
    return labels.origin_label(order.source, order.channel)
