"""List the variables of templates for the editor: path, label and example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

Variable = tuple[str, str | Promise]
GROUPS: list[tuple[str | Promise, list[Variable]]] = [
    (
        _("Customer"),
        [
            ("customer.name", _("Name")),
            ("customer.first_name", _("First name")),
            ("customer.number", _("Customer number")),
            ("customer.order_count", _("Paid orders")),
            ("customer.spent", _("Net spend")),
            ("customer.last_order_at | date: '%Y-%m-%d'", _("Last order")),
        ],
    ),
    (
        _("Membership"),
        [
            ("member.points", _("Points available")),
            ("member.points_pending", _("Points pending")),
            ("member.tier", _("Tier")),
        ],
    ),
    (
        _("Coupon"),
        [
            ("coupon.code", _("Code")),
            ("coupon.value", _("Value")),
            ("coupon.terms", _("Terms for customers, as a sentence")),
            ("coupon.minimum_spend", _("Minimum spend")),
            ("coupon.expires", _("Valid until")),
            ("coupon.name", pgettext_lazy("thing", "Name")),
        ],
    ),
    (
        _("Order (days after a purchase)"),
        [
            ("order.number", _("Order number")),
            ("order.total", _("Total")),
            ("order.placed_at | date: '%Y-%m-%d'", _("Placed at")),
            ("order.items.first.name", _("First article")),
            ("order.items.first.price", _("Price of one piece")),
            ("order.items.first.url", _("Page of the product; empty if unknown")),
        ],
    ),
    (
        _("Event (journeys that customers enter by activity, such as adding to the cart)"),
        [
            ("event.at | date: '%Y-%m-%d'", _("Date of the event")),
            ("event.items.first.name", _("First product")),
            ("event.items.first.price", _("Price of one piece")),
            ("event.items.first.url", _("Page of the product; empty if unknown")),
        ],
    ),
    (_("Segment (entered a segment)"), [("segment.name", pgettext_lazy("thing", "Name"))]),
    (_("Recommendations"), [("recommendations.title", _("Reason for these products"))]),
    (
        _("Shop"),
        [
            ("shop.name", pgettext_lazy("thing", "Name")),
            ("shop.url", _("Address")),
            ("shop.address", _("Postal address")),
            ("shop.logo", _("Logo")),
        ],
    ),
    (_("Links"), [("links.unsubscribe", _("Unsubscribe")), ("links.preferences", _("Preferences"))]),
]
PIECES: list[tuple[str, str | Promise]] = [
    ("{{ customer.first_name | default: 'friend' }}", _("With a default for an empty value")),
    ("{% if coupon.code %} … {% endif %}", _("Only when there is a coupon")),
    ("{% if member.points > 0 %} … {% endif %}", _("Only with points")),
    ("{% for item in order.items %}{{ item.name }} {% endfor %}", _("Each article of the order")),
    ("{% for item in event.items %}{{ item.name }} {{ item.price }} {% endfor %}", _("Each product of the event")),
]
# Ready-made parts of an e-mail. Each is empty when it has no data.
BLOCKS: list[tuple[str, str | Promise]] = [
    (
        """{% if recommendations.items %}
<h3>{{ recommendations.title }}</h3>
<table width="100%" cellpadding="8">
{% for product in recommendations.items %}<tr><td>{{ product.name }}</td><td align="right">{{ product.price }}</td></tr>
{% endfor %}</table>
{% endif %}
""",
        _("Product recommendations"),
    ),
    (
        """{% if event.items.size > 0 %}
<table width="100%" cellpadding="8">
{% for item in event.items limit: 5 %}<tr>
<td>{% if item.url != "" %}<a href="{{ item.url }}">{{ item.name }}</a>{% else %}{{ item.name }}{% endif %}</td>
<td align="right">{{ item.price }}</td></tr>
{% endfor %}</table>
{% endif %}
""",
        _("Products of the event"),
    ),
    (
        """{% if coupon.code %}
<p style="border:1px solid #d0d5dd;border-radius:8px;padding:16px;text-align:center">
{{ coupon.name }} · {{ coupon.value }}<br><strong style="font-size:20px">{{ coupon.code }}</strong><br>\
{{ coupon.expires }}
</p>
{% endif %}
""",
        _("Coupon"),
    ),
    (
        """{% if member.is_member %}
<p style="background-color:#f2f4f7;border-radius:8px;padding:16px">{{ member.tier }} · \
<strong>{{ member.points }}</strong></p>
{% endif %}
""",
        _("Points balance"),
    ),
]


@dataclass(frozen=True)
class OfferedVariable:
    code: str
    label: str | Promise
    example: str


def offered(sample: dict[str, Any]) -> Iterator[tuple[str | Promise, list[OfferedVariable]]]:
    """Yield the groups with their variables."""
    for group, items in GROUPS:
        yield group, [OfferedVariable(f"{{{{ {path} }}}}", label, _example(sample, path)) for path, label in items]


def _example(sample: dict[str, Any], path: str) -> str:
    value: Any = sample
    for part in path.partition(" ")[0].split("."):
        if part == "first" and isinstance(value, list):
            value = value[0] if value else ""
        else:
            value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)[:10] if path.endswith("d'") else str(value)
