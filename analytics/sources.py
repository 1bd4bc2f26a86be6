"""Feature columns that an upper app knows: it registers a query, analytics joins it.

    FEATURE_SOURCES.register("campaigns.engagement", FeatureSource(("messages_90", "opened_90"), SQL))

The query yields customer_id and the named columns, may use %(as_of)s, and holds the text {scope} where the condition
that limits it to some customers goes (`customer_id IN (...)`, `IS NOT NULL` or a range).
"""

from __future__ import annotations

from dataclasses import dataclass

from core.registry import Registry


@dataclass(frozen=True)
class FeatureSource:
    columns: tuple[str, ...]
    query: str


FEATURE_SOURCES: Registry[FeatureSource] = Registry("feature source")
