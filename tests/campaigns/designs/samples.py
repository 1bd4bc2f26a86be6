"""Documents for the tests of designs, and a reader of HTML that finds what could run."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from campaigns.templates.services import contexts, templates
from campaigns.templates.services.designs import compiled_texts

SUBJECTS = {"en": "Hello"}


def block(kind: str, values: dict[str, Any] | None = None, **texts: str) -> dict[str, Any]:
    """Return a block with English texts."""
    made: dict[str, Any] = {"id": f"b-{kind}", "kind": kind, "values": values or {}, "texts": {"en": texts}}
    return {**made, "columns": [[], []]} if kind == "columns" else made


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"settings": {}, "preheader": {}, "blocks": list(blocks)}


def rendered(*blocks: dict[str, Any], **context: Any) -> str:
    """Return the HTML that a customer gets of these blocks."""
    _document, [text] = compiled_texts(document(*blocks), SUBJECTS)
    values = {**contexts.sample_context("en", source=text.body), **context}
    return templates.render_text(text, channel="email", context=values).body


class Found(HTMLParser):
    """Collect the tags and attributes of HTML as a browser would read them."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name.lower(), (value or "")) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def dangers(self) -> list[object]:
        """Return what could run: script-like tags, handlers, and addresses of other schemes."""
        bad: list[object] = sorted(self.tags & {"script", "iframe", "object", "embed", "form", "base", "svg", "math"})
        for name, value in self.attributes:
            address = "".join(value.split()).lower()
            if name.startswith("on") or (
                name in {"href", "src", "action", "background"}
                and ":" in address.partition("/")[0]
                and address.partition(":")[0] not in {"http", "https", "mailto", "tel"}
            ):
                bad.append((name, value))
            if name == "style" and any(word in address for word in ("expression(", "url(", "javascript:")):
                bad.append((name, value))
        return bad
