"""The name of the shop for invitations; the app that stores it registers a source."""

from __future__ import annotations

from collections.abc import Callable

from core.base.registry import Registry

SHOP_NAMES: Registry[Callable[[], str]] = Registry("name of the shop")


def shop_name() -> str:
    """Return the first name that a registered source knows, else the name of the product."""
    return next((name for source in SHOP_NAMES if (name := source())), "Liuke")
