"""A text with bold, italic, lists, links and fields."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import align_field
from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field


class Text(Block):
    label = _("Text")
    icon = "align-left"
    values = (align_field(),)
    texts = (Field("text", "design_rich", _("Text")),)

    def content(self, block: Placed, look: Look) -> str:
        return markup.tag(
            "text",
            block.texts["text"].replace("<p>", '<p style="margin:0 0 10px">'),
            font_size="15px",
            line_height="1.6",
            align=block.values["align"],
            color=look.ink,
            css_class="d-ink",
        )
