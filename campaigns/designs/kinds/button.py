"""A button that opens an address."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import align_field, colour_field
from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field


class Button(Block):
    label = _("Button")
    icon = "click"
    values = (
        Field("link", "design_link", _("Link"), default="{{ shop.url }}"),
        colour_field("colour", _("Colour")),
        align_field("center"),
    )
    texts = (Field("label", "design_line", _("Label"), most=80),)

    def content(self, block: Placed, look: Look) -> str:
        return markup.tag(
            "button",
            rich.plain_text(block.texts["label"]),
            href=block.values["link"],
            background_color=block.values["colour"] or look.accent,
            color="#ffffff",
            font_size="16px",
            font_weight="600",
            inner_padding="13px 28px",
            border_radius="6px",
            align=block.values["align"],
        )
