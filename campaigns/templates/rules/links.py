"""Replace the links in a message's HTML that are tracked."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import urlsplit

LONGEST = 1800
_HREF = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)(")', re.IGNORECASE)


def is_followed(url: str, own: tuple[str, ...] = ()) -> bool:
    """Return whether the URL is tracked: a web address outside `own` prefixes, and short enough to fit into a link."""
    if len(url) > LONGEST or url.startswith(own):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def replace(source: str, instead: Callable[[str], str], own: tuple[str, ...] = ()) -> str:
    """Return cleaned HTML with each tracked address replaced by `instead(address)`."""

    def exchange(match: re.Match[str]) -> str:
        url = html.unescape(match[2])
        return f"{match[1]}{html.escape(instead(url))}{match[3]}" if is_followed(url, own) else match[0]

    return _HREF.sub(exchange, source)
