"""What forms of the console have in common."""

from __future__ import annotations


def look_again(action: str, target: str) -> dict[str, str]:
    """Attributes of a field on which others depend: its change asks for the part of the form that `target` names.

    Without a script the button of `components/look_again.html` asks for the whole page.
    """
    return {
        "hx-post": action,
        "hx-trigger": "change",
        "hx-target": target,
        "hx-swap": "outerHTML",
        "hx-vals": '{"do": "look"}',
    }
