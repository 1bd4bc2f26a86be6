"""Registry of the blocks from which e-mails are composed.

    BLOCKS.register("heading", Heading())       # in this subject's extensions; the class is one file in kinds/

A block declares its values as fields, so that the editor, the check and the API need to know nothing else about it.
`values` are alike in all languages, `texts` are entered for each language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise

from campaigns.designs.rules import markup
from core.base.registry import Registry
from core.fields.schema import Field


@dataclass(frozen=True)
class Look:
    """Hold what all blocks of an e-mail share. Colours may be Liquid."""

    accent: str = "{{ shop.brand_colour | default: '#1f5f8b' }}"
    ink: str = "#1f2937"
    quiet: str = "#6b7280"
    card: str = "#ffffff"
    picture_base: str = ""

    def picture(self, name: str) -> str:
        """Return the public address of an uploaded picture."""
        return f"{self.picture_base}{name}" if name else ""


@dataclass(frozen=True)
class Placed:
    """Hold one block of a checked document: its values, and its texts in the language that is compiled."""

    kind: str
    values: Mapping[str, Any]
    texts: Mapping[str, str]
    columns: Sequence[Sequence[Placed]] = field(default_factory=tuple)


def card_row(columns: str, look: Look) -> str:
    """Return a row of columns on the card of the e-mail."""
    return markup.section(columns, background_color=look.card, css_class="d-card", padding="8px 0")


class Block:
    """One kind of block. `group` orders the picker; `nested` blocks may stand in a column.

    `condition` names the field of Liquid without which the block is empty; customers who have none do not see it. A
    block writes its own words by gettext, in the language that is compiled.
    """

    label: str | Promise
    icon: str
    group: str = "content"
    nested: bool = True
    values: Sequence[Field] = ()
    texts: Sequence[Field] = ()
    condition: str = ""

    def content(self, block: Placed, look: Look) -> str:
        """Return the MJML of the block for the inside of a column."""
        raise NotImplementedError

    def sections(self, block: Placed, look: Look) -> str:
        """Return the MJML of the block as a whole row of the e-mail."""
        row = card_row(markup.column(self.content(block, look)), look)
        return markup.when(self.condition, row) if self.condition else row

    def inside(self, block: Placed, look: Look) -> str:
        """Return the MJML of the block within a column, left out where its condition does not hold."""
        content = self.content(block, look)
        return markup.when(self.condition, content) if self.condition else content


BLOCKS: Registry[Block] = Registry("block")
