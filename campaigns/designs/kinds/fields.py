"""Kinds of fields of blocks: rich text, a line, a link, a colour, a picture."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.designs.rules import rich
from core.base.errors import Invalid
from core.fields.kinds import TextKind
from core.fields.schema import Field

COLOUR = re.compile(r"#[0-9a-f]{6}")
PICTURE = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|gif|webp)")
NOT_POSSIBLE = _("“%(source)s” is not possible here. Use fields and conditions only.")
NOT_A_LINK = _("“%(source)s” is not an address. Begin it with https://, mailto: or tel:.")


class RichKind(TextKind):
    """Text with bold, italic, lists, links and fields, as clean HTML."""

    most = 8000

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        text = super().clean(field, raw, strict=strict)
        try:
            return rich.clean(text)
        except rich.NotPlain as error:
            raise Invalid(NOT_POSSIBLE, code="not_possible", source=error.source[:80]) from None


class PlainKind(TextKind):
    """A line of text with fields. It is kept as it was written; compiling escapes it."""

    most = 300

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        text = " ".join(super().clean(field, raw, strict=strict).split())
        try:
            rich.plain_text(text)
        except rich.NotPlain as error:
            raise Invalid(NOT_POSSIBLE, code="not_possible", source=error.source[:80]) from None
        return text


class LinkKind(TextKind):
    """A web, mail or phone address; values may stand behind its host."""

    most = 1800

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        text = super().clean(field, raw, strict=strict)
        try:
            return rich.link(text)
        except rich.NotPlain as error:
            raise Invalid(NOT_A_LINK, code="not_a_link", source=error.source[:80]) from None


class ColourKind(TextKind):
    """A colour as #rrggbb."""

    most = 7

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        text = super().clean(field, raw, strict=strict).lower()
        if not COLOUR.fullmatch(text):
            raise Invalid(_("Enter a colour such as #1f5f8b."), code="invalid_colour")
        return text


class PictureKind(TextKind):
    """The name of an uploaded picture."""

    most = 40

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        text = super().clean(field, raw, strict=strict)
        if not PICTURE.fullmatch(text):
            raise Invalid(_("Upload the picture first."), code="unknown_picture")
        return text
