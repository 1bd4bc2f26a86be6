"""Names of background work in a reader's words: handlers of events, jobs, and sweeps. Each app registers its own:

name_work({"loyalty.award_points": _("Award points for orders")})
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise

from core.base.registry import Registry

NAMES: Registry[str | Promise] = Registry("name of background work")


def name_work(names: Mapping[str, str | Promise]) -> None:
    for code, label in names.items():
        NAMES.register(code, label)


def work_label(code: str) -> str:
    """Return the name of the work. Without a registered one, e.g. of an older release, return the words of its code."""
    if code in NAMES:
        return str(NAMES[code])
    return code.rpartition(".")[2].replace("_", " ").capitalize()
