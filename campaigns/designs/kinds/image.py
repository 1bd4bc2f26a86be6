"""An uploaded picture with its alternative text and an optional link."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field

WIDTHS = ((100, "100 %"), (75, "75 %"), (50, "50 %"), (25, "25 %"))
FULL = 552


class Image(Block):
    label = _("Picture")
    icon = "photo"
    values = (
        Field("picture", "design_picture", _("Picture")),
        Field("width", "number", _("Width"), default=100, choices=lambda: WIDTHS),
        Field("link", "design_link", _("Link"), required=False),
    )
    texts = (
        Field(
            "alt",
            "design_line",
            _("Alternative text"),
            help=_("What the picture shows, for readers who don't see it. Many programs block pictures at first."),
        ),
    )

    def content(self, block: Placed, look: Look) -> str:
        return markup.tag(
            "image",
            src=look.picture(block.values["picture"]),
            alt=block.texts["alt"],
            href=block.values["link"],
            width=f"{FULL * block.values['width'] // 100}px",
            border_radius="6px",
        )
