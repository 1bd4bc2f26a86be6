"""Whether the members of a segment are known."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from analytics.segments.models import Segment
from core.base.errors import Conflict


def require_computed(segment: Segment | None) -> None:
    """Raise Conflict `segment_not_computed` when the members of a segment are not known yet."""
    if segment is not None and not segment.is_current:
        text = (
            _("“%(name)s” could not be computed. Its page says why.")
            if segment.error
            else _("“%(name)s” is being computed. Try again in a minute.")
        )
        raise Conflict(
            text % {"name": segment.name},
            code="segment_not_computed",
            field="segment",
        )
