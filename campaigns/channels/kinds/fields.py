"""The kinds of fields that only the accounts with providers have."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.fields import Field
from core.fields.kinds import LineKind
from core.http import outgoing


class SigningSecretKind(LineKind):
    """A secret for signed requests: `whsec_` and at least 24 bytes in base64."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        secret = super().clean(field, raw, strict=strict)
        if secret and not _is_signing_secret(secret):
            raise Invalid(_("Enter whsec_ followed by at least 24 bytes in base64."))
        return secret


class CallbackKeyKind(LineKind):
    """A key by which a provider proves that a callback is its own."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        key = super().clean(field, raw, strict=strict)
        if key and len(key) < 20:
            raise Invalid(_("A key has 20 characters or more."), code="too_short")
        return key


def _is_signing_secret(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(outgoing.PREFIX), validate=True)
    except (ValueError, binascii.Error):
        return False
    return secret.startswith(outgoing.PREFIX) and len(key) >= 24
