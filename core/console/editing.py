"""Build the frame of the pages that edit a rule, a broadcast, a coupon or an experiment."""

from __future__ import annotations

from typing import Any

from django.urls import reverse


def shell(thing: Any | None, *, heading: str, page: str, index: str, index_label: str) -> dict[str, str]:
    """Return the frame. `page` and `index` are the routes that editing and creating lead back to."""
    if thing is None:
        return {"title": heading, "heading": heading, "back_url": reverse(index), "back_label": index_label}
    return {
        "title": thing.name,
        "heading": heading,
        "back_url": reverse(page, args=[thing.pk]),
        "back_label": thing.name,
    }
