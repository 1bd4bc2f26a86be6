"""Links to the shop's pages in other networks, as words: pictures of their marks are blocked by many programs."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field

NETWORKS = {
    "website": {"en": "Website", "zh-hans": "官网"},
    "weibo": {"en": "Weibo", "zh-hans": "微博"},
    "xiaohongshu": {"en": "Xiaohongshu", "zh-hans": "小红书"},
    "douyin": {"en": "Douyin", "zh-hans": "抖音"},
    "instagram": {"en": "Instagram", "zh-hans": "Instagram"},
    "facebook": {"en": "Facebook", "zh-hans": "Facebook"},
    "youtube": {"en": "YouTube", "zh-hans": "YouTube"},
}
LABELS: dict[str, str | Promise] = {
    "website": _("Website"),
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
    values = tuple(Field(name, "design_link", label, required=False) for name, label in LABELS.items())

    def content(self, block: Placed, look: Look) -> str:
        links = [
            f'<a class="d-accent" href="{markup.attribute(block.values[name])}" style="color:{look.accent}">'
            f"{names.get(look.language, names['en'])}</a>"
            for name, names in NETWORKS.items()
            if block.values.get(name)
        ]
        return markup.tag("text", " &#160;·&#160; ".join(links), align="center", font_size="14px", line_height="1.8")
