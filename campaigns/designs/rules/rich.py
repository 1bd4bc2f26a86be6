"""Rich text of a block: a few inline tags, links to web addresses, and Liquid that prints escaped values.

The cleaned text goes into an e-mail without another cleaning, so nothing in it may start a tag or an attribute.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

import nh3

TAGS = {"a", "b", "br", "em", "i", "li", "ol", "p", "s", "span", "strong", "u", "ul"}
_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes={"a": {"href"}, "span": {"style"}},
    filter_style_properties={"color", "font-size", "font-weight"},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
    # Paths of this site mean nothing in an e-mail.
    url_relative="deny",
)
SCHEMES = frozenset({"http", "https", "mailto", "tel"})
# Values that are web addresses wherever they occur: built by this product, or checked when they were read.
ADDRESSES = frozenset(
    {
        "shop.url",
        "links.unsubscribe",
        "links.preferences",
        "links.rating",
        "order.items.first.url",
        "event.items.first.url",
    }
)
# A tag of Liquid: the quotes of its own texts may hold its end.
_LIQUID = re.compile(r"\{\{(.*?)\}\}|\{%-?(.*?)-?%\}", re.DOTALL)
_CONDITION = re.compile(r"\s*(?:if|elsif|unless|else|endif|endunless)\b")
_ADDRESS = re.compile(r"\{\{-?\s*([a-z_.]+)\s*-?\}\}")
_HELD = re.compile("\ue000(\\d{1,4})\ue001")
# The host that stands for a held address while the text is cleaned.
_HELD_HOST = "held.invalid"
_HELD_ADDRESS = re.compile(rf"https://{re.escape(_HELD_HOST)}/(\d{{1,4}})")
_PRIVATE = re.compile("[\ue000\ue001]")
_LINK = re.compile(r'\bhref="([^"]*)"')


class NotPlain(ValueError):
    """Raise for Liquid that a block does not allow; `source` is the tag."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(source)


def clean(source: str) -> str:
    """Return the text with the allowed tags alone. Raises NotPlain.

    Liquid prints values and asks conditions. Assignments and literal texts with `<` are refused, because their text is
    printed as it is.
    """
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(liquid(html.unescape(match[0])))
        return f"\ue000{len(held) - 1}\ue001"

    plain = _PRIVATE.sub("", source).replace(_HELD_HOST, "")
    # An address may be Liquid as a whole, which the cleaner would take for a path.
    plain = _LINK.sub(lambda match: f'href="{_held_address(match[1], held)}"', plain)
    cleaned = _CLEANER.clean(_LIQUID.sub(hold, plain))
    for pattern in (_HELD_ADDRESS, _HELD):
        cleaned = pattern.sub(lambda match: held[int(match[1])] if int(match[1]) < len(held) else "", cleaned)
    return cleaned.strip()


def _held_address(address: str, held: list[str]) -> str:
    address = html.unescape(address).strip()
    if "{" not in address:
        return html.escape(address)
    held.append(html.escape(link(address)))
    return f"https://{_HELD_HOST}/{len(held) - 1}"


def liquid(source: str) -> str:
    """Return one tag of Liquid if a block allows it. Raises NotPlain."""
    match = _LIQUID.fullmatch(source)
    if match is None or "<" in (match[1] or "") or (match[2] is not None and not _CONDITION.match(match[2])):
        raise NotPlain(source)
    return source


def link(source: str) -> str:
    """Return an address that is safe as a link: a web, mail or phone address, or a value that is one. Raises NotPlain.

    Values of Liquid may stand in an address behind its host.
    """
    text = "".join(source.split())
    whole = _ADDRESS.fullmatch(source.strip())
    if whole:
        if whole[1] in ADDRESSES:
            return source.strip()
        raise NotPlain(source)
    for match in _LIQUID.finditer(source):
        if match[1] is None:
            raise NotPlain(match[0])
        liquid(match[0])
    # A value stands behind the host, or it would decide where the link goes.
    bare = _LIQUID.sub("x", source).strip()
    try:
        parts = urlsplit(bare)
    except ValueError:
        raise NotPlain(source) from None
    first = text.find("{{")
    if parts.scheme.lower() not in SCHEMES or (first >= 0 and first < len(f"{parts.scheme}://{parts.netloc}")):
        raise NotPlain(source)
    if parts.scheme.lower() in {"http", "https"} and not parts.netloc:
        raise NotPlain(source)
    return source.strip()


def plain_text(source: str) -> str:
    """Return a text of one line as HTML: everything is text, except the Liquid that a block allows. Raises NotPlain."""
    source = _PRIVATE.sub("", source)
    parts, place = [], 0
    for match in _LIQUID.finditer(source):
        parts += [html.escape(source[place : match.start()]), liquid(match[0])]
        place = match.end()
    parts.append(html.escape(source[place:]))
    return " ".join("".join(parts).split())


def shown_text(source: str) -> str:
    """Return rich text as plain text, for labels and alternative texts."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", source)).split())
