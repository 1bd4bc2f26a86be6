"""Helpers for the forms of the console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class FilterChoice:
    """A filter of a list for `components/filter_choices.html`: its (value, label) pairs and the chosen value."""

    name: str
    label: str | Promise
    choices: Sequence[tuple[str, str | Promise]]
    value: str


def look_again(action: str, target: str) -> dict[str, str]:
    """Return the attributes of a field on which other fields depend: a change reloads the part of the form at `target`.

    Without JavaScript, the button of `components/look_again.html` reloads the whole page.
    """
    return {
        "hx-post": action,
        "hx-trigger": "change",
        "hx-target": target,
        "hx-swap": "outerHTML",
        "hx-vals": '{"do": "look"}',
    }
