"""Define filters for campaign pages."""

from __future__ import annotations

from django import template

from campaigns.coupons import labels as coupon_words

register = template.Library()
register.filter("worth", coupon_words.worth)
register.filter("terms", coupon_words.terms)
