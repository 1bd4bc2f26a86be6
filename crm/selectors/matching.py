"""Customers by the words and filters of the list, for work that goes on after the page has answered.

The list's filters belong to the console and to the apps above; it registers here how to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db.models import QuerySet

from core.registry import Registry
from crm.models import Customer

MATCHING: Registry[Callable[[Mapping[str, str]], QuerySet[Customer]]] = Registry("reading of a list's filters")


def matching(filters: Mapping[str, str]) -> QuerySet[Customer]:
    """Active customers that these filters name, whoever asks: what someone may filter by is decided before."""
    return MATCHING["customers"](filters)
