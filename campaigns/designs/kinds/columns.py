"""Two columns side by side, which stand one above the other on a phone."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import BLOCKS, Block, Look, Placed, card_row
from campaigns.designs.rules import markup
from core.fields.schema import Field

WIDTHS = {"1-1": ("50%", "50%"), "1-2": ("34%", "66%"), "2-1": ("66%", "34%")}
RATIOS = (("1-1", _("Half and half")), ("1-2", _("Narrow left")), ("2-1", _("Narrow right")))


class Columns(Block):
    label = _("Two columns")
    icon = "columns"
    group = "layout"
    nested = False
    values = (Field("ratio", "choice", _("Widths"), default="1-1", choices=lambda: RATIOS),)

    def content(self, block: Placed, look: Look) -> str:
        return "".join(
            markup.column(
                "".join(BLOCKS[one.kind].inside(one, look) for one in blocks), width=width, vertical_align="middle"
            )
            for blocks, width in zip(block.columns, WIDTHS[block.values["ratio"]], strict=True)
        )

    def sections(self, block: Placed, look: Look) -> str:
        return card_row(self.content(block, look), look)
