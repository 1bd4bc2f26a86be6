"""The member's points and the way to the next tier. Customers who are not members do not see it."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.designs.registry import Block, Look, Placed
from campaigns.designs.rules import markup, rich
from core.fields.schema import Field


class Points(Block):
    label = _("Points and tier")
    icon = "coins"
    group = "shop"
    texts = (Field("title", "design_line", _("Title"), required=False, most=120),)
    condition = "member.is_member"

    def content(self, block: Placed, look: Look) -> str:
        points = _t("points")
        to_next = _t("%(missing)s more to %(tier)s") % {
            "missing": "{{ member.to_next }}",
            "tier": "{{ member.next_tier }}",
        }
        title = rich.plain_text(block.texts.get("title", ""))
        bar = (
            '{% if member.next_tier != "" %}'
            '<div style="background:#e5e7eb;border-radius:5px;height:10px;margin-top:12px">'
            f'<div style="background:{look.accent};border-radius:5px;height:10px;width:{{{{ member.progress }}}}%">'
            f'</div></div><div style="font-size:13px;margin-top:6px" class="d-quiet">{to_next}</div>{{% endif %}}'
        )
        card = (
            '<div class="d-panel" style="background:#f3f4f6;border-radius:10px;padding:18px 20px">'
            + (f'<div style="font-size:14px">{title}</div>' if title else "")
            + f'<div style="font-size:28px;font-weight:700;line-height:1.4">{{{{ member.points }}}} '
            f'<span style="font-size:15px;font-weight:400">{points}</span></div>'
            f'<div class="d-accent" style="font-size:14px;color:{look.accent};font-weight:600">'
            f"{{{{ member.tier }}}}</div>{bar}</div>"
        )
        return markup.tag("text", card, color=look.ink, line_height="1.5", css_class="d-ink")
