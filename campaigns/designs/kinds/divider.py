"""A line, or an empty space."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field

STYLES = (("line", _("Line")), ("space", _("Empty space")))


class Divider(Block):
    label = _("Divider")
    icon = "separator-horizontal"
    values = (Field("style", "choice", _("Style"), default="line", choices=lambda: STYLES),)

    def content(self, block: Placed, look: Look) -> str:
        if block.values["style"] == "space":
            return markup.tag("spacer", height="24px")
        return markup.tag("divider", border_color="#d1d5db", border_width="1px")
