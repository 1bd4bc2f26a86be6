"""Registry of channels that can reach a customer. An upper app registers them; analytics stores them per customer.

    REACH.register("email", Reach(_("E-mail"), SQL))

The condition says whether a marketing message may go to `who`, by lasting facts: consent, suppression, address. Quiet
hours and frequency caps are temporary and left out. `who` has customer_id and three lists, each of which may be NULL:
the channels with marketing consent (`agreed`) and without (`refused`), and the kinds of `addresses`. An event that
changes these facts must mark the customer as changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

from core.base.registry import Registry


@dataclass(frozen=True)
class Reach:
    label: str | Promise
    condition: str


REACH: Registry[Reach] = Registry("way to reach a customer")


@dataclass(frozen=True)
class FeatureSource:
    columns: tuple[str, ...]
    query: str


FEATURE_SOURCES: Registry[FeatureSource] = Registry("feature source")
