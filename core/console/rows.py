"""Rows that pages of several subjects show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class CountedLink:
    """A number of rows, and the page that lists them. `tone`: good, warn, bad or ""."""

    label: str | Promise
    count: int
    url: str
    tone: str = ""


@dataclass(frozen=True)
class TabLink:
    """A tab above a list; `code` names it in the address."""

    code: str
    label: str | Promise
    url: str = ""


@dataclass(frozen=True)
class ChoiceFilter:
    """A select above a list: its parameter, its label, its options as (value, text), and the chosen value."""

    name: str
    label: str | Promise
    choices: Sequence[tuple[str, str | Promise]]
    chosen: str
