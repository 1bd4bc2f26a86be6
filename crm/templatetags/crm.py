"""Codes of orders and customers in the viewer's words."""

from __future__ import annotations

from django import template

from crm import labels

register = template.Library()
register.filter("source_label", labels.source_label)
register.filter("method_label", labels.method_label)


@register.filter
def origin(order) -> str:
    """The system that an order came from, and the sales channel."""
    return labels.origin_label(order.source, order.channel)
