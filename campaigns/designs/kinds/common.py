"""Fields that several blocks share."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.fields.schema import Field, Text

ALIGNMENTS = (("left", pgettext_lazy("alignment", "Left")), ("center", _("Centre")), ("right", _("Right")))


def align_field(default: str = "left") -> Field:
    """Return the field of the alignment."""
    return Field("align", "choice", _("Alignment"), default=default, choices=lambda: ALIGNMENTS)


def colour_field(name: str, label: Text) -> Field:
    """Return an optional colour; empty takes the shop's own."""
    return Field(name, "design_colour", label, required=False)
