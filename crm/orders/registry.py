"""Registries of orders for the subjects above: what follows from a refund, for showing its effect beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from core.base.registry import Registry
from crm.orders.models import Order


@dataclass(frozen=True)
class RefundConsequence:
    """A figure that a refund changes. `apply` does at once what the subject's handler does after the commit.

    `read` returns the figure of the order's customer, or None when there is none.
    """

    label: str | Promise
    apply: Callable[[Order], object]
    read: Callable[[Order], str | None]


REFUND_CONSEQUENCES: Registry[RefundConsequence] = Registry("consequence of a refund")
