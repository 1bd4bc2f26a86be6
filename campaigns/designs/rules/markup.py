"""Build MJML. Attributes are escaped here; contents are HTML that the caller has cleaned."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Letters and digits alone, which MJML leaves alone also in attributes.
HOLD, RELEASE = "liquid7k2held", "end7k2"


def tag(name: str, content: str = "", **attributes: str | int | None) -> str:
    """Return one element. An attribute that is None or "" is left out; `_` in a name stands for `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{attribute(str(value))}"'
        for key, value in attributes.items()
        if value not in (None, "")
    )
    return f"<mj-{name}{written}>{content}</mj-{name}>"


def attribute(value: str) -> str:
    """Return the value for an attribute. Liquid in it stays as it is: its values are escaped when they are printed."""
    parts, place = [], 0
    for match in LIQUID.finditer(value):
        parts += [html.escape(value[place : match.start()]), match[0]]
        place = match.end()
    return "".join([*parts, html.escape(value[place:])])


def to_html(source: str, render: Callable[[str], str]) -> str:
    """Return the HTML of an MJML document. Liquid is kept apart until then, because it may hold quotes and signs."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"{HOLD}{len(held) - 1}{RELEASE}"

    written = render(LIQUID.sub(hold, source.replace(HOLD, "").replace("<br>", "<br />")))
    return re.sub(
        f"{HOLD}(\\d{{1,5}}){RELEASE}", lambda match: held[int(match[1])] if int(match[1]) < len(held) else "", written
    )


def section(*columns: str, **attributes: str | int | None) -> str:
    """Return a section of columns."""
    return tag("section", "".join(columns), **{"padding": "0", **attributes})


def column(content: str, **attributes: str | int | None) -> str:
    """Return one column."""
    return tag("column", content, **attributes)


def raw(source: str) -> str:
    """Return a tag of Liquid between elements, such as the beginning of a condition."""
    return f"<mj-raw>{source}</mj-raw>"


def when(condition: str, content: str) -> str:
    """Return content that is shown only when the condition of Liquid holds."""
    return f"{raw(f'{{% if {condition} %}}')}{content}{raw('{% endif %}')}"
