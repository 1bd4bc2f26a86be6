"""Fields and parts that several blocks share."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.designs.rules import markup, rich
from core.fields.schema import Field, Text

ALIGNMENTS = (("left", pgettext_lazy("alignment", "Left")), ("center", _("Centre")), ("right", _("Right")))


def align_field(default: str = "left") -> Field:
    """Return the field of the alignment."""
    return Field("align", "choice", _("Alignment"), default=default, choices=lambda: ALIGNMENTS)


def button(label: str, link: str, colour: str, align: str = "center") -> str:
    """Return the MJML of a button. `label` is a line of text with fields."""
    return markup.tag(
        "button",
        rich.plain_text(label),
        href=link,
        background_color=colour,
        color="#ffffff",
        font_size="16px",
        font_weight="600",
        inner_padding="13px 28px",
        border_radius="6px",
        align=align,
    )


def colour_field(name: str, label: Text) -> Field:
    """Return an optional colour; empty takes the shop's own."""
    return Field(name, "design_colour", label, required=False)
