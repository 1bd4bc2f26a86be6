"""The shop's logo, or its name, at the top of an e-mail."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import align_field
from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup


class Header(Block):
    label = _("Header")
    icon = "layout-navbar"
    group = "layout"
    nested = False
    values = (align_field("center"),)

    def content(self, block: Placed, look: Look) -> str:
        align = block.values["align"]
        name = markup.tag(
            "text",
            '<a href="{{ shop.url }}" style="color:inherit;text-decoration:none">{{ shop.name }}</a>',
            font_size="20px",
            font_weight="700",
            align=align,
            color=look.ink,
            css_class="d-ink",
        )
        logo = markup.tag("image", src="{{ shop.logo }}", alt="{{ shop.name }}", href="{{ shop.url }}", width="140px",
                          align=align)  # fmt: skip
        return markup.when('shop.logo != ""', logo) + markup.when('shop.logo == ""', name)

    def sections(self, block: Placed, look: Look) -> str:
        return markup.section(markup.column(self.content(block, look)), padding="16px 0 8px")
