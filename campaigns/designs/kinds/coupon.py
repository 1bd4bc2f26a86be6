"""The customer's coupon as a card. Customers without a coupon do not see it."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.designs.kinds.common import button
from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field


class Coupon(Block):
    label = _("Coupon")
    icon = "ticket"
    group = "shop"
    values = (Field("link", "design_link", _("Link"), default="{{ shop.url }}"),)
    texts = (
        Field("title", "design_line", _("Title"), most=120),
        Field("button", "design_line", _("Label of the button"), required=False, most=80),
    )
    condition = "coupon.code"

    def content(self, block: Placed, look: Look) -> str:
        until = _t("Valid until")
        card = (
            f'<div style="border:2px dashed {look.accent};border-radius:10px;padding:18px 12px;text-align:center">'
            f'<div style="font-size:15px">{rich.plain_text(block.texts["title"])}</div>'
            f'<div class="d-accent" style="font-size:30px;font-weight:700;line-height:1.4;color:{look.accent}">'
            "{{ coupon.value }}</div>"
            f'<div style="font-size:13px" class="d-quiet">{{{{ coupon.terms }}}}</div>'
            f'<div style="font-family:Menlo,Consolas,monospace;font-size:20px;font-weight:700;letter-spacing:1px;'
            f'margin-top:10px">{{{{ coupon.code }}}}</div>'
            f'{{% if coupon.expires != "" %}}<div style="font-size:13px" class="d-quiet">{until} '
            f"{{{{ coupon.expires }}}}</div>{{% endif %}}</div>"
        )
        text = markup.tag("text", card, color=look.ink, line_height="1.5", css_class="d-ink")
        if not block.texts.get("button"):
            return text
        return text + button(block.texts["button"], block.values["link"], look.accent)
