"""Uploaded pictures: decoded within limits and encoded again, so that no uploaded bytes are served.

This removes embedded scripts and archives, and the texts, comments and places of a photograph.
"""

from __future__ import annotations

import io
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps, ImageSequence

from core.base.errors import Invalid

MOST_SIDE = 8000
# For all frames together: each is decoded, with four bytes a pixel.
MOST_PIXELS = 25_000_000
MOST_FRAMES = 500
# No page shows more; a larger still picture is scaled down.
SERVED_SIDE = 2000
# SVG is left out because it can carry scripts.
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, OverflowError)
# Pillow's own limit warns or fails while opening; `checked` compares the size before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


def response_of(picture: FieldFile | None) -> FileResponse:
    """Return a stored picture. Raises Http404. Browsers keep it for ever, because a file name is never reused."""
    kind = TYPES.get(picture.name.rpartition(".")[2]) if picture and picture.name else None
    if picture is None or kind is None:
        raise Http404
    try:
        file = picture.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=kind)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def checked(content: bytes, field: str) -> tuple[str, bytes]:
    """Return (extension, re-encoded picture). Raises Invalid: invalid, damaged, too_many_frames or too_many_pixels."""
    if not content.startswith(_SIGNATURES):
        raise Invalid(_("Use a PNG, JPEG, WebP or GIF picture."), code="invalid", field=field)
    try:
        with Image.open(io.BytesIO(content), formats=list(EXTENSIONS)) as picture:
            _check_size(picture, field)
            return EXTENSIONS[str(picture.format)], _rewritten(picture)
    except _DAMAGE:
        raise Invalid(
            _("The picture is damaged or incomplete. Save it again, then upload it."), code="damaged", field=field
        ) from None


def _check_size(picture: Image.Image, field: str) -> None:
    width, height = picture.size
    frames = getattr(picture, "n_frames", 1) if max(width, height) <= MOST_SIDE else 1
    if frames > MOST_FRAMES:
        raise Invalid(
            _("The animation has %(frames)s frames; at most %(most)s are allowed.")
            % {"frames": frames, "most": MOST_FRAMES},
            code="too_many_frames",
            field=field,
        )
    if max(width, height) > MOST_SIDE or width * height * frames > MOST_PIXELS:
        raise Invalid(
            _("The picture has %(width)s × %(height)s pixels; at most %(side)s a side and 25 million are allowed.")
            % {"width": width, "height": height, "side": MOST_SIDE},
            code="too_many_pixels",
            field=field,
        )


def _rewritten(picture: Image.Image) -> bytes:
    options: dict[str, Any] = {"format": picture.format}
    profile = picture.info.get("icc_profile")
    if getattr(picture, "is_animated", False):
        frames = [frame.copy() for frame in ImageSequence.Iterator(picture)]
        options |= {
            "save_all": True,
            "append_images": frames[1:],
            "loop": picture.info.get("loop", 0),
            "duration": [frame.info.get("duration", 100) for frame in frames],
        }
        still = frames[0]
    else:
        picture.load()
        still = ImageOps.exif_transpose(picture)
        still.thumbnail((SERVED_SIDE, SERVED_SIDE))
    if picture.format == "JPEG":
        options |= {"quality": 88, "optimize": True}
    # Keep only the pixels and their colours.
    for one in (still, *options.get("append_images", [])):
        one.info = {key: one.info[key] for key in ("transparency", "background", "duration") if key in one.info}
    if profile:
        options["icc_profile"] = profile
    output = io.BytesIO()
    still.save(output, **options)
    return output.getvalue()
