"""Registries of messages for the campaigns that send them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from core.base.registry import Registry

# By the first part of a message's origin (`care:7` -> care): a function that takes ids of such campaigns and returns
# {id: id of the coupon whose code each message brings}.
CAMPAIGN_COUPONS: Registry[Callable[[Collection[int]], dict[int, int]]] = Registry("coupons of campaigns")
