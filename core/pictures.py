"""Pictures that people upload: looked at byte by byte, never decoded, so that no picture can cost more than its bytes.

`checked` walks the whole structure of a PNG, JPEG, GIF or WebP file. It refuses what is cut off or has more pixels than
any page shows, and returns the file without what stands behind its end and, in PNG and JPEG, without texts, comments
and places: a file that is also a script or an archive keeps nothing of it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from core.errors import Invalid

MOST_SIDE = 8000
MOST_PIXELS = 25_000_000
MOST_FRAMES = 500
_PNG_KEPT = frozenset(
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs",
     b"acTL", b"fcTL", b"fdAT"]
)  # fmt: skip
# JFIF, colour profile and Adobe's colour transform; the others hold where and when a picture was taken.
_JPEG_DROPPED = frozenset([*range(0xE1, 0xF0), 0xFE]) - {0xE2, 0xEE}


class _Cut(Exception):
    """The file ends before the picture does, or its parts do not fit together."""


def checked(content: bytes, field: str) -> tuple[str, bytes]:
    """Return (extension, cleaned content). Raises Invalid `invalid`, `damaged` or `too_many_pixels` for `field`."""
    known = next((form for form in _FORMATS if form[1](content)), None)
    if known is None:
        raise Invalid(_("Use a PNG, JPEG, WebP or GIF picture."), code="invalid", field=field)
    extension, _starts, read = known
    try:
        sizes, cleaned = read(content)
    except (_Cut, IndexError, struct.error):
        raise Invalid(
            _("The picture is damaged or cut off: save it again and upload it."), code="damaged", field=field
        ) from None
    for width, height in sizes:
        if max(width, height) > MOST_SIDE or width * height > MOST_PIXELS:
            raise Invalid(
                _("The picture has %(width)s × %(height)s pixels; at most %(side)s a side and 25 million are allowed.")
                % {"width": width, "height": height, "side": MOST_SIDE},
                code="too_many_pixels",
                field=field,
            )
    if not sizes or any(min(size) < 1 for size in sizes):
        raise Invalid(_("The picture has no pixels."), code="damaged", field=field)
    return extension, cleaned


Found = tuple[list[tuple[int, int]], bytes]


def _png(content: bytes) -> Found:
    kept, place, sizes, data = [content[:8]], 8, [], False
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if end > len(content):
            raise _Cut
        chunk = content[place:end]
        if zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
            raise _Cut
        if kind == b"IHDR":
            sizes.append(struct.unpack_from(">II", chunk, 8))
        data = data or kind == b"IDAT"
        if kind in _PNG_KEPT:
            kept.append(chunk)
        place = end
        if not sizes:
            raise _Cut
        if kind == b"IEND":
            break
    if not data:
        raise _Cut
    return sizes, b"".join(kept)


def _jpeg(content: bytes) -> Found:
    kept, place, sizes, scans = [content[:2]], 2, [], 0
    while True:
        if content[place] != 0xFF:
            raise _Cut
        while content[place + 1] == 0xFF:
            place += 1
        marker = content[place + 1]
        if marker == 0xD9:
            kept.append(b"\xff\xd9")
            break
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if end > len(content) or end < place + 4:
            raise _Cut
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, place + 5)
            sizes.append((width, height))
        if marker == 0xDA:
            scans += 1
            end = _end_of_scan(content, end)
        if marker not in _JPEG_DROPPED:
            kept.append(content[place:end])
        place = end
    if not scans:
        raise _Cut
    return sizes, b"".join(kept)


def _end_of_scan(content: bytes, place: int) -> int:
    while True:
        place = content.find(b"\xff", place)
        if place < 0:
            raise _Cut
        following = content[place + 1]
        if following not in (0x00, 0xFF) and not 0xD0 <= following <= 0xD7:
            return place
        place += 1 if following == 0xFF else 2


def _gif(content: bytes) -> Found:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    sizes = [(width, height)]
    place = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while content[place] != 0x3B:
        if content[place] == 0x2C:
            frame_width, frame_height, flags = struct.unpack_from("<HHB", content, place + 5)
            sizes.append((frame_width, frame_height))
            place += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        elif content[place] == 0x21:
            place += 2
        else:
            raise _Cut
        while content[place]:
            place += 1 + content[place]
        place += 1
        if len(sizes) > MOST_FRAMES:
            raise _Cut
    if len(sizes) < 2:
        raise _Cut
    return sizes, content[: place + 1]


def _webp(content: bytes) -> Found:
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    if end > len(content):
        raise _Cut
    place, sizes = 12, []
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", content, place)
        if place + 8 + length > end:
            raise _Cut
        body = content[place + 8 : place + 8 + length]
        if kind == b"VP8X":
            sizes.append((1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")))
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", body, 6)
            sizes.append((width & 0x3FFF, height & 0x3FFF))
        elif kind == b"VP8L":
            bits = struct.unpack_from("<I", body, 1)[0]
            sizes.append((1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)))
        elif kind == b"ANMF":
            sizes.append((1 + int.from_bytes(body[6:9], "little"), 1 + int.from_bytes(body[9:12], "little")))
        place += 8 + length + length % 2
        if len(sizes) > MOST_FRAMES:
            raise _Cut
    return sizes, content[:end]


_FORMATS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], Found]], ...] = (
    ("png", lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"), _png),
    ("jpg", lambda content: content.startswith(b"\xff\xd8\xff"), _jpeg),
    ("gif", lambda content: content[:6] in {b"GIF87a", b"GIF89a"}, _gif),
    # SVG is left out because it can carry scripts.
    ("webp", lambda content: content[:4] == b"RIFF" and content[8:12] == b"WEBP", _webp),
)
