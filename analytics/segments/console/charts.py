"""Small charts as plain SVG, which need no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PADDING = 2


@dataclass(frozen=True)
class Sparkline:
    """A polyline of `points` within width x height; `first` and `last` are for its text alternative."""

    points: str
    width: int
    height: int
    first: int
    last: int


def sparkline(values: Sequence[int], width: int = 96, height: int = 24) -> Sparkline | None:
    """Return a line through the values, oldest first, or None when there are fewer than two."""
    if len(values) < 2:
        return None
    low, span = min(values), max(values) - min(values)
    inner_width, inner_height = width - 2 * PADDING, height - 2 * PADDING
    points = [
        (
            PADDING + inner_width * index / (len(values) - 1),
            PADDING + inner_height * (1 - (value - low) / span if span else 0.5),
        )
        for index, value in enumerate(values)
    ]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Sparkline(text, width, height, values[0], values[-1])
