"""Filters of the pages about campaigns."""

from __future__ import annotations

from django import template

from campaigns import coupon_words
from campaigns.models import Coupon

register = template.Library()


@register.filter
def worth(coupon: Coupon) -> str:
    return coupon_words.worth(coupon)


@register.filter
def terms(coupon: Coupon) -> str:
    return coupon_words.terms(coupon)
