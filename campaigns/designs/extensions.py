"""Registrations of designs: the kinds of fields, and the blocks in the order of the picker."""

from __future__ import annotations

from campaigns.designs.kinds.button import Button
from campaigns.designs.kinds.columns import Columns
from campaigns.designs.kinds.coupon import Coupon
from campaigns.designs.kinds.divider import Divider
from campaigns.designs.kinds.fields import ColourKind, LinkKind, PictureKind, PlainKind, RichKind
from campaigns.designs.kinds.footer import Footer
from campaigns.designs.kinds.header import Header
from campaigns.designs.kinds.heading import Heading
from campaigns.designs.kinds.image import Image
from campaigns.designs.kinds.member_code import MemberCode
from campaigns.designs.kinds.points import Points
from campaigns.designs.kinds.products import Products
from campaigns.designs.kinds.social import Social
from campaigns.designs.kinds.text import Text
from campaigns.designs.registry import BLOCKS
from core.fields import FIELD_KINDS

FIELD_KINDS.register("design_rich", RichKind())
FIELD_KINDS.register("design_line", PlainKind())
FIELD_KINDS.register("design_link", LinkKind())
FIELD_KINDS.register("design_colour", ColourKind())
FIELD_KINDS.register("design_picture", PictureKind())
BLOCKS.register("heading", Heading())
BLOCKS.register("text", Text())
BLOCKS.register("image", Image())
BLOCKS.register("button", Button())
BLOCKS.register("divider", Divider())
BLOCKS.register("columns", Columns())
BLOCKS.register("products", Products())
BLOCKS.register("coupon", Coupon())
BLOCKS.register("points", Points())
BLOCKS.register("member_code", MemberCode())
BLOCKS.register("social", Social())
BLOCKS.register("header", Header())
BLOCKS.register("footer", Footer())
