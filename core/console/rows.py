"""Rows that pages of several subjects show."""

from __future__ import annotations

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
