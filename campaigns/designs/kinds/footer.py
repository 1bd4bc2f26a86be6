"""The shop's name and address and the links that the law asks for."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field

WORDS = {"en": ("Unsubscribe", "Preferences"), "zh-hans": ("退订", "订阅偏好")}


class Footer(Block):
    label = _("Footer")
    icon = "layout-bottombar"
    group = "layout"
    nested = False
    texts = (Field("note", "design_rich", _("Note"), required=False),)

    def content(self, block: Placed, look: Look) -> str:
        unsubscribe, preferences = WORDS.get(look.language, WORDS["en"])
        note = block.texts.get("note", "")
        link = f'style="color:{look.quiet}"'
        lines = [
            f"<div>{note}</div>" if note else "",
            '<div>{{ shop.name }}{% if shop.address != "" %} · {{ shop.address }}{% endif %}</div>',
            f'<div><a href="{{{{ links.unsubscribe }}}}" {link}>{unsubscribe}</a> &#160;·&#160; '
            f'<a href="{{{{ links.preferences }}}}" {link}>{preferences}</a></div>',
        ]
        return markup.tag(
            "text", "".join(lines), align="center", font_size="12px", line_height="1.9", color=look.quiet,
            css_class="d-quiet",
        )  # fmt: skip

    def sections(self, block: Placed, look: Look) -> str:
        return markup.section(markup.column(self.content(block, look)), padding="12px 0 28px")
