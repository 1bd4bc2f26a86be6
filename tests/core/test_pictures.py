"""Uploaded pictures: their size is read from their head, what is cut off is refused, what hangs behind is cut away."""

from __future__ import annotations

import struct
import zlib

import pytest

from core.errors import Invalid
from core.pictures import checked


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 2, height: int = 2, extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\1\1" * 2))
    return b"\x89PNG\r\n\x1a\n" + head + extra + data + chunk(b"IEND", b"")


def jpeg(width: int = 2, height: int = 2, extra: bytes = b"") -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"JF" + extra + frame + scan + b"\xff\xd9"


def gif(width: int = 2, height: int = 2) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\2\x4c\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame + b"\x3b"


def webp(width: int = 2, height: int = 2) -> bytes:
    body = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0"
    chunks = b"WEBPVP8L" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


MAKERS = {"png": png, "jpg": jpeg, "gif": gif, "webp": webp}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_picture_is_kept_as_it_is(kind):
    assert checked(MAKERS[kind](), "picture") == (kind, MAKERS[kind]())


@pytest.mark.parametrize(("kind", "side"), [("png", 60_000), ("jpg", 60_000), ("gif", 60_000), ("webp", 16_000)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_head(kind, side):
    with pytest.raises(Invalid) as refused:
        checked(MAKERS[kind](side, side), "picture")
    assert (refused.value.code, refused.value.field) == ("too_many_pixels", "picture")
    assert str(side) in str(refused.value.message)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_picture_that_is_cut_off_anywhere_is_refused(kind):
    whole = MAKERS[kind]()
    for length in range(12, len(whole)):
        with pytest.raises(Invalid) as refused:
            checked(whole[:length], "picture")
        assert refused.value.code in {"damaged", "invalid"}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_hangs_behind_a_picture_is_cut_away(kind):
    assert checked(MAKERS[kind]() + b"PK\3\4<script>alert(1)</script>", "picture") == (kind, MAKERS[kind]())


def test_texts_and_places_inside_a_picture_are_taken_out():
    assert checked(png(extra=chunk(b"tEXt", b"Comment\0<script>")), "picture") == ("png", png())
    comment = b"\xff\xfe" + struct.pack(">H", 10) + b"<script>"
    exif = b"\xff\xe1" + struct.pack(">H", 8) + b"Exif\0\0"
    assert checked(jpeg(extra=comment + exif), "picture") == ("jpg", jpeg())


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"BM" + b"\0" * 40, b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(Invalid):
        checked(content, "picture")
