"""Actions that upper subjects add to the page of a segment, such as a broadcast to its members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from analytics.segments.models import Segment
from core.base.registry import Registry


@dataclass(frozen=True)
class SegmentAction:
    """A link on the page of an active segment."""

    label: str | Promise
    icon: str
    url: Callable[[Segment], str]
    permission: str


SEGMENT_ACTIONS: Registry[SegmentAction] = Registry("action of a segment")
