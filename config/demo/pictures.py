"""Pictures of the demo shop's goods, drawn by code: a simple figure of each kind on a coloured ground."""

from __future__ import annotations

import io
from collections.abc import Callable
from hashlib import blake2b

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

SIDE = 480
GROUNDS = ("#F3E9DC", "#E3EDE4", "#E6E8F2", "#F6E3E0", "#FBF1D3", "#E2EEF0")
INK = "#3B2F2F"
Draw = ImageDraw.ImageDraw


def _beans(draw: Draw, tint: str) -> None:
    draw.rounded_rectangle((140, 120, 340, 390), 24, fill=tint, outline=INK, width=8)
    draw.rectangle((140, 160, 340, 196), fill=INK)
    for x, y in ((205, 280), (265, 260), (250, 325)):
        draw.ellipse((x - 28, y - 18, x + 28, y + 18), fill=INK)
        draw.arc((x - 26, y - 12, x + 26, y + 22), 200, 340, fill=tint, width=5)


def _tin(draw: Draw, tint: str) -> None:
    draw.rectangle((150, 170, 330, 380), fill=tint, outline=INK, width=8)
    draw.ellipse((150, 130, 330, 200), fill=tint, outline=INK, width=8)
    draw.polygon([(240, 350), (190, 290), (240, 230), (290, 290)], fill=INK)
    draw.line((240, 345, 240, 240), fill=tint, width=5)


def _ware(draw: Draw, tint: str) -> None:
    draw.polygon([(130, 160), (350, 160), (280, 300), (200, 300)], fill=tint, outline=INK, width=8)
    draw.rectangle((190, 300, 290, 325), fill=INK)
    draw.ellipse((160, 330, 320, 400), outline=INK, width=8)


def _cup(draw: Draw, tint: str) -> None:
    draw.rounded_rectangle((140, 180, 310, 380), 30, fill=tint, outline=INK, width=8)
    draw.arc((280, 215, 380, 330), 270, 90, fill=INK, width=14)
    for x in (190, 225, 260):
        draw.arc((x - 16, 100, x + 16, 165), 90, 270, fill=INK, width=6)


def _snack(draw: Draw, tint: str) -> None:
    for x, y in ((175, 205), (290, 205), (175, 315), (290, 315)):
        draw.rounded_rectangle((x - 50, y - 48, x + 50, y + 48), 18, fill=tint, outline=INK, width=7)
        draw.ellipse((x - 12, y - 12, x + 12, y + 12), fill=INK)


def _ticket(draw: Draw, tint: str) -> None:
    draw.rounded_rectangle((90, 170, 390, 330), 20, fill=tint, outline=INK, width=8)
    for y in range(190, 320, 26):
        draw.line((290, y, 290, y + 12), fill=INK, width=6)
    draw.polygon([(190, 205), (204, 240), (240, 240), (211, 262), (222, 298), (190, 276), (158, 298), (169, 262),
                  (140, 240), (176, 240)], fill=INK)  # fmt: skip


FIGURES: dict[str, Callable[[Draw, str], None]] = {
    "CF": _beans,
    "TE": _tin,
    "WR": _ware,
    "CU": _cup,
    "SN": _snack,
    "ticket": _ticket,
}
REWARD_FIGURES = {"drip-bags": "CF", "mug": "CU", "tasting": "CU", "grinder": "WR", "engraving": "WR"}
TINTS = ("#C98B5E", "#8FA88B", "#7F8FB5", "#C97B75", "#D9B44A", "#6FA3A8")


def draw_picture(name: str, figure: str) -> bytes:
    """Return a PNG. Equal names give equal pictures."""
    number = blake2b(name.encode(), digest_size=2).digest()
    # The palette keeps a picture below 4 kB.
    picture = Image.new("RGB", (SIDE, SIDE), GROUNDS[number[0] % len(GROUNDS)])
    FIGURES[figure](ImageDraw.Draw(picture), TINTS[number[1] % len(TINTS)])
    output = io.BytesIO()
    picture.quantize(16).save(output, "PNG")
    return output.getvalue()


def product_picture(sku: str) -> SimpleUploadedFile:
    """Return the picture of a product as an upload."""
    return SimpleUploadedFile(f"{sku.lower()}.png", draw_picture(sku, sku[:2]), "image/png")


def reward_picture(code: str) -> SimpleUploadedFile:
    """Return the picture of a reward as an upload."""
    return SimpleUploadedFile(f"{code}.png", draw_picture(code, REWARD_FIGURES.get(code, "ticket")), "image/png")
