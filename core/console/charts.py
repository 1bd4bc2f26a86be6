"""Charts of the console. A chart is a table that is also drawn: the same numbers to view, to read and to download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise


@dataclass(frozen=True)
class Series:
    """One series of a chart. `values` has a number for each label; `below` draws them downwards, as losses.

    `faint`: a limit of the series before it, drawn thin and dashed in the same colour and left out of the legend.
    `second_axis` draws the series by an axis of its own on the right, because its numbers are of another size.
    """

    label: str | Promise
    values: Sequence[int | float]
    below: bool = False
    tone: Literal["", "good", "bad", "warn", "off"] = ""
    faint: bool = False
    second_axis: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart. `code` is the name of the downloaded file, `axis` the heading of the labels."""

    code: str
    title: str | Promise
    axis: str | Promise
    labels: Sequence[str]
    series: Sequence[Series]
    kind: Literal["bar", "line"] = "bar"

    @property
    def rows(self) -> list[tuple[str, list[int | float]]]:
        return [(label, [one.values[place] for one in self.series]) for place, label in enumerate(self.labels)]

    @property
    def empty(self) -> bool:
        return not any(value for one in self.series for value in one.values)
