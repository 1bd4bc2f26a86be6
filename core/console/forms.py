"""Helpers for the forms of the console."""

from __future__ import annotations


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
