"""A heading in one of two sizes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import align_field
from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field

SIZES = (("large", _("Large")), ("small", _("Small")))


class Heading(Block):
    label = _("Heading")
    icon = "heading"
    values = (Field("size", "choice", _("Size"), default="large", choices=lambda: SIZES), align_field())
    texts = (Field("text", "design_line", _("Text")),)

    def content(self, block: Placed, look: Look) -> str:
        large = block.values["size"] == "large"
        name = "h1" if large else "h2"
        return markup.tag(
            "text",
            f'<{name} style="margin:0;font-size:inherit">{rich.plain_text(block.texts["text"])}</{name}>',
            font_size="26px" if large else "19px",
            line_height="1.3",
            font_weight="700",
            align=block.values["align"],
            color=look.ink,
            css_class="d-ink",
        )
