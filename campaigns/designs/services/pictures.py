"""Store the pictures of designs: decoded within limits, scaled to what an e-mail shows, and encoded again."""

from __future__ import annotations

import io
import uuid

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from PIL import Image

from campaigns.designs.models import DesignPicture
from core.base.actor import Actor
from core.base.errors import Invalid
from core.http import pictures

UPLOAD_BYTES = 8 * 1024 * 1024
# Twice the width of an e-mail, for screens with small pixels.
SHOWN_WIDTH = 1200
JPEG_QUALITY = 82
# A picture that is heavier than this makes the reader wait on a phone.
HEAVY_BYTES = 200 * 1024


def save_picture(*, upload: UploadedFile, actor: Actor) -> DesignPicture:
    """Store an uploaded picture. Raises Invalid naming `picture`: too large, damaged, or of another kind."""
    if (upload.size or 0) > UPLOAD_BYTES:
        raise Invalid(
            _("A picture may have at most %(most)s MB.") % {"most": UPLOAD_BYTES // 1024 // 1024},
            code="too_large",
            field="picture",
        )
    extension, content = pictures.checked(upload.read(), "picture")
    extension, content, (width, height) = _for_email(extension, content)
    name = f"{uuid.uuid4().hex}.{extension}"
    with transaction.atomic():
        row = DesignPicture(name=name, width=width, height=height, size=len(content), uploaded_by_id=actor.user_id)
        row.picture.save(name, ContentFile(content), save=False)
        row.save()
    return row


def picture_path(name: str) -> str:
    """Return the public path of a picture."""
    return reverse("design_picture", args=[name])


def _for_email(extension: str, content: bytes) -> tuple[str, bytes, tuple[int, int]]:
    """Return the picture in the width that an e-mail shows; WebP, which Outlook can't read, becomes PNG or JPEG."""
    with Image.open(io.BytesIO(content)) as picture:
        if getattr(picture, "is_animated", False) and extension == "gif":
            return extension, content, picture.size
        picture.load()
        clear = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
        scaled = picture.convert("RGBA" if clear else "RGB")
    if scaled.width > SHOWN_WIDTH:
        scaled = scaled.resize((SHOWN_WIDTH, max(1, round(scaled.height * SHOWN_WIDTH / scaled.width))))
    output = io.BytesIO()
    if clear:
        scaled.save(output, format="PNG", optimize=True)
        return "png", output.getvalue(), scaled.size
    scaled.save(output, format="JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    return "jpg", output.getvalue(), scaled.size
