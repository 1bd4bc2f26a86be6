"""Encryption of personal data at rest (P3): AES-256-GCM to read back, HMAC-SHA-256 to look up exactly.

Stored bytes: key id (1) | nonce (12) | ciphertext and tag. The model and field are the associated data, so a value
copied into another column does not decrypt. The blind index is: key id (1) | the first 16 bytes of the HMAC.
"""

from __future__ import annotations

import base64
import hmac
import os
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.conf import settings

NONCE = 12
INDEX = 16
SEALED = "sealed:"


class Undecryptable(Exception):
    """The value's key is not configured, or the stored bytes were changed."""


def primary_key_id() -> int:
    return next(iter(settings.PII_KEYS))


@lru_cache(maxsize=32)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=32)
def _index_key(key: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), 32, b"liuke blind index").derive(key)


def encrypt(value: str, context: str) -> bytes:
    key_id = primary_key_id()
    nonce = os.urandom(NONCE)
    sealed = _cipher(settings.PII_KEYS[key_id]).encrypt(nonce, value.encode(), context.encode())
    return bytes([key_id]) + nonce + sealed


def decrypt(stored: bytes, context: str) -> str:
    key = settings.PII_KEYS.get(stored[0])
    if key is None:
        raise Undecryptable(f"No key with id {stored[0]} is configured in PII_KEYS.")
    try:
        return _cipher(key).decrypt(stored[1 : 1 + NONCE], stored[1 + NONCE :], context.encode()).decode()
    except InvalidTag:
        raise Undecryptable(f"A value of {context} does not match its key.") from None


def seal_text(value: str, context: str) -> str:
    """Return an encrypted value as text. A mark tells it apart from text that was stored before encryption existed."""
    return SEALED + base64.b64encode(encrypt(value, context)).decode()


def open_text(stored: str, context: str) -> str:
    """Return the value that `seal_text` encrypted, or the text itself when it has no mark."""
    if not stored.startswith(SEALED):
        return stored
    return decrypt(base64.b64decode(stored.removeprefix(SEALED)), context)


def blind_index(value: str, context: str, key_id: int | None = None) -> bytes:
    """Return the look-up form of a normalised value, under the primary key unless `key_id` names another."""
    key_id = primary_key_id() if key_id is None else key_id
    digest = hmac.digest(_index_key(settings.PII_KEYS[key_id]), f"{context}\0{value}".encode(), sha256)
    return bytes([key_id]) + digest[:INDEX]


def blind_indexes(value: str, context: str) -> list[bytes]:
    """Return all forms under which the value may be stored, for look-ups during a rotation of keys."""
    return [blind_index(value, context, key_id) for key_id in settings.PII_KEYS]
