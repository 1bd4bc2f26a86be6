"""Clean the HTML of a shop's template before it is stored, and convert it to plain text."""

from __future__ import annotations

import html
import re

import nh3

TAGS = {
    "a", "b", "blockquote", "br", "center", "code", "div", "em", "h1", "h2", "h3", "h4", "hr", "i", "img", "li",
    "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "*": {"style", "align", "dir", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "table": {"width", "border", "cellpadding", "cellspacing", "bgcolor"},
    "td": {"width", "height", "colspan", "rowspan", "valign", "bgcolor"},
    "th": {"width", "height", "colspan", "rowspan", "valign", "bgcolor"},
    "tr": {"valign", "bgcolor"},
}
STYLES = {
    "background-color", "border", "border-radius", "border-collapse", "color", "display", "font-family", "font-size",
    "font-style", "font-weight", "height", "letter-spacing", "line-height", "margin", "margin-bottom", "margin-left",
    "margin-right", "margin-top", "max-width", "padding", "padding-bottom", "padding-left", "padding-right",
    "padding-top", "text-align", "text-decoration", "vertical-align", "width",
}  # fmt: skip
_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    filter_style_properties=STYLES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
)
_MARKUP = re.compile(r"<[a-zA-Z!/]")
_BREAK = re.compile(r"<(?:br|hr)\s{0,20}/?>|</(?:p|div|h[1-4]|li|tr|table|blockquote|pre)>", re.IGNORECASE)
# Every repetition is bounded or stops at the next "<": otherwise a text with many openings is searched to its end from
# each of them.
_LINK = re.compile(
    r'<a\b[^<>]{0,2000}?\bhref="([^"]{0,2000})"[^<>]{0,2000}>(.{0,4000}?)</a>', re.IGNORECASE | re.DOTALL
)
_HIDDEN = re.compile(r"display:\s{0,9}none|font-size:\s{0,9}0(?![.\d])")
_TAG = re.compile(r"<[^<>]*>")
# Parts of a whole document that are not its text.
_UNREAD = re.compile(r"<head\b.*?</head>|<!--.*?-->", re.IGNORECASE | re.DOTALL)


def clean(source: str) -> str:
    """Remove scripts, handlers, forms, frames and unusual schemes. Text without any markup becomes paragraphs."""
    if not _MARKUP.search(source):
        blocks = [block.strip() for block in re.split(r"\n\s*\n", source) if block.strip()]
        source = "\n".join(f"<p>{block.replace(chr(10), '<br>')}</p>" for block in blocks)
    return _CLEANER.clean(source)


def shows_link(source: str, url: str) -> bool:
    """Return whether cleaned HTML visibly shows a link to this address, or the address itself.

    A link that is hidden or has no label does not count.
    """
    for match in _LINK.finditer(source):
        tag = match[0][: match.start(2) - match.start()].lower()
        label = html.unescape(_TAG.sub("", match[2])).strip(" \t\n\r\u00a0\u200b")
        hidden = _HIDDEN.search(tag) is not None
        if html.unescape(match[1]) == url and not hidden and (label or "<img" in match[2].lower()):
            return True
    return url in html.unescape(_TAG.sub(" ", source))


def before_end(source: str, addition: str) -> str:
    """Return HTML with an addition at its end; in a whole document that is inside its body."""
    head, end, tail = source.rpartition("</body>")
    return f"{head}{addition}{end}{tail}" if end else source + addition


def to_text(source: str) -> str:
    """Return cleaned HTML as readable plain text, with the addresses of its links."""
    source = _UNREAD.sub("", source)

    def link(match: re.Match[str]) -> str:
        label = _TAG.sub("", match[2]).strip()
        return match[1] if not label or label == match[1] else f"{label} ({match[1]})"

    text = _LINK.sub(link, source)
    text = html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
