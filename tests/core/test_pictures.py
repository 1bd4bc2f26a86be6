"""Uploaded pictures: their size is checked before decoding; the served files are encoded again from the pixels."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from core.base.errors import Invalid
from core.http.pictures import checked

FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "webp": "WEBP"}
RED = (200, 30, 30)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_head(side: int) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def jpeg_head(side: int) -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\1\x11\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + b"\x12"
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0" + frame + scan + b"\xff\xd9"


def gif_head(side: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\2\2\x4c\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0" * 6 + frame + b"\x3b"


def drawn(kind: str, size: tuple[int, int] = (40, 20), **options) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", size, RED).save(output, FORMATS[kind], **options)
    return output.getvalue()


def opened(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_keeps_its_format_size_and_colours(kind):
    extension, content = checked(drawn(kind), "picture")
    picture = opened(content)
    assert (extension, picture.format, picture.size) == (kind, FORMATS[kind], (40, 20))
    assert all(abs(one - two) <= 6 for one, two in zip(picture.convert("RGB").getpixel((20, 10)), RED, strict=True))


@pytest.mark.parametrize("make", [png_head, jpeg_head, gif_head])
def test_a_picture_of_too_many_pixels_is_refused_by_its_head(make):
    with pytest.raises(Invalid) as refused:
        checked(make(60_000), "picture")
    assert (refused.value.code, refused.value.field) == ("too_many_pixels", "picture")
    assert "60000" in str(refused.value.message)


def test_the_pixels_of_all_frames_count():
    frames = [Image.new("L", (1000, 1000), shade) for shade in range(30)]
    output = io.BytesIO()
    frames[0].save(output, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(Invalid) as refused:
        checked(output.getvalue(), "picture")
    assert refused.value.code == "too_many_pixels"


def test_an_animation_of_too_many_frames_is_refused():
    # given 501 frames of one pixel
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    content = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0" * 6 + frame * 501 + b"\x3b"
    # when, then
    with pytest.raises(Invalid) as refused:
        checked(content, "picture")
    assert (refused.value.code, str(refused.value.message)) == (
        "too_many_frames",
        "The animation has 501 frames; at most 500 are allowed.",
    )


def test_an_animation_keeps_its_frames_and_times():
    frames = [Image.new("RGB", (20, 20), (shade, 0, 0)) for shade in (10, 120, 250)]
    for kind in ("gif", "webp"):
        output = io.BytesIO()
        frames[0].save(output, FORMATS[kind], save_all=True, append_images=frames[1:], duration=[80, 160, 240], loop=0)
        picture = opened(checked(output.getvalue(), "picture")[1])
        assert picture.n_frames == 3
        durations = []
        for number in range(3):
            picture.seek(number)
            picture.load()
            durations.append(picture.info["duration"])
        assert durations == [80, 160, 240]


def test_a_large_still_picture_is_made_smaller():
    assert opened(checked(drawn("jpg", (4000, 1000)), "picture")[1]).size == (2000, 500)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_is_cut_off_is_refused(kind):
    whole = drawn(kind, (200, 200))
    for length in (0, 4, 12, 30, len(whole) // 2):
        with pytest.raises(Invalid) as refused:
            checked(whole[:length], "picture")
        assert refused.value.code in {"damaged", "invalid"}


@pytest.mark.parametrize("kind", FORMATS)
def test_only_the_pixels_of_the_file_are_kept(kind):
    # given a photograph with metadata and a comment, and an archive after its end
    exif = Image.Exif()
    exif[0x010E] = "<script>in exif</script>"
    options = {"jpg": {"exif": exif, "comment": b"<script>"}, "webp": {"exif": exif}, "png": {"exif": exif}}
    content = drawn(kind, **options.get(kind, {"comment": b"<script>"})) + b"PK\3\4<script>alert(1)</script>"
    assert b"<script>" in content
    # when
    cleaned = checked(content, "picture")[1]
    # then
    assert b"script" not in cleaned
    assert b"PK\3\4" not in cleaned
    assert not opened(cleaned).getexif()


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"BM" + b"\0" * 40, b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(Invalid):
        checked(content, "picture")
