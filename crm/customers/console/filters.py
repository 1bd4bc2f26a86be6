"""Template filters that show the codes of orders and customers as labels."""

from __future__ import annotations

from django import template

from crm.customers import labels

register = template.Library()
register.filter("source_label", labels.source_label)
register.filter("method_label", labels.method_label)


@register.filter
def origin(order) -> str:
    """Return the labels of the system that an order came from and of its sales channel."""
    return labels.origin_label(order.source, order.channel)
