"""Customers by the search words and filters of the list, for work that continues after the page has answered.

The list's filters belong to the console and to the apps above, so the list registers its function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db.models import QuerySet

from core.registry import Registry
from crm.models import Customer

MATCHING: Registry[Callable[[Mapping[str, str]], QuerySet[Customer]]] = Registry("reader of list filters")


def matching(filters: Mapping[str, str]) -> QuerySet[Customer]:
    """Return the active customers that match the filters.

    Permissions are not checked here: the caller has checked them.
    """
    return MATCHING["customers"](filters)
