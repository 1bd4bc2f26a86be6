"""Links to the shop's pages in other networks, as words: pictures of their marks are blocked by many programs."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field

NETWORKS: dict[str, str | Promise] = {
    "website": pgettext_lazy("e-mail", "Website"),
    "weibo": _("Weibo"),
    "xiaohongshu": _("Xiaohongshu"),
    "douyin": _("Douyin"),
    "instagram": "Instagram",
    "facebook": "Facebook",
    "youtube": "YouTube",
}


class Social(Block):
    label = _("Social links")
    icon = "share"
    group = "shop"
    values = tuple(Field(name, "design_link", label, required=False) for name, label in NETWORKS.items())

    def content(self, block: Placed, look: Look) -> str:
        links = [
            f'<a class="d-accent" href="{markup.attribute(block.values[name])}" style="color:{look.accent}">{label}</a>'
            for name, label in NETWORKS.items()
            if block.values.get(name)
        ]
        return markup.tag("text", " &#160;·&#160; ".join(links), align="center", font_size="14px", line_height="1.8")
