"""Limits of the texts, links and tags of a product."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

MOST_TAGS = 20
MOST_TAG_LETTERS = 40
MOST_LINK_LETTERS = 500


def link_problem(address: str) -> str:
    """Return the code of the problem of a link, or "": only http and https addresses with a host are links."""
    if not address:
        return ""
    if len(address) > MOST_LINK_LETTERS:
        return "too_long"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "not_a_link"
    is_link = parts.scheme in {"http", "https"} and bool(parts.hostname) and address.isprintable()
    return "" if is_link and " " not in address else "not_a_link"


def tags_problem(tags: Sequence[str]) -> str:
    """Return the code of the problem of a list of tags, or ""."""
    if len(tags) > MOST_TAGS:
        return "too_many_tags"
    if any(not tag.strip() or len(tag) > MOST_TAG_LETTERS or not tag.isprintable() for tag in tags):
        return "wrong_tag"
    return ""
