"""The member's code as a QR picture, to be scanned in the shop. Customers who are not members do not see it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field


class MemberCode(Block):
    label = _("Member code")
    icon = "qrcode"
    group = "shop"
    texts = (Field("title", "design_line", _("Title"), required=False, most=120),)
    condition = "member.is_member"

    def content(self, block: Placed, look: Look) -> str:
        title = block.texts.get("title", "")
        image = markup.tag(
            "image",
            src="{{ links.member_code }}",
            alt="{{ customer.number }}",
            width="148px",
            border_radius="4px",
            css_class="d-code",
        )
        number = markup.tag(
            "text", "{{ customer.number }}", align="center", font_size="14px", color=look.quiet, css_class="d-quiet"
        )
        if not title:
            return image + number
        text = markup.tag(
            "text", rich.plain_text(title), align="center", font_size="15px", color=look.ink, css_class="d-ink"
        )
        return text + image + number
