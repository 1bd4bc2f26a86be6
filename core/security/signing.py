"""Django's Signer with a key that is derived only once, because links are signed by the million."""

from __future__ import annotations

import base64
import hmac
from functools import cached_property
from hashlib import sha256

from django.core import signing
from django.utils.encoding import force_bytes


class Signer(signing.Signer):
    """A signer with the same signatures as django.core.signing.Signer(salt=...)."""

    def __init__(self, *, salt: str) -> None:
        super().__init__(salt=salt, algorithm="sha256")

    def signature(self, value: str | bytes, key: str | bytes | None = None) -> str:
        if key is not None and key != self.key:
            return super().signature(value, key)
        digest = hmac.digest(self._derived, force_bytes(value), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @cached_property
    def _derived(self) -> bytes:
        # The key that django.utils.crypto.salted_hmac derives from salt and key before each signature.
        return sha256(force_bytes(self.salt) + b"signer" + force_bytes(self.key)).digest()
