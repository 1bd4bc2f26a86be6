"""Check a design and compile it: blocks as JSON become MJML, and MJML becomes the HTML of an e-mail with Liquid.

A document is {"settings": {...}, "blocks": [...]}. A block is {"id", "kind", "values": {...}, "texts": {language:
{...}}, "columns": [[block, ...], ...]}; only the block of columns has columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from mjml import mjml2html

from campaigns.designs.models import DesignPicture
from campaigns.designs.registry import BLOCKS, Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.base.errors import Invalid
from core.fields import schema
from core.fields.schema import Field

MOST_BLOCKS = 60
MOST_IN_COLUMN = 12
COLUMNS = 2
WIDTH = 600
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
SETTINGS = (Field("background", "design_colour", _("Background"), default="#f3f4f6"),)
PREHEADER = Field("preheader", "design_line", _("Preview text"), required=False, most=200)
FONTS = "-apple-system,BlinkMacSystemFont,'Segoe UI','PingFang SC','Microsoft YaHei',Arial,sans-serif"
# Programs that know no dark scheme ignore it; those that do show light text on dark cards.
_DARK = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .d-body, .d-body > table { background: #111827 !important; }
  .d-card, .d-card > table { background: #1f2937 !important; }
  .d-ink, .d-ink > div { color: #f3f4f6 !important; }
  .d-quiet, .d-quiet > div { color: #9ca3af !important; }
  .d-accent { color: #9ecbf0 !important; }
  .d-panel { background: #374151 !important; }
  .d-code img { background: #ffffff; padding: 6px; }
}
"""


def empty_document() -> dict[str, Any]:
    """Return a document without blocks."""
    return {"settings": {}, "preheader": {}, "blocks": []}


def checked_document(raw: Any, languages: Sequence[str]) -> dict[str, Any]:
    """Return the document with the canonical values of all blocks.

    Texts are required in each of `languages`; those in other languages are kept as far as they are valid. Raises
    Invalid, field `blocks.2.texts.en.text` and so on.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw.get("blocks"), list):
        raise Invalid(_("A design has a list of blocks."), code="invalid", field="blocks")
    if not raw["blocks"]:
        raise Invalid(_("Add a block first."), code="required", field="blocks")
    blocks = _checked_blocks(raw["blocks"], languages, "blocks", MOST_BLOCKS, nested=False)
    _check_pictures(blocks)
    given = raw.get("settings") if isinstance(raw.get("settings"), Mapping) else {}
    preheaders = raw.get("preheader") if isinstance(raw.get("preheader"), Mapping) else {}
    return {
        "settings": schema.clean(SETTINGS, given or {}, path="settings"),
        "preheader": {
            language: schema.clean_value(PREHEADER, preheaders.get(language), path=f"preheader.{language}")  # type: ignore[union-attr]
            for language in sorted({*languages, *_known(preheaders)})
        },
        "blocks": blocks,
    }


def _known(texts: Any) -> set[str]:
    return {name for name in texts if name in dict(settings.LANGUAGES)} if isinstance(texts, Mapping) else set()


def _checked_blocks(
    raw: Sequence[Any], languages: Sequence[str], path: str, most: int, *, nested: bool
) -> list[dict[str, Any]]:
    if len(raw) > most:
        raise Invalid(_("At most %(most)s blocks are possible here.") % {"most": most}, code="too_many", field=path)
    return [_checked_block(one, languages, f"{path}.{place}", nested=nested) for place, one in enumerate(raw)]


def _checked_block(raw: Any, languages: Sequence[str], path: str, *, nested: bool) -> dict[str, Any]:
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    if not isinstance(kind, str) or kind not in BLOCKS:
        raise Invalid(_("This kind of block does not exist."), code="unknown_block", field=f"{path}.kind")
    block = BLOCKS[kind]
    if nested and not block.nested:
        raise Invalid(
            _("“%(block)s” can't stand in a column.") % {"block": block.label}, code="not_nested", field=f"{path}.kind"
        )
    given = raw.get("values") if isinstance(raw.get("values"), Mapping) else {}
    texts = raw.get("texts") if isinstance(raw.get("texts"), Mapping) else {}
    checked: dict[str, Any] = {
        "id": raw["id"] if isinstance(raw.get("id"), str) and _ID.fullmatch(raw["id"]) else path.replace(".", "-"),
        "kind": kind,
        "values": schema.clean(block.values, given, path=f"{path}.values"),
        "texts": {
            language: _checked_texts(block, texts.get(language), f"{path}.texts.{language}", language in languages)
            for language in sorted({*languages, *_known(texts)})
        },
    }
    if kind == "columns":
        columns = raw.get("columns")
        if (
            not isinstance(columns, list)
            or len(columns) != COLUMNS
            or not all(isinstance(one, list) for one in columns)
        ):
            raise Invalid(_("This block has two columns."), code="invalid", field=f"{path}.columns")
        checked["columns"] = [
            _checked_blocks(one, languages, f"{path}.columns.{place}", MOST_IN_COLUMN, nested=True)
            for place, one in enumerate(columns)
        ]
    return checked


def _checked_texts(block: Block, raw: Any, path: str, required: bool) -> dict[str, str]:
    given = raw if isinstance(raw, Mapping) else {}
    fields = block.texts if required else [replace(field, required=False) for field in block.texts]
    return schema.clean(fields, given, path=path)


def all_blocks(blocks: Sequence[Mapping[str, Any]], path: str = "blocks") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (path, block) of all blocks, also of those in columns."""
    for place, block in enumerate(blocks):
        yield f"{path}.{place}", block
        for number, column in enumerate(block.get("columns", [])):
            yield from all_blocks(column, f"{path}.{place}.columns.{number}")


def picture_names(document: Mapping[str, Any]) -> set[str]:
    """Return the names of the uploaded pictures that a document shows."""
    return {
        block["values"]["picture"] for _path, block in all_blocks(document["blocks"]) if block["values"].get("picture")
    }


def _check_pictures(blocks: Sequence[Mapping[str, Any]]) -> None:
    named = {path: block["values"]["picture"] for path, block in all_blocks(blocks) if block["values"].get("picture")}
    known = set(DesignPicture.objects.filter(name__in=named.values()).values_list("name", flat=True))
    for path, name in named.items():
        if name not in known:
            raise Invalid(_("Upload the picture first."), code="unknown_picture", field=f"{path}.values.picture")


def compile_document(document: Mapping[str, Any], language: str) -> str:
    """Return the HTML of a checked document in a language, with Liquid for what differs by customer."""
    look = Look(picture_base=f"{settings.SITE_URL}/design-pictures/")
    with translation.override(language):
        rows = "".join(BLOCKS[one.kind].sections(one, look) for one in _placed(document["blocks"], language))
    preheader = rich.plain_text(document.get("preheader", {}).get(language, ""))
    head = f'<mj-attributes><mj-all font-family="{FONTS}" /></mj-attributes><mj-style>{_DARK}</mj-style>' + (
        f"<mj-preview>{preheader}</mj-preview>" if preheader else ""
    )
    background = document["settings"].get("background") or SETTINGS[0].default
    source = (
        f'<mjml lang="{language}"><mj-head>{head}</mj-head>'
        f'<mj-body width="{WIDTH}px" background-color="{background}" css-class="d-body">{rows}</mj-body></mjml>'
    )
    return markup.to_html(source, mjml2html)


def _placed(blocks: Sequence[Mapping[str, Any]], language: str) -> list[Placed]:
    return [
        Placed(
            block["kind"],
            block["values"],
            block["texts"].get(language, {}),
            tuple(_placed(column, language) for column in block.get("columns", [])),
        )
        for block in blocks
    ]
