"""Feature columns of upper apps: an app registers a query, and analytics joins it.

    FEATURE_SOURCES.register("campaigns.engagement", FeatureSource(("messages_90", "opened_90"), SQL))

The query yields customer_id and the named columns and may use %(as_of)s. It contains the text {scope} at the place of
the condition that limits it to some customers (`customer_id IN (...)`, `IS NOT NULL` or a range).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.registry import Registry


@dataclass(frozen=True)
class FeatureSource:
    columns: tuple[str, ...]
    query: str


FEATURE_SOURCES: Registry[FeatureSource] = Registry("feature source")
