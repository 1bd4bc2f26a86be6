"""The shop's name and address and the links that the law asks for."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup
from core.fields.schema import Field


class Footer(Block):
    label = _("Footer")
    icon = "layout-bottombar"
    group = "layout"
    nested = False
    texts = (Field("note", "design_rich", _("Note"), required=False),)

    def content(self, block: Placed, look: Look) -> str:
        # Not within the text below: texts in an f-string are not collected for translation.
        unsubscribe, preferences = _t("Unsubscribe"), pgettext("e-mail", "Preferences")
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
