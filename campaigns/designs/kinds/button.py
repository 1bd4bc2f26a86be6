"""A button that opens an address."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import align_field, button, colour_field
from campaigns.designs.registry import Block, Look, Placed
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
        values = block.values
        return button(block.texts["label"], values["link"], values["colour"] or look.accent, values["align"])
